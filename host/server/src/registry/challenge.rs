//! What a registry says it wants to see: the header `www-authenticate` (RFC 7235, and the token scheme of registries).
//! Pure.

/// One challenge.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password.
    Basic,
    /// A token, which the server at `realm` gives out for this query.
    Bearer {
        realm: String,
        query: Vec<(String, String)>,
    },
}

/// Reads one header; others than the two schemes are passed over.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut realm = None;
    let mut query = Vec::new();
    for (name, value) in parameters(rest) {
        match name.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            name @ ("service" | "scope") => query.push((name.to_owned(), value)),
            _ => {}
        }
    }
    Some(Challenge::Bearer {
        realm: realm?,
        query,
    })
}

/// `a="b",c=d`: a comma inside quotes belongs to the value.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_owned();
        let (value, following) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.trim().to_owned()));
        rest = following;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_understood_and_nonsense_is_not() {
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        let told = "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull,push\"";
        let query = vec![
            ("service".to_owned(), "registry.example".to_owned()),
            ("scope".to_owned(), "repository:a/b:pull,push".to_owned()),
        ];
        let realm = "https://auth.example/token".to_owned();
        assert_eq!(parse(told), Some(Challenge::Bearer { realm, query }));
        for told in [
            "",
            "Bearer",
            "Bearer realm",
            "Digest realm=\"x\"",
            "bearer service=x",
        ] {
            assert_eq!(parse(told), None, "{told}");
        }
    }
}
