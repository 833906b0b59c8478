//! The two clients that all systems share, one per network policy. Names are resolved here and every address is
//! checked; the connection then goes to one of those very addresses, so a name cannot change its mind in between.
//! No redirects, no proxy, no cookies, no decompression, no retries.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};

use super::super::PrepareError;
use super::address;
use crate::limits;

/// Turns a name into addresses; tests put their own in.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// What all systems share: one client per network policy, with its own resolver.
#[derive(Debug, Clone)]
pub struct HttpClients {
    public: reqwest::Client,
    private: reqwest::Client,
}

impl HttpClients {
    /// Installs nothing and connects nowhere.
    ///
    /// # Errors
    /// TLS that cannot be set up.
    pub fn new() -> Result<Self, PrepareError> {
        Self::with_lookup(Arc::new(|name| {
            Box::pin(
                async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) },
            )
        }))
    }

    pub(super) fn with_lookup(lookup: Lookup) -> Result<Self, PrepareError> {
        let tls = tls_config()?;
        let client = |private_network| {
            build(
                tls.clone(),
                CheckedResolver {
                    lookup: lookup.clone(),
                    private_network,
                },
            )
        };
        Ok(Self {
            public: client(false)?,
            private: client(true)?,
        })
    }

    pub(super) fn for_network(&self, private: bool) -> &reqwest::Client {
        if private { &self.private } else { &self.public }
    }
}

fn build(tls: ClientConfig, resolver: CheckedResolver) -> Result<reqwest::Client, PrepareError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .connect_timeout(limits::HTTP_CONNECT)
        .pool_idle_timeout(limits::HTTP_IDLE)
        .pool_max_idle_per_host(limits::HTTP_IDLE_CONNECTIONS)
        .user_agent(concat!("tombolo/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| PrepareError(format!("the HTTP client cannot be set up: {error}")))
}

/// The provider is named here, so that nothing has to be installed for the process.
fn tls_config() -> Result<ClientConfig, PrepareError> {
    let failed = |error: rustls::Error| PrepareError(format!("TLS cannot be set up: {error}"));
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let mut config = match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        Err(error) => {
            // A machine without roots can still reach plain HTTP on its own network; every TLS server is refused.
            tracing::warn!(%error, "no TLS roots on this machine: https connections will be refused");
            builder
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Resolves a name and lets its addresses through only if every one of them is allowed.
struct CheckedResolver {
    lookup: Lookup,
    private_network: bool,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let private_network = self.private_network;
        Box::pin(async move {
            let found = found.await?;
            for address in &found {
                address::check(address.ip(), private_network)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
