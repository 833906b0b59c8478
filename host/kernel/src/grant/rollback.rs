//! Whether an approval would go back to an older version: a good signature stays good for ever, also on a version with
//! a hole that its publisher has mended since.

use semver::Version;

use super::{Grant, Wishes, printable};

/// Says how, where these wishes come from an older version of the adapter than the approved one.
#[must_use]
pub fn goes_back(present: &Grant, wishes: &Wishes) -> Option<String> {
    let (approved, wanted) = (&present.adapter, &wishes.adapter);
    if approved.name != wanted.name {
        return None;
    }
    let words = match (
        Version::parse(&approved.version),
        Version::parse(&wanted.version),
    ) {
        (Ok(old), Ok(new)) if new.cmp_precedence(&old).is_ge() => return None,
        (Ok(_), Ok(_)) => "older than",
        // Nobody knows which is the older: better asked than let through.
        _ => "not to be compared with",
    };
    Some(format!(
        "{} {} is {words} {}, which is approved",
        printable(&wanted.name),
        printable(&wanted.version),
        printable(&approved.version)
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Approval, GrantedAdapter};
    use super::*;

    fn adapter(name: &str, version: &str) -> GrantedAdapter {
        GrantedAdapter {
            name: name.into(),
            version: version.into(),
            digest: "sha256:0".into(),
        }
    }

    #[test]
    fn only_an_older_version_of_the_same_adapter_goes_back() {
        let table = [
            ("a/b", "1.0.0", "1.0.0", false),
            ("a/b", "1.0.0", "1.0.1", false),
            ("a/b", "1.9.0", "1.10.0", false),
            ("a/b", "1.10.0", "1.9.0", true),
            ("a/b", "1.0.0", "1.0.0-rc.1", true),
            ("a/b", "1.0.0-rc.1", "1.0.0", false),
            ("a/b", "1.0.0+b", "1.0.0+a", false),
            ("a/b", "odd", "1.0.0", true),
            ("a/c", "2.0.0", "1.0.0", false),
        ];
        for (approved, old, new, back) in table {
            let grant = Grant::of(
                "s".into(),
                adapter(approved, old),
                Approval {
                    by: "r".into(),
                    at: "t".into(),
                    reason: "w".into(),
                    signature: None,
                },
                Vec::new(),
            );
            let wishes = Wishes {
                system: "s".into(),
                adapter: adapter("a/b", new),
                items: Vec::new(),
                reasons: BTreeMap::new(),
            };
            assert_eq!(goes_back(&grant, &wishes).is_some(), back, "{old} to {new}");
        }
    }
}
