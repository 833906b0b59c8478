//! `http`: requests over bound connections. The guarantees are in `wit/http.wit`.
//!
//! A request is checked in this order, and nothing leaves before all of it passed: shape of the path, the grant,
//! headers and size, the address. Only then the credential is attached. What comes back is bounded, and the
//! credential is taken out of it. Nothing here may show a query, a header, a body or a secret.

mod address;
mod aside;
mod body;
mod client;
mod cookies;
mod credential;
mod exchange;
mod headers;
mod oauth;
mod redact;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request};

use self::aside::{Aside, Tell};
use self::body::Body;
use self::client::Client;
use self::cookies::Cookies;
use self::credential::{Attached, Worn};
use self::exchange::{Trouble, exchange};
use self::redact::Redactor;
use self::target::{Base, TargetError};
use super::{NOT_REACHED, PrepareError, Record};
use crate::grant::{ActiveGrant, check_path};
use crate::limits;
use crate::system::{Binding, HttpBinding};

pub use self::address::{AddressRefused, check as check_address};
pub use self::client::HttpClients;

/// A request as the guest asked for it.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Upper case.
    pub method: &'static str,
    /// Path below the base, encoded.
    pub path: String,
    /// Not encoded.
    pub query: Vec<(String, String)>,
    /// As given.
    pub headers: Vec<(String, String)>,
    /// As given.
    pub body: Option<Vec<u8>>,
    /// What the guest is willing to wait.
    pub timeout: Option<Duration>,
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// Any.
    pub status: u16,
    /// Lower case names; no `set-cookie`, nothing that holds the credential.
    pub headers: Vec<(String, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

/// See `wit/http.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// Not granted.
    Denied(String),
    /// Cannot be right.
    Invalid(String),
    /// No connection.
    Unreachable(String),
    /// Too late.
    Timeout,
    /// Over this many bytes.
    TooLarge(u64),
    /// Used up.
    Quota(String),
}

/// One system's HTTP connections.
pub struct Http {
    connections: BTreeMap<String, Connection>,
}

/// A connection made ready.
struct Connection {
    base: Base,
    credential: Attached,
    /// Where the operator wants them kept.
    cookies: Option<Cookies>,
    private_network: bool,
    /// None where nothing is reached.
    client: Option<Client>,
}

// === impl HttpError ===

impl HttpError {
    /// As a record tells it.
    fn outcome(&self) -> String {
        match self {
            Self::Denied(why) => format!("denied: {why}"),
            Self::Invalid(why) => format!("invalid: {why}"),
            Self::Unreachable(why) => format!("unreachable: {why}"),
            Self::Timeout => "timeout".into(),
            Self::TooLarge(most) => format!("too large: over {most} bytes"),
            Self::Quota(why) => format!("quota: {why}"),
        }
    }
}

/// As a record tells a request: of its query only how long it is.
pub(crate) fn what(request: &HttpRequest) -> String {
    let path = target::shown(&request.path);
    let query: usize = request
        .query
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    match query {
        0 => [request.method, " ", &path].concat(),
        bytes => format!("{} {path} with a query of {bytes} bytes", request.method),
    }
}

// === impl Http ===

impl Http {
    /// Makes the HTTP bindings ready; others are passed over. Without clients every request that may leave ends where
    /// it would: no name is resolved, no connection made, no token fetched.
    ///
    /// # Errors
    /// A binding that cannot work.
    pub fn prepare(
        clients: Option<&HttpClients>,
        bindings: &BTreeMap<String, Binding>,
    ) -> Result<Self, PrepareError> {
        let mut connections = BTreeMap::new();
        for (name, binding) in bindings {
            if let Binding::Http(binding) = binding {
                let connection = Connection::prepare(clients, binding)
                    .map_err(|problem| PrepareError(format!("connection `{name}`: {problem}")))?;
                connections.insert(name.clone(), connection);
            }
        }
        Ok(Self { connections })
    }

    /// Checks and sends one request; ends within `left`. What leaves beside it, such as a request for its token, is told
    /// at once.
    ///
    /// # Errors
    /// See [`HttpError`]; the record is there in every case.
    pub async fn send(
        &self,
        grant: &ActiveGrant,
        connection: &str,
        request: HttpRequest,
        left: Duration,
        tell: &(dyn Fn(Record) + Send + Sync),
    ) -> (Result<HttpResponse, HttpError>, Record) {
        let started = Instant::now();
        let mut record = Record {
            target: connection.to_owned(),
            what: what(&request),
            outcome: String::new(),
            denied: false,
            micros: 0,
            sent: 0,
            received: 0,
        };
        let result = self
            .checked(grant, connection, request, left, tell, &mut record)
            .await;
        match &result {
            Ok(response) => {
                record.outcome = response.status.to_string();
                record.received = response.body.len() as u64;
            }
            Err(error) => record.outcome = error.outcome(),
        }
        record.micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (result, record)
    }

    async fn checked(
        &self,
        grant: &ActiveGrant,
        name: &str,
        request: HttpRequest,
        left: Duration,
        tell: Tell<'_>,
        record: &mut Record,
    ) -> Result<HttpResponse, HttpError> {
        // Until the request is built, whatever ends here was refused.
        record.denied = true;
        check_path(&request.path).map_err(|problem| HttpError::Invalid(problem.to_string()))?;
        grant
            .http(name, request.method, &request.path)
            .map_err(|denied| HttpError::Denied(denied.0))?;
        let connection = self.connections.get(name).ok_or_else(|| {
            HttpError::Denied(format!("connection `{name}` is not bound; the operator binds it under `connections` in the system file"))
        })?;
        let allowed = request.timeout.map_or(left, |timeout| {
            timeout.max(limits::HTTP_TIMEOUT_LEAST).min(left)
        });
        let built = connection.build(name, request)?;
        record.denied = false;
        record.sent = built.size;
        let exchange = connection.exchange(name, built, &record.what, tell);
        let sent = tokio::time::timeout(allowed, exchange).await;
        sent.unwrap_or_else(|_| Err(HttpError::Timeout.into()))
            .map_err(|trouble| {
                record.denied = trouble.refused;
                if trouble.unsent {
                    record.sent = 0;
                }
                trouble.error
            })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.connections.keys()).finish()
    }
}

// === impl Connection ===

/// A request that may leave, and its size in bytes.
struct Built {
    request: Request<Body>,
    size: u64,
}

impl Connection {
    fn prepare(clients: Option<&HttpClients>, binding: &HttpBinding) -> Result<Self, String> {
        let base = Base::new(&binding.base)?;
        address::check_literal(base.url(), binding.private_network)
            .map_err(|refused| refused.to_string())?;
        let encrypted = base.url().scheme() == "https";
        Ok(Self {
            base,
            cookies: binding.keeps_cookies.then(|| Cookies::new(encrypted)),
            credential: Attached::prepare(&binding.credential, binding.private_network)?,
            private_network: binding.private_network,
            client: clients.map(|clients| clients.for_network(binding.private_network).clone()),
        })
    }

    fn build(&self, name: &str, request: HttpRequest) -> Result<Built, HttpError> {
        let own_query = self.credential.query();
        for (field, _) in &request.query {
            let is_credentials = own_query.is_some_and(|(own, _)| own.eq_ignore_ascii_case(field));
            if is_credentials || field.eq_ignore_ascii_case("_method") {
                return Err(HttpError::Invalid(format!(
                    "the query field `{}` is the host's; leave it out",
                    field.escape_default()
                )));
            }
        }
        let body = request.body.unwrap_or_default();
        if body.len() as u64 > limits::HTTP_BODY {
            return Err(HttpError::TooLarge(limits::HTTP_BODY));
        }
        let headers =
            headers::for_request(&request.headers, &self.credential).map_err(HttpError::Invalid)?;
        address::check_literal(self.base.url(), self.private_network)
            .map_err(|refused| HttpError::Unreachable(format!("connection `{name}`: {refused}")))?;
        let uri = self
            .base
            .join(
                &request.path,
                &request.query,
                own_query.map(|(_, pair)| pair),
            )
            .map_err(|error| match error {
                TargetError::TooLong => HttpError::TooLarge(limits::HTTP_PATH_BYTES as u64),
                TargetError::Changed => HttpError::Invalid(
                    "the path does not survive being made an address; percent-encode each segment"
                        .into(),
                ),
            })?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| {
            HttpError::Invalid(format!(
                "`{}` is no method",
                request.method.escape_default()
            ))
        })?;
        let size = (uri.path().len()
            + uri.query().map_or(0, str::len)
            + headers::size(&headers)
            + body.len()) as u64;
        let mut built = Request::new(Body::from(body));
        *built.method_mut() = method;
        *built.uri_mut() = uri;
        *built.headers_mut() = headers;
        Ok(Built {
            request: built,
            size,
        })
    }

    async fn exchange(
        &self,
        name: &str,
        Built { mut request, size }: Built,
        what: &str,
        tell: Tell<'_>,
    ) -> Result<HttpResponse, Trouble> {
        let Some(client) = &self.client else {
            return Err(HttpError::Unreachable(NOT_REACHED.into()).into());
        };
        if let Some(cookies) = &self.cookies {
            cookies.put(request.headers_mut());
        }
        match &self.credential {
            Attached::None => Ok(self.for_guest(
                exchange(client, request, name, limits::HTTP_BODY).await?,
                &Redactor::default(),
            )),
            Attached::Query { redactor, .. } => Ok(self.for_guest(
                exchange(client, request, name, limits::HTTP_BODY).await?,
                redactor,
            )),
            Attached::Header(header, worn) => {
                request
                    .headers_mut()
                    .insert(header.clone(), worn.value.clone());
                Ok(self.for_guest(
                    exchange(client, request, name, limits::HTTP_BODY).await?,
                    &worn.redactor,
                ))
            }
            Attached::Token(tokens) => {
                let again = request.clone(); // the body is shared, not copied
                let token = Box::pin(tokens.get(client, name, None, tell)).await;
                let token = token.map_err(Trouble::before_it_left)?;
                let began = Instant::now();
                let raw = with_token(client, name, request, &token.worn).await?;
                if raw.status != http::StatusCode::UNAUTHORIZED {
                    return Ok(self.for_guest(raw, &token.worn.redactor));
                }
                Aside::of(tell, began, name, what.to_owned(), size).end(&Ok(raw));
                let token = Box::pin(tokens.get(client, name, Some(&token), tell)).await;
                let token = token.map_err(Trouble::before_it_left)?;
                Ok(self.for_guest(
                    with_token(client, name, again, &token.worn).await?,
                    &token.worn.redactor,
                ))
            }
        }
    }

    fn for_guest(&self, raw: exchange::Raw, redactor: &Redactor) -> HttpResponse {
        let (mut body, mut changed) = redactor.clean(raw.body);
        let mut headers = headers::for_guest(&raw.headers, redactor);
        if let Some(cookies) = &self.cookies {
            let redactor = cookies.take(&raw.headers);
            let found;
            (body, found) = redactor.clean(body);
            changed |= found;
            for (_, value) in &mut headers {
                *value = redactor.clean_text(value.as_bytes());
            }
        }
        if changed {
            // The body's length is no longer what the server said.
            headers.retain(|(name, _)| name != "content-length");
        }
        HttpResponse {
            status: raw.status.as_u16(),
            headers,
            body,
        }
    }
}

async fn with_token(
    client: &Client,
    name: &str,
    mut request: Request<Body>,
    worn: &Arc<Worn>,
) -> Result<exchange::Raw, Trouble> {
    request
        .headers_mut()
        .insert(http::header::AUTHORIZATION, worn.value.clone());
    exchange(client, request, name, limits::HTTP_BODY).await
}
