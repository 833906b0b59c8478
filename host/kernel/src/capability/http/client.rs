//! The two clients that all systems share, one per network policy. Names are resolved here and every address is
//! checked; the connection then goes to one of those very addresses, so a name cannot change its mind in between.
//! No redirects, no proxy, no cookies of its own, no decompression: none of that is in a client this plain.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use tower_service::Service;

use super::super::PrepareError;
use super::address;
use super::body::Body;
use crate::limits;

/// Turns a name into addresses; tests put their own in.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Connections kept alive and reused, HTTP/1.1 only.
pub(super) type Client = legacy::Client<InTime, Body>;

/// What all systems share: one client per network policy, with its own resolver.
#[derive(Debug, Clone)]
pub struct HttpClients {
    public: Client,
    private: Client,
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
        let tls = Arc::new(tls_config()?);
        let client = |private_network| {
            build(
                Arc::clone(&tls),
                CheckedResolver {
                    lookup: lookup.clone(),
                    private_network,
                },
            )
        };
        Ok(Self {
            public: client(false),
            private: client(true),
        })
    }

    pub(super) fn for_network(&self, private: bool) -> &Client {
        if private { &self.private } else { &self.public }
    }
}

fn build(tls: Arc<ClientConfig>, resolver: CheckedResolver) -> Client {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false); // TLS is laid over it
    tcp.set_nodelay(true);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(limits::HTTP_IDLE)
        .pool_max_idle_per_host(limits::HTTP_IDLE_CONNECTIONS)
        .build(InTime(HttpsConnector::from((tcp, tls))))
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

/// Connects, TLS included, within [`limits::HTTP_CONNECT`].
#[derive(Debug, Clone)]
pub(super) struct InTime(HttpsConnector<HttpConnector<CheckedResolver>>);

type Connected = <HttpsConnector<HttpConnector<CheckedResolver>> as Service<Uri>>::Response;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for InTime {
    type Response = Connected;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Connected, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move {
            let connected = tokio::time::timeout(limits::HTTP_CONNECT, connecting)
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?;
            // A connection that is dropped takes along what the machine has not sent yet: a revoked system's request
            // must not drip on for as long as its server is slow.
            let stream = match &connected {
                MaybeHttpsStream::Http(plain) => plain.inner(),
                MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner(),
            };
            stream.set_zero_linger()?;
            Ok(connected)
        })
    }
}

/// Resolves a name and lets its addresses through only if every one of them is allowed.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    lookup: Lookup,
    private_network: bool,
}

impl std::fmt::Debug for CheckedResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedResolver")
            .field("private_network", &self.private_network)
            .finish_non_exhaustive()
    }
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = (self.lookup)(name.as_str().to_owned());
        let private_network = self.private_network;
        Box::pin(async move {
            let found = found.await?;
            for address in &found {
                address::check(address.ip(), private_network)?;
            }
            Ok(found.into_iter())
        })
    }
}
