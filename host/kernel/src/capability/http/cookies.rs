//! The cookies of one connection, where the operator wrote `cookies: keep`: what a server sets goes back to that server and
//! nowhere else, and no guest sees it. Sessions that a token belongs to (a common protection against forged
//! requests) need that. They live as long as the system's grant and bindings do, in memory.
//!
//! All requests of a connection go to one host below one path, so `Domain` and `Path` decide nothing here; a server that
//! finds its cookie too old sets another (RFC 6265, sections 4.1 and 5.3).

use std::sync::Arc;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::redact::Redactor;
use crate::limits;

/// One connection's.
pub(super) struct Cookies {
    /// Over plain HTTP a cookie that is `Secure` is not kept.
    encrypted: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// In the order in which they came.
    pairs: Vec<(String, Zeroizing<String>)>,
    redactor: Arc<Redactor>,
}

impl Cookies {
    pub(super) fn new(encrypted: bool) -> Self {
        Self {
            encrypted,
            kept: Mutex::default(),
        }
    }

    /// Puts them on a request.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        let kept = self.kept.lock();
        let pairs: Vec<_> = (kept.pairs.iter())
            .map(|(name, value)| [name, "=", value.as_str()].concat())
            .collect();
        let line = Zeroizing::new(pairs.join("; "));
        if let Ok(mut value) = HeaderValue::from_str(&line)
            && !line.is_empty()
        {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }

    /// Keeps what a response sets, and gives what takes all of them out of it.
    pub(super) fn take(&self, headers: &HeaderMap) -> Arc<Redactor> {
        let mut kept = self.kept.lock();
        let set = headers.get_all(SET_COOKIE).iter();
        let before = kept.pairs.clone();
        for line in set.filter_map(|value| value.to_str().ok()) {
            self.set(&mut kept.pairs, line);
        }
        if kept.pairs != before {
            let values: Vec<&[u8]> = (kept.pairs.iter())
                .map(|(_, value)| value.as_bytes())
                .collect();
            kept.redactor = Arc::new(Redactor::new(&values));
        }
        kept.redactor.clone()
    }

    fn set(&self, pairs: &mut Vec<(String, Zeroizing<String>)>, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let (mut ended, mut secure) = (value.is_empty(), false);
        for attribute in parts {
            let (attribute, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            secure |= attribute.eq_ignore_ascii_case("secure");
            ended |= attribute.eq_ignore_ascii_case("max-age")
                && value.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
        }
        pairs.retain(|(kept, _)| kept != name);
        let size: usize = (pairs.iter())
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let fits = pairs.len() < limits::HTTP_COOKIES
            && size + name.len() + value.len() <= limits::HTTP_COOKIE_BYTES;
        if !name.is_empty() && !ended && fits && (self.encrypted || !secure) {
            pairs.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        }
    }
}
