//! Push and pull. Whatever comes is held against the digest that named it before anyone looks at it.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;
use tombolo_kernel::package::signature::SIGNATURE_ENDING;
use url::Url;

use super::artifact::{self, Descriptor, MANIFEST};
use super::referrers;
use super::wire::{Access, Answer, Ask, Wire};
use super::{Reference, RegistryError};

/// A registry that is being talked to.
pub struct Registry {
    wire: Wire,
    reference: Reference,
    patience: Duration,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Of the adapter's manifest: what a site pins.
    pub digest: String,
    /// Whether a signature went along.
    pub signed: bool,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Of the manifest, or of the bytes where they came without one.
    pub digest: String,
    /// The manifest, as it came.
    pub manifest: Option<Vec<u8>>,
    /// The adapter, of the digest that the manifest names. Not checked further.
    pub adapter: Vec<u8>,
    /// `.minisig` files, whoever put them there.
    pub signatures: Vec<Vec<u8>>,
}

impl Registry {
    /// For the place that `reference` names; `patience` is for all of a push or pull.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(
        reference: &Reference,
        access: Access,
        patience: Duration,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            wire: Wire::new(&reference.registry, access)?,
            reference: reference.clone(),
            patience,
        })
    }

    /// Sends an adapter under its tag, and its signature as a referrer.
    ///
    /// # Errors
    /// The registry is away or refuses, or there is no tag.
    pub async fn push(
        mut self,
        package: &Package,
        signature: Option<&[u8]>,
    ) -> Result<Pushed, RegistryError> {
        let patience = self.patience;
        in_time(patience, self.push_all(package, signature)).await
    }

    async fn push_all(
        &mut self,
        package: &Package,
        signature: Option<&[u8]>,
    ) -> Result<Pushed, RegistryError> {
        let tag = self.reference.tag.clone().ok_or_else(|| {
            RegistryError::new(
                "found no tag to push to; expected one, such as the adapter's version",
            )
        })?;
        let (config, manifest) = artifact::of_adapter(package);
        self.put_blob(&config).await?;
        self.put_blob(&package.bytes).await?;
        self.put_manifest(&tag, MANIFEST, manifest.clone()).await?;
        if let Some(signature) = signature {
            self.put_blob(artifact::NOTHING).await?;
            self.put_blob(signature).await?;
            let (signed, descriptor) = artifact::of_signature(signature, &manifest);
            let answer = self
                .put_manifest(&descriptor.digest, MANIFEST, signed)
                .await?;
            referrers::note(self, &answer, &artifact::digest(&manifest), &descriptor).await?;
        }
        Ok(Pushed {
            digest: artifact::digest(&manifest),
            signed: signature.is_some(),
        })
    }

    /// Gets an adapter and all its signatures.
    ///
    /// # Errors
    /// The registry is away, has no such thing, or gives something else than it was asked for.
    pub async fn pull(mut self) -> Result<Pulled, RegistryError> {
        let patience = self.patience;
        in_time(patience, self.pull_all()).await
    }

    async fn pull_all(&mut self) -> Result<Pulled, RegistryError> {
        let wanted = self.reference.digest.clone();
        let name = wanted.clone().or_else(|| self.reference.tag.clone());
        let manifest = self
            .manifest(&name.unwrap_or_default(), MANIFEST)
            .await?
            .ok_or_else(|| RegistryError::new(format!("{} has no such thing", self.reference)))?;
        let digest = artifact::digest(&manifest);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(RegistryError::new(format!(
                "asked for {wanted}, the registry gave {digest}; nothing is kept"
            )));
        }
        let layer = artifact::layer(&manifest)?;
        let adapter = self.blob(&layer).await?;
        let signatures = referrers::signatures(self, &digest).await?;
        Ok(Pulled {
            digest,
            manifest: Some(manifest),
            adapter,
            signatures,
        })
    }

    // === the registry's interface (OCI distribution-spec 1.1) ===

    /// A manifest by tag or digest, or nothing.
    pub(super) async fn manifest(
        &mut self,
        name: &str,
        kind: &str,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let path = format!("manifests/{name}");
        let answer = self
            .get(&path, &[("accept", kind)], limits::REGISTRY_MANIFEST)
            .await?;
        self.found(&path, answer)
    }

    /// What is at a path of the repository.
    pub(super) async fn get(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        most: u64,
    ) -> Result<Answer, RegistryError> {
        let url = self.url(path)?;
        let ask = Ask {
            method: Method::GET,
            url,
            headers,
            body: Vec::new(),
            most,
        };
        self.wire.send(&ask).await
    }

    /// The bytes that a descriptor names, or an error.
    pub(super) async fn blob(&mut self, of: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let path = format!("blobs/{}", of.digest);
        let answer = self.get(&path, &[], of.size).await?;
        let bytes = self
            .found(&path, answer)?
            .ok_or_else(|| RegistryError::new(format!("{} has no {path}", self.reference)))?;
        let digest = artifact::digest(&bytes);
        if digest != of.digest || bytes.len() as u64 != of.size {
            return Err(RegistryError::new(format!(
                "asked for {} of {} bytes, the registry gave {digest} of {}; nothing is kept",
                of.digest,
                of.size,
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    pub(super) async fn put_manifest(
        &mut self,
        name: &str,
        kind: &str,
        bytes: Vec<u8>,
    ) -> Result<Answer, RegistryError> {
        let url = self.url(&format!("manifests/{name}"))?;
        let headers = [("content-type", kind)];
        self.done(Method::PUT, url, &headers, bytes, StatusCode::CREATED)
            .await
    }

    async fn put_blob(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        let begin = self.url("blobs/uploads/")?;
        let begun = self
            .done(
                Method::POST,
                begin.clone(),
                &[],
                Vec::new(),
                StatusCode::ACCEPTED,
            )
            .await?;
        let location = begun
            .headers
            .get(LOCATION)
            .and_then(|location| location.to_str().ok());
        let mut place = location
            .and_then(|location| begin.join(location).ok())
            .ok_or_else(|| RegistryError::new(format!("{begin} names no place to upload to")))?;
        place
            .query_pairs_mut()
            .append_pair("digest", &artifact::digest(bytes));
        let headers = [("content-type", "application/octet-stream")];
        self.done(
            Method::PUT,
            place,
            &headers,
            bytes.to_vec(),
            StatusCode::CREATED,
        )
        .await
        .map(drop)
    }

    async fn done(
        &mut self,
        method: Method,
        url: Url,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        expected: StatusCode,
    ) -> Result<Answer, RegistryError> {
        let ask = Ask {
            method,
            url,
            headers,
            body,
            most: limits::REGISTRY_MANIFEST,
        };
        let answer = self.wire.send(&ask).await?;
        if answer.status != expected {
            return Err(refused(&self.reference, &answer));
        }
        Ok(answer)
    }

    fn found(&self, path: &str, answer: Answer) -> Result<Option<Vec<u8>>, RegistryError> {
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused(&format!("{} ({path})", self.reference), &answer)),
        }
    }

    fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.wire
            .url(&format!("v2/{}/{path}", self.reference.repository))
    }
}

/// An adapter at an address of its own, with `.minisig` beside it; it must be of this digest, where one is said.
///
/// # Errors
/// As with [`Registry::pull`].
pub async fn download(
    address: &Url,
    digest: Option<&str>,
    access: Access,
    patience: Duration,
) -> Result<Pulled, RegistryError> {
    let mut wire = Wire::at(address.clone(), access)?;
    let mut beside = address.clone();
    beside.set_path(&format!("{}.{SIGNATURE_ENDING}", address.path()));
    in_time(patience, async move {
        let mut get = async |url: &Url, most| {
            let ask = Ask {
                method: Method::GET,
                url: url.clone(),
                headers: &[],
                body: Vec::new(),
                most,
            };
            wire.send(&ask).await
        };
        let answer = get(address, limits::PACKAGE_BYTES).await?;
        if answer.status != StatusCode::OK {
            return Err(refused(address, &answer));
        }
        let found = artifact::digest(&answer.body);
        if let Some(digest) = digest.filter(|digest| *digest != found) {
            return Err(RegistryError::new(format!(
                "{address}: asked for {digest}, found {found}; nothing is kept"
            )));
        }
        let signature = get(&beside, limits::SIGNATURE_BYTES).await?;
        let signatures = (signature.status == StatusCode::OK).then_some(signature.body);
        Ok(Pulled {
            digest: found,
            manifest: None,
            adapter: answer.body,
            signatures: signatures.into_iter().collect(),
        })
    })
    .await
}

/// All of it within `patience`: a server that sends a byte a minute is not waited for.
async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    tokio::time::timeout(patience, Box::pin(work))
        .await
        .unwrap_or_else(|_| {
            Err(RegistryError::new(format!(
                "not done within {} s, and given up; nothing is kept. Say more with --timeout",
                patience.as_secs()
            )))
        })
}

/// A status that was not hoped for, with the registry's words cut short.
pub(super) fn refused(what: &dyn std::fmt::Display, answer: &Answer) -> RegistryError {
    let words: String = String::from_utf8_lossy(&answer.body)
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    RegistryError::new(format!(
        "{what}: the server says {}: {words}",
        answer.status
    ))
}
