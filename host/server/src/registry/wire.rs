//! Requests to one registry: bounded answers, no proxy, redirects followed by hand. Whom the operator named may be
//! anywhere; what the registry in turn names (a redirect, a place for tokens) must be at a public address, or the
//! registry's own. The credential goes to the registry and to the token server it names, encrypted or to this machine.
//!
//! `oci-client` would do, but it takes no resolver of ours, follows redirects wherever they lead, and reads manifests
//! without a bound.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use tombolo_kernel::capability::http::check_address;
use tombolo_kernel::limits;
use tombolo_kernel::secret::Secret;
use url::{Host, Url};

use super::RegistryError;
use super::challenge::{self, Challenge};

/// How a registry is reached.
#[derive(Default)]
pub struct Access {
    /// Name and password.
    pub credential: Option<(String, Secret)>,
    /// What it redirects to may be on a private network too.
    pub private_network: bool,
    /// Plain HTTP, although it is not this machine.
    pub insecure: bool,
}

/// An answer, read whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A request to be sent, as often as it takes.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// `accept`, `content-type`.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Vec<u8>,
    /// Largest answer, bytes.
    pub(super) most: u64,
}

/// A way to one registry.
pub(super) struct Wire {
    base: Url,
    named: Client,
    access: Access,
    authorization: Option<String>,
}

impl Wire {
    /// For `registry.example` or `127.0.0.1:5000`; connects nowhere yet.
    pub(super) fn new(registry: &str, access: Access) -> Result<Self, RegistryError> {
        let at = |scheme: &str| {
            Url::parse(&format!("{scheme}://{registry}/")).map_err(|error| {
                RegistryError::new(format!("{registry:?} is no registry's host: {error}"))
            })
        };
        let secure = at("https")?;
        let base = if access.insecure || is_this_machine(&secure) {
            at("http")?
        } else {
            secure
        };
        Self::at(base, access)
    }

    /// For what lies at an address of its own.
    pub(super) fn at(base: Url, access: Access) -> Result<Self, RegistryError> {
        if base.scheme() == "http" && !access.insecure && !is_this_machine(&base) {
            return Err(RegistryError::new(format!(
                "{base} is not encrypted; expected https, or `insecure: allow` for it in `registries` of tombolo.yaml"
            )));
        }
        Ok(Self {
            named: client(base.scheme() == "https", true)?,
            base,
            access,
            authorization: None,
        })
    }

    /// `path` of the registry.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(path).map_err(|error| {
            RegistryError::new(format!("cannot make an address of {path:?}: {error}"))
        })
    }

    /// Sends, proves who asks if the registry wants that, and follows redirects of what is only read.
    pub(super) async fn send(&mut self, ask: &Ask<'_>) -> Result<Answer, RegistryError> {
        let mut url = ask.url.clone();
        let mut proved = false;
        for _ in 0..=limits::REGISTRY_REDIRECTS {
            let answer = self.once(ask, &url).await?;
            match answer.status {
                StatusCode::UNAUTHORIZED if !proved && self.is_own(&url) => {
                    proved = true;
                    self.prove(&answer.headers).await?;
                }
                status if status.is_redirection() && ask.method == Method::GET => {
                    let next = answer
                        .headers
                        .get(LOCATION)
                        .and_then(|location| location.to_str().ok());
                    url = next
                        .and_then(|next| url.join(next).ok())
                        .ok_or_else(|| RegistryError::new(format!("{url} redirects to nowhere")))?;
                }
                _ => return Ok(answer),
            }
        }
        Err(RegistryError::new(format!(
            "{} redirects more than {} times",
            ask.url,
            limits::REGISTRY_REDIRECTS
        )))
    }

    async fn once(&self, ask: &Ask<'_>, url: &Url) -> Result<Answer, RegistryError> {
        let mut request = self.client(url)?.request(ask.method.clone(), url.clone());
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = self.authorization.as_ref().filter(|_| self.is_own(url)) {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !ask.body.is_empty() {
            request = request.body(ask.body.clone());
        }
        read(request, url, ask.most).await
    }

    /// Gets what the registry wants to see in `authorization`.
    async fn prove(&mut self, headers: &HeaderMap) -> Result<(), RegistryError> {
        let told = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|header| header.to_str().ok());
        let challenge = told
            .filter_map(challenge::parse)
            .next()
            .ok_or_else(|| {
                RegistryError::new(format!(
                    "{} wants to know who asks, in a way that is not known here; expected Basic or Bearer",
                    self.base
                ))
            })?;
        let basic = self.access.credential.as_ref().map(|(user, password)| {
            let both = [user.as_bytes(), b":", password.expose()].concat();
            format!("Basic {}", STANDARD.encode(both))
        });
        self.authorization = match challenge {
            Challenge::Basic => Some(basic.ok_or_else(|| {
                RegistryError::new(format!(
                    "{} wants a name and a password; name them in `registries` of tombolo.yaml, or with --user and --password-env",
                    self.base
                ))
            })?),
            Challenge::Bearer { realm, query } => Some(self.token(&realm, &query, basic).await?),
        };
        Ok(())
    }

    /// A token from the server that the registry named.
    async fn token(
        &self,
        realm: &str,
        query: &[(String, String)],
        basic: Option<String>,
    ) -> Result<String, RegistryError> {
        #[derive(Deserialize)]
        struct Token {
            #[serde(alias = "access_token")]
            token: String,
        }
        let mut url = Url::parse(realm).map_err(|error| {
            RegistryError::new(format!("{} names no place for tokens: {error}", self.base))
        })?;
        url.query_pairs_mut().extend_pairs(query);
        let mut request = self.client(&url)?.get(url.clone());
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let answer = read(request, &url, limits::REGISTRY_MANIFEST).await?;
        if !answer.status.is_success() {
            return Err(RegistryError::new(format!(
                "{} does not give a token ({}); check name and password",
                shown(&url),
                answer.status
            )));
        }
        // The parser's message could quote the token.
        serde_json::from_slice::<Token>(&answer.body)
            .ok()
            .filter(|token| !token.token.contains(char::is_control))
            .map(|token| format!("Bearer {}", token.token))
            .ok_or_else(|| RegistryError::new(format!("{} gives no token", shown(&url))))
    }

    /// The client for an address: who may lie where.
    fn client(&self, url: &Url) -> Result<Client, RegistryError> {
        let own = self.is_own(url);
        let refuse = |why: &str| {
            Err(RegistryError::new(format!(
                "{} names {}, {why}",
                self.base,
                shown(url)
            )))
        };
        let encrypted = url.scheme() == "https";
        let plain = url.scheme() == "http" && (own || self.access.insecure || is_this_machine(url));
        if !encrypted && !plain {
            return refuse("which is not encrypted; expected https");
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return refuse("which has no host"),
        };
        if let Some(address) = literal
            && let Err(error) = check_address(address, own || self.access.private_network)
        {
            return refuse(&format!("but {error}"));
        }
        if own {
            Ok(self.named.clone())
        } else {
            client(encrypted, self.access.private_network)
        }
    }

    /// The registry's own host and port.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }
}

async fn read(
    request: reqwest::RequestBuilder,
    url: &Url,
    most: u64,
) -> Result<Answer, RegistryError> {
    let failed = |error: reqwest::Error| {
        RegistryError::new(format!(
            "{} does not answer: {}",
            shown(url),
            causes(&error.without_url())
        ))
    };
    let mut response = request.send().await.map_err(failed)?;
    let too_large = || {
        RegistryError::new(format!(
            "{} answers with more than {most} bytes, expected at most that",
            shown(url)
        ))
    };
    if response
        .content_length()
        .is_some_and(|length| length > most)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body,
    })
}

/// The last word of a chain of errors says what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Without query: a redirect's holds a key to the place it leads to.
fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_query(None);
    plain.to_string()
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn client(encrypted: bool, private_network: bool) -> Result<Client, RegistryError> {
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits::HTTP_CONNECT)
        .user_agent("tombolo")
        .dns_resolver(Arc::new(Checked { private_network }));
    if !encrypted {
        // Plain HTTP needs no certificate authorities, and a small container may have none to load.
        builder = builder.tls_certs_only(Vec::new());
    }
    builder
        .build()
        .map_err(|error| RegistryError::new(format!("cannot make an HTTP client: {error}")))
}

/// Resolves a name and lets its addresses through only if every one of them is allowed.
struct Checked {
    private_network: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let private_network = self.private_network;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                check_address(address.ip(), private_network).map_err(io::Error::other)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
