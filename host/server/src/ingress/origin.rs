//! Whether a request was meant for this host and not made by somebody else's page in a browser: its `Host` is one of
//! the host's names, and its `Origin` the host's own. Hooks are not asked: they are signed, and called by any name.
//!
//! A page whose name was rebound to this host's address still sends its own name; an address in numbers cannot be
//! rebound and is always taken.

use std::net::IpAddr;

use http::{HeaderMap, Uri, header};
use url::Url;

/// By which names the host is called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Lower case, without ports.
    hosts: Vec<String>,
    /// `https://hooks.example`.
    public: Option<String>,
}

impl Names {
    /// Those of a site.
    pub(crate) fn of(public_url: Option<&str>, hosts: &[String]) -> Self {
        let public = public_url.and_then(|url| Url::parse(url).ok());
        let mut hosts = hosts.to_vec();
        hosts.push("localhost".to_owned());
        hosts.extend(public.as_ref().and_then(Url::host_str).map(str::to_owned));
        Self {
            hosts,
            public: public.map(|url| url.origin().ascii_serialization()),
        }
    }

    /// Whether a request may be looked at.
    ///
    /// # Errors
    /// Why not, for the sender.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let Some(host) = one(headers, header::HOST) else {
            return Err("found no single `Host` header, expected one".into());
        };
        for authority in [
            Some(host),
            uri.authority().map(|authority| authority.as_str()),
        ] {
            if authority.is_some_and(|authority| !self.is_mine(authority)) {
                return Err("the `Host` header has a name that is not this host's; name it in tombolo.yaml under `public-url` or `hosts`".into());
            }
        }
        if headers.contains_key(header::ORIGIN)
            && !one(headers, header::ORIGIN).is_some_and(|origin| self.is_own(origin, host))
        {
            return Err("the `Origin` header is of another site".into());
        }
        // Browsers tell where a page's request comes from, and no page can change what they tell.
        match one(headers, "sec-fetch-site") {
            None if !headers.contains_key("sec-fetch-site") => Ok(()),
            Some("same-origin" | "none") => Ok(()),
            _ => Err("the request was made by another site's page".into()),
        }
    }

    fn is_mine(&self, authority: &str) -> bool {
        let name = without_port(authority).to_ascii_lowercase();
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        bare.unwrap_or(&name).parse::<IpAddr>().is_ok() || self.hosts.contains(&name)
    }

    fn is_own(&self, origin: &str, host: &str) -> bool {
        let called = ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
        let mut own = called.iter().chain(&self.public);
        own.any(|own| own.eq_ignore_ascii_case(origin))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port))
            if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => authority,
    }
}

/// The value of a header that is there once.
fn one(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(uri: &str, all: &[(&'static str, &str)]) -> bool {
        let names = Names::of(
            Some("https://Hooks.Example/in"),
            &["tombolo.internal".to_owned()],
        );
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        names.check(&uri.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn only_the_hosts_own_names_and_numbers_are_it() {
        let table = [
            ("localhost", true),
            ("localhost:7070", true),
            ("LOCALHOST", true),
            ("127.0.0.1:7070", true),
            ("[::1]:7070", true),
            ("[::1]", true),
            ("10.1.2.3", true),
            ("hooks.example", true),
            ("hooks.example:443", true),
            ("tombolo.internal:7070", true),
            ("evil.example", false),
            ("evil.example:7070", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("localhost:x", false),
            ("hooks.example.", false),
            ("", false),
            ("[::1", false),
        ];
        for (host, taken) in table {
            assert_eq!(check("/", &[("host", host)]), taken, "{host:?}");
        }
        assert!(!check("/", &[]));
        assert!(!check("/", &[("host", "localhost"), ("host", "localhost")]));
        assert!(!check("http://evil.example/api", &[("host", "localhost")]));
        assert!(check("http://localhost/api", &[("host", "localhost")]));
    }

    #[test]
    fn a_page_of_another_site_is_told_no() {
        let table = [
            ("origin", "http://localhost:7070", true),
            ("origin", "https://localhost:7070", true),
            ("origin", "https://hooks.example", true),
            ("origin", "http://hooks.example", false),
            ("origin", "http://localhost", false),
            ("origin", "http://localhost:7071", false),
            ("origin", "null", false),
            ("origin", "", false),
            ("origin", "https://evil.example", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "else", false),
        ];
        for (name, value, taken) in table {
            let headers = [("host", "localhost:7070"), (name, value)];
            assert_eq!(check("/", &headers), taken, "{name}: {value}");
        }
        let twice = [
            ("host", "localhost"),
            ("origin", "http://localhost"),
            ("origin", "http://localhost"),
        ];
        assert!(!check("/", &twice));
    }
}
