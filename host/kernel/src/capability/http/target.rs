//! From what a guest asked for to the address that is sent: base address, checked path, encoded query.
//!
//! A path is never repaired: what the grant was asked about is, byte for byte, what the server is sent.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Uri;
use http::uri::Authority;
use url::Url;

use crate::limits;

/// A connection's base address.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    /// `https://host:8443/base`, without a slash at the end.
    prefix: String,
    /// Where the path begins in `prefix`.
    path_at: usize,
    /// `host:8443`, what every request goes to.
    authority: Authority,
}

impl Base {
    pub(super) fn new(url: &Url) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!(
                "the base address has the scheme `{}`; expected http://HOST or https://HOST",
                url.scheme()
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the base address holds a user or password; name them under `credential`".into(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("the base address holds a query or fragment; it is scheme, host, port and path only".into());
        }
        let prefix = url.as_str().trim_end_matches('/').to_owned();
        let path_at = url.as_str().len() - url.path().len();
        let authority = (url.as_str()[..path_at].parse::<Uri>().ok())
            .and_then(|uri| uri.authority().cloned())
            .ok_or("the base address has a host that HTTP cannot carry")?;
        Ok(Self {
            url: url.clone(),
            prefix,
            path_at,
            authority,
        })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The address for a path that [`crate::grant::check_path`] let through. `secret_query` is the credential's own `name=value`.
    pub(super) fn join(
        &self,
        path: &str,
        query: &[(String, String)],
        secret_query: Option<&str>,
    ) -> Result<Uri, TargetError> {
        let mut text = String::with_capacity(self.prefix.len() + path.len() + 64);
        text.push_str(&self.prefix);
        text.push_str(path);
        let path_end = text.len();
        for (name, value) in query {
            text.push(if text.len() == path_end { '?' } else { '&' });
            encode(name, &mut text);
            text.push('=');
            encode(value, &mut text);
        }
        if text.len() - self.path_at > limits::HTTP_PATH_BYTES {
            return Err(TargetError::TooLong);
        }
        if let Some(secret) = secret_query {
            text.push(if text.len() == path_end { '?' } else { '&' });
            text.push_str(secret);
        }
        let text = Bytes::from(text);
        let uri = Uri::from_maybe_shared(text.clone()).map_err(|_| TargetError::Changed)?;
        // What the parser understood must be what was checked, byte for byte.
        if uri.path().as_bytes() != &text[self.path_at..path_end]
            || uri.authority() != Some(&self.authority)
            || uri.scheme_str() != Some(self.url.scheme())
        {
            return Err(TargetError::Changed);
        }
        Ok(uri)
    }
}

/// Why a checked path makes no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetError {
    /// Path and query over the bound.
    TooLong,
    /// The address would not be what was checked.
    Changed,
}

/// Appends text with everything but RFC 3986's unreserved characters percent-encoded.
pub(super) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// A path as an audit record shows it: no query, no control characters, not endless.
pub(super) fn shown(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut out = String::with_capacity(path.len());
    for character in path.chars().take(RECORDED_CHARACTERS) {
        if character.is_ascii_graphic() {
            out.push(character)
        } else {
            out.extend(character.escape_default())
        }
    }
    out
}

/// A record shows this much of a path.
const RECORDED_CHARACTERS: usize = 512;
