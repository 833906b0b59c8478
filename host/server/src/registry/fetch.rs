//! Gets what the systems of a site name and is not here yet. Nothing is kept that the site would not run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tombolo_kernel::package::signature::Verdict;
use tombolo_kernel::package::{Package, Publishers, Signer};

use super::{Access, Cellar, Pulled, Reference, Registry, RegistryError, download};
use crate::secrets::SecretSource;
use crate::site::{AdapterPlace, Adapters, PackageShelf, Places, Settings};

/// One adapter that systems of the site name.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where it lies.
    pub place: AdapterPlace,
    /// Which systems name it.
    pub systems: Vec<String>,
    /// What it is and whether it was here already, or why it cannot be had.
    pub result: Result<(String, bool), RegistryError>,
}

/// How the registries of a site are reached.
///
/// # Errors
/// A password that is not there.
pub fn access(folder: &Path, settings: &Settings, host: &str) -> Result<Access, RegistryError> {
    let Some(registry) = settings.registries.get(host) else {
        return Ok(Access::default());
    };
    let source = SecretSource::new(folder, settings.secrets.clone());
    let credential = match (&registry.user, &registry.password) {
        (Some(user), Some(password)) => Some((
            user.clone(),
            source
                .resolve(password)
                .map_err(|error| RegistryError::new(error.to_string()))?,
        )),
        _ => None,
    };
    Ok(Access {
        credential,
        private_network: registry.private_network,
        insecure: registry.insecure,
    })
}

/// Gets every adapter that is not here yet; one that cannot be had stops no other. `patience` is for each.
pub async fn fetch(folder: &Path, site: &Places, patience: Duration) -> Vec<Fetched> {
    let mut wanted: BTreeMap<String, (AdapterPlace, Vec<String>, bool)> = BTreeMap::new();
    for (system, place, unsigned) in &site.systems {
        if matches!(place, AdapterPlace::File(_)) {
            continue;
        }
        let entry = wanted
            .entry(place.to_string())
            .or_insert_with(|| (place.clone(), Vec::new(), true));
        entry.1.push(system.clone());
        entry.2 &= *unsigned;
    }
    let mut all = Vec::new();
    for (place, systems, unsigned) in wanted.into_values() {
        let result = fetch_one(folder, &site.settings, &place, unsigned, patience).await;
        all.push(Fetched {
            place,
            systems,
            result,
        });
    }
    all
}

async fn fetch_one(
    folder: &Path,
    settings: &Settings,
    place: &AdapterPlace,
    unsigned: bool,
    patience: Duration,
) -> Result<(String, bool), RegistryError> {
    let cellar = Cellar::new(&settings.data);
    let mut shelf = PackageShelf::new(settings);
    if let Ok(present) = shelf.adapter(place)
        && !matches!(
            present.verdict.clone().signer(unsigned),
            Signer::Nobody { .. }
        )
    {
        return Ok((present.package.digest.clone(), true));
    }
    let pulled = pull(folder, settings, place, patience).await?;
    let package = Package::read(pulled.adapter.clone()).map_err(|error| {
        RegistryError::new(format!(
            "no host would take what came: {error}; nothing is kept"
        ))
    })?;
    let signature = choose(&settings.publishers, &package, &pulled.signatures, unsigned)?;
    cellar.keep(&pulled, signature)?;
    Ok((package.digest, false))
}

async fn pull(
    folder: &Path,
    settings: &Settings,
    place: &AdapterPlace,
    patience: Duration,
) -> Result<Pulled, RegistryError> {
    match place {
        AdapterPlace::Registry(reference) => {
            let access = access(folder, settings, &reference.registry)?;
            pull_from(reference, access, patience).await
        }
        AdapterPlace::Web { address, digest } => {
            let host = &address[url::Position::BeforeHost..url::Position::AfterPort];
            download(
                address,
                Some(digest),
                access(folder, settings, host)?,
                patience,
            )
            .await
        }
        AdapterPlace::File(file) => Err(RegistryError::new(format!(
            "{} is a file, expected an address",
            file.display()
        ))),
    }
}

async fn pull_from(
    reference: &Reference,
    access: Access,
    patience: Duration,
) -> Result<Pulled, RegistryError> {
    Registry::new(reference, access, patience)?.pull().await
}

/// The signature by which the site would run the package: a good one, or, where the unsigned may run, one that does
/// no harm.
pub(super) fn choose<'s>(
    publishers: &Publishers,
    package: &Package,
    signatures: &'s [Vec<u8>],
    unsigned: bool,
) -> Result<Option<&'s [u8]>, RegistryError> {
    let judged =
        |signature: Option<&'s Vec<u8>>| publishers.judge(package, signature.map(Vec::as_slice));
    let good = signatures
        .iter()
        .find(|signature| matches!(judged(Some(signature)), Verdict::Good { .. }));
    if let Some(good) = good {
        return Ok(Some(good));
    }
    match judged(signatures.first()) {
        Verdict::Untrusted(_) if unsigned => Ok(signatures.first().map(Vec::as_slice)),
        Verdict::Untrusted(found) => Err(RegistryError::new(format!(
            "not signed by whom the site trusts: {found}; nothing is kept"
        ))),
        Verdict::Wrong(found, advice) => Err(RegistryError::new(format!(
            "not well signed: {found}; nothing is kept. {advice}"
        ))),
        Verdict::Good { .. } => Ok(signatures.first().map(Vec::as_slice)),
    }
}
