//! The publisher of every adapter in these tests: one pair of keys for each process, trusted by every [`TestSite`].
//!
//! [`TestSite`]: crate::site::TestSite

use std::sync::LazyLock;

use tombolo_kernel::package::Package;
use tombolo_pack::Signer;

static SIGNER: LazyLock<Signer> = LazyLock::new(stranger);

/// The public key.
pub fn key() -> String {
    SIGNER.key()
}

/// A publisher whom no site trusts.
pub fn stranger() -> Signer {
    let files = tombolo_pack::keygen(None).unwrap();
    Signer::open(&files.secret, None).unwrap()
}

/// The line of `tombolo.yaml` by which a site trusts the tests' publisher.
pub fn publishers() -> String {
    let key = key();
    format!("publishers: {{ \"tombolo/*\": {key}, \"hostile/*\": {key} }}\n")
}

/// The signature of an adapter; what is no adapter has none.
pub fn sign(bytes: &[u8]) -> Option<String> {
    sign_as(&SIGNER, bytes)
}

/// The same by another publisher.
pub fn sign_as(signer: &Signer, bytes: &[u8]) -> Option<String> {
    let package = Package::read(bytes.to_vec()).ok()?;
    Some(signer.sign(bytes, &package.manifest.adapter).unwrap())
}
