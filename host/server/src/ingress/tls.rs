//! TLS 1.3 in this process, and a certificate that is replaced without dropping a connection: those under way keep what
//! they began with. A new one that cannot be used leaves the old in place, loudly.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::site::TlsFiles;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there or is no PEM of what it should be.
    #[error("{0}: {1}; expected {2} in PEM")]
    File(PathBuf, String, &'static str),
    /// They do not fit.
    #[error("{0} and its key cannot be used: {1}")]
    Unfit(PathBuf, #[source] rustls::Error),
}

/// The certificate in use.
#[derive(Default)]
pub(crate) struct Tls {
    files: Mutex<Option<TlsFiles>>,
    config: ArcSwapOption<ServerConfig>,
}

impl Tls {
    /// With the files of the site.
    ///
    /// # Errors
    /// They cannot be used.
    pub(crate) fn begin(files: Option<TlsFiles>) -> Result<Self, TlsError> {
        let config = files.as_ref().map(configuration).transpose()?;
        Ok(Self {
            files: Mutex::new(files),
            config: ArcSwapOption::new(config),
        })
    }

    /// What the next connection uses; nothing: plain HTTP.
    pub(crate) fn config(&self) -> Option<Arc<ServerConfig>> {
        self.config.load_full()
    }

    /// The files that are looked at.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let files = self.files.lock().clone();
        files.map_or_else(Vec::new, |files| vec![files.certificate, files.key])
    }

    /// Takes other files, or none.
    pub(crate) fn replace(&self, files: Option<TlsFiles>) {
        *self.files.lock() = files;
        self.renew();
    }

    /// Reads the files again.
    pub(crate) fn renew(&self) {
        let files = self.files.lock().clone();
        match files.as_ref().map(configuration).transpose() {
            Ok(config) => self.config.store(config),
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the one before stays");
            }
        }
    }
}

/// TLS 1.3 with HTTP/1.1 and nothing else.
///
/// # Errors
/// The files cannot be used.
pub(crate) fn configuration(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = || -> Result<Vec<_>, rustls::pki_types::pem::Error> {
        CertificateDer::pem_file_iter(&files.certificate)?.collect()
    };
    let chain = certificates().map_err(|error| {
        TlsError::File(files.certificate.clone(), error.to_string(), "certificates")
    })?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsError::File(files.key.clone(), error.to_string(), "a private key"))?;
    let unfit = |error| TlsError::Unfit(files.certificate.clone(), error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    // Who wants HTTP/2 only is told so in the handshake: its floods and resets cannot even be sent.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
