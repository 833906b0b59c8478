//! Which signatures refer to an adapter: by the registry's own list, or, where it keeps none, by the tag that stands
//! for one (OCI distribution-spec 1.1, "Referrers Tag Schema").

use reqwest::StatusCode;
use tombolo_kernel::limits;

use super::RegistryError;
use super::artifact::{self, Descriptor, INDEX, MANIFEST};
use super::transfer::{Registry, refused};
use super::wire::Answer;

/// By this header a registry says that it lists what refers to a subject.
const LISTED: &str = "oci-subject";

/// `sha256-0123...`: the tag of the list where the registry keeps none.
fn tag(adapter: &str) -> String {
    adapter.replace(':', "-")
}

/// After a signature was sent: lists it where the registry does not do so by itself.
pub(super) async fn note(
    registry: &mut Registry,
    answer: &Answer,
    adapter: &str,
    referrer: &Descriptor,
) -> Result<(), RegistryError> {
    if answer.headers.contains_key(LISTED) {
        return Ok(());
    }
    let tag = tag(adapter);
    let present = registry.manifest(&tag, INDEX).await?;
    if let Some(index) = artifact::with_referrer(present.as_deref(), referrer)? {
        registry.put_manifest(&tag, INDEX, index).await?;
    }
    Ok(())
}

/// The signatures that refer to the adapter's manifest. One that cannot be had is passed over: what is left must do.
pub(super) async fn signatures(
    registry: &mut Registry,
    adapter: &str,
) -> Result<Vec<Vec<u8>>, RegistryError> {
    let Some(index) = list(registry, adapter).await? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for referrer in artifact::signatures(&index)? {
        let Some(manifest) = registry.manifest(&referrer.digest, MANIFEST).await? else {
            continue;
        };
        if artifact::digest(&manifest) != referrer.digest {
            continue;
        }
        if let Ok(layer) = artifact::signature_layer(&manifest, adapter) {
            found.push(registry.blob(&layer).await?);
        }
    }
    Ok(found)
}

async fn list(registry: &mut Registry, adapter: &str) -> Result<Option<Vec<u8>>, RegistryError> {
    let path = format!("referrers/{adapter}");
    let answer = registry
        .get(&path, &[("accept", INDEX)], limits::REGISTRY_MANIFEST)
        .await?;
    match answer.status {
        StatusCode::OK if artifact::signatures(&answer.body).is_ok() => Ok(Some(answer.body)),
        StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            registry.manifest(&tag(adapter), INDEX).await
        }
        _ => Err(refused(&path, &answer)),
    }
}
