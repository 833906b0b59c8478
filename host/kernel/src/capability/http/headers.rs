//! Which headers a guest may set, and which of a response it sees.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::credential::Attached;
use super::redact::Redactor;
use crate::limits;

/// Headers that are the host's: they decide where a request goes, who sends it, how it is framed, or which method
/// and path the server takes it for.
const HOSTS_OWN: &[&str] = &[
    "host",
    "authorization",
    "cookie",
    "cookie2",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "accept-encoding",
    "http2-settings",
    "forwarded",
    "x-real-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-method",
];

/// Beginnings of such names.
const HOSTS_OWN_PREFIXES: &[&str] = &["proxy-", "x-forwarded-"];

/// Headers that ask for a part of the answer. Where a credential goes along they are the host's too: of a server that
/// echoes the credential, a guest would get it in pieces too short to be found.
const PARTS: &[&str] = &["range", "if-range"];

/// Headers of a response that concern the connection, or would set a guest's cookies.
const NOT_FOR_GUESTS: &[&str] = &[
    "set-cookie",
    "set-cookie2",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks and converts what the guest set, beside the connection's credential.
pub(super) fn for_request(
    headers: &[(String, String)],
    credential: &Attached,
) -> Result<HeaderMap, String> {
    let own = credential.header();
    let whole_only = !matches!(credential, Attached::None);
    if headers.len() > limits::HTTP_HEADERS {
        return Err(format!(
            "{} headers; at most {}",
            headers.len(),
            limits::HTTP_HEADERS
        ));
    }
    let total: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if total > limits::HTTP_HEADER_BYTES {
        return Err(format!(
            "{total} bytes of headers; at most {}",
            limits::HTTP_HEADER_BYTES
        ));
    }
    let mut map = HeaderMap::with_capacity(headers.len() + 3);
    for (name, value) in headers {
        let shown = || name.escape_default().take(80).collect::<String>();
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            format!(
                "`{}` is no header name; expected letters, digits and `-`",
                shown()
            )
        })?;
        if is_hosts_own(header.as_str())
            || whole_only
                && PARTS
                    .iter()
                    .any(|part| same_to_a_server(part, header.as_str()))
            || own.is_some_and(|own| same_to_a_server(own.as_str(), header.as_str()))
        {
            return Err(format!(
                "the header `{}` is the host's; leave it out",
                shown()
            ));
        }
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            format!(
                "the value of header `{}` has a control character; expected text on one line",
                shown()
            )
        })?;
        map.append(header, value);
    }
    Ok(map)
}

/// Gateways turn `-` and `_` into the same variable, so both spellings count.
fn same_to_a_server(one: &str, other: &str) -> bool {
    let plain = |byte: u8| {
        if byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    one.len() == other.len() && one.bytes().map(plain).eq(other.bytes().map(plain))
}

fn is_hosts_own(name: &str) -> bool {
    HOSTS_OWN.iter().any(|own| same_to_a_server(own, name))
        || HOSTS_OWN_PREFIXES.iter().any(|own| {
            name.get(..own.len())
                .is_some_and(|start| same_to_a_server(own, start))
        })
}

/// Bytes of all headers, as they are counted against the bound.
pub(super) fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

/// What the guest sees of a response's headers.
pub(super) fn for_guest(headers: &HeaderMap, redactor: &Redactor) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !NOT_FOR_GUESTS.contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                redactor.clean_text(value.as_bytes()),
            )
        })
        .collect()
}
