//! One request out, one whole response in, under bounds. Errors are told in words that hold no address, no URL and
//! no secret; the machine's own words go to the log.

use std::error::Error;

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::HttpError;
use super::address::AddressRefused;
use super::body::Body;
use super::client::Client;
use super::headers;
use crate::limits;

/// A response as it came.
pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) error: HttpError,
    /// The name led to an address that is not allowed: nothing was sent.
    pub(super) refused: bool,
    /// It had no token to go with: nothing was sent.
    pub(super) unsent: bool,
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self {
            error,
            refused: false,
            unsent: false,
        }
    }
}

impl Trouble {
    /// It came before the request itself left.
    pub(super) fn before_it_left(mut self) -> Self {
        self.unsent = true;
        self
    }
}

/// Who calls, unless the guest says so itself.
const AGENT: &str = concat!("tombolo/", env!("CARGO_PKG_VERSION"));
/// Room made for a body before it is there: what a server says of its length is not yet true.
const FIRST_ROOM: u64 = 64 << 10;

/// Sends and reads at most `most` bytes of body. The caller keeps the time.
pub(super) async fn exchange(
    client: &Client,
    mut request: Request<Body>,
    connection: &str,
    most: u64,
) -> Result<Raw, Trouble> {
    let own = request.headers_mut();
    own.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    own.entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    let answered = client.request(request).await;
    let (parts, mut incoming) = answered
        .map_err(|error| explain(connection, &error, error.is_connect()))?
        .into_parts();
    if headers::size(&parts.headers) > limits::HTTP_HEADER_BYTES {
        return Err(HttpError::TooLarge(limits::HTTP_HEADER_BYTES as u64).into());
    }
    let announced = incoming.size_hint().exact().unwrap_or(0);
    if announced > most {
        return Err(HttpError::TooLarge(most).into());
    }
    let mut body = Vec::with_capacity(usize::try_from(announced.min(FIRST_ROOM)).unwrap_or(0));
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| explain(connection, &error, false))?;
        let Ok(chunk) = frame.into_data() else {
            continue; // trailers: no guest sees them
        };
        if (body.len() + chunk.len()) as u64 > most {
            return Err(HttpError::TooLarge(most).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Raw {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// What went wrong, for the guest and the record.
fn explain(connection: &str, error: &(dyn Error + 'static), while_connecting: bool) -> Trouble {
    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<AddressRefused>()) {
        return Trouble {
            error: HttpError::Unreachable(format!("connection `{connection}`: {refused}")),
            refused: true,
            unsent: true,
        };
    }
    let root = causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    if root.contains("head is too large") {
        return HttpError::TooLarge(limits::HTTP_HEADER_BYTES as u64).into();
    }
    tracing::warn!(connection, error = %root, "an HTTP request failed");
    let io = causes(error)
        .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind);
    let tls = causes(error).any(|cause| cause.is::<rustls::Error>())
        || causes(error)
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|io| {
                io.get_ref()
                    .is_some_and(|inner| inner.is::<rustls::Error>())
            });
    let what = match io {
        _ if tls => "TLS was refused; the operator checks the server's certificate".to_owned(),
        Some(std::io::ErrorKind::TimedOut) => {
            format!("no connection within {} s", limits::HTTP_CONNECT.as_secs())
        }
        Some(std::io::ErrorKind::ConnectionRefused) => "the server refuses connections".to_owned(),
        Some(
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::UnexpectedEof,
        ) => "the server broke the connection off".to_owned(),
        _ if while_connecting => {
            "no connection: its name does not resolve or its network is not reachable".to_owned()
        }
        _ => "the server's answer broke off or is not HTTP".to_owned(),
    };
    HttpError::Unreachable(format!("connection `{connection}`: {what}")).into()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
