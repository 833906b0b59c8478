//! Where an adapter lies in a registry: `oci://registry.example/acme/shop:1.2.0@sha256:...`. Pure.

use std::fmt;

/// What a reference in a site's file begins with.
pub const SCHEME: &str = "oci://";
/// Longest repository name, characters: what registries take.
const REPOSITORY: usize = 255;
/// Longest tag, characters (OCI distribution-spec 1.1).
const TAG: usize = 128;

/// A place in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Host, and port where it is not the usual one.
    pub registry: String,
    /// `acme/shop`.
    pub repository: String,
    /// `1.2.0`; what it stands for can change.
    pub tag: Option<String>,
    /// `sha256:` and 64 hex digits over the manifest; what it stands for cannot change.
    pub digest: Option<String>,
}

impl Reference {
    /// Reads `[oci://]HOST[:PORT]/NAME[:TAG][@sha256:HEX]`. The host is always named: there is no default registry.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "{what}; expected HOST/NAME:TAG@sha256:DIGEST, such as registry.example/acme/shop:1.2.0"
            )
        };
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => {
                return Err(wrong(
                    "found a digest that is not `sha256:` and 64 hex digits in lower case",
                ));
            }
            None => (rest, None),
        };
        let (registry, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("found no registry's host and repository"))?;
        if !is_host(registry) {
            return Err(wrong("found no registry's host at the beginning"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if !is_repository(repository) {
            return Err(wrong(
                "found a repository's name that is not parts of lower case letters, digits, `.`, `_` and `-`",
            ));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("found a tag that no registry takes"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(wrong("found neither a tag nor a digest"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }

    /// The same with this digest.
    #[must_use]
    pub fn pinned(&self, digest: &str) -> Self {
        Self {
            digest: Some(digest.to_owned()),
            ..self.clone()
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest
            .as_ref()
            .map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// `sha256:` and 64 hex digits in lower case.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A host with a dot or a port, or `localhost`: else it would be a part of the name.
pub(crate) fn is_host(text: &str) -> bool {
    let named = text.contains('.') || text.contains(':') || text == "localhost";
    let plain = text.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    });
    named
        && plain
        && url::Url::parse(&format!("https://{text}/"))
            .is_ok_and(|url| url.has_host() && url.path() == "/")
}

fn is_repository(text: &str) -> bool {
    let good = |part: &str| {
        let edge = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        edge(part.bytes().next())
            && edge(part.bytes().last())
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || matches!(byte, b'.' | b'_' | b'-')
            })
    };
    text.len() <= REPOSITORY && text.split('/').all(good)
}

fn is_tag(text: &str) -> bool {
    text.len() <= TAG
        && text.bytes().enumerate().all(|(index, byte)| {
            byte.is_ascii_alphanumeric()
                || byte == b'_'
                || (index > 0 && matches!(byte, b'.' | b'-'))
        })
        && !text.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written_as_it_was() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, tag, has_digest) in [
            (
                "oci://registry.example/acme/shop:1.2.0",
                Some("1.2.0"),
                false,
            ),
            ("oci://127.0.0.1:5000/shop:latest", Some("latest"), false),
            (&format!("oci://localhost/a/b-c/d.e@{digest}"), None, true),
            (&format!("oci://[::1]:5000/a:1@{digest}"), Some("1"), true),
        ] {
            let read = Reference::parse(text).unwrap();
            assert_eq!(read.tag.as_deref(), tag);
            assert_eq!(read.digest.is_some(), has_digest);
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_leads_elsewhere_or_nowhere_is_refused() {
        for text in [
            "",
            "shop:1",
            "acme/shop:1",
            "registry.example/acme/shop",
            "registry.example/../shop:1",
            "registry.example/acme//shop:1",
            "registry.example/Acme:1",
            "registry.example/acme:",
            "registry.example/acme:-1",
            "user@registry.example/acme:1",
            "registry.example?x=/acme:1",
            "registry.example#/acme:1",
            "registry.example/acme:1@sha256:abc",
            "registry.example/acme:1@md5:abc",
            "https://registry.example/acme:1",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
