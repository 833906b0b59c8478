//! The worst that could happen by one item, for a reviewer who decides whether that may be risked. Pure.

use tombolo_manifest::Effect;

use super::Item;

/// A short sentence; nothing for what can do no harm, or only takes away.
#[must_use]
pub fn worst(item: &Item) -> Option<&'static str> {
    Some(match item {
        Item::Http {
            allow, credential, ..
        } => match (
            allow.split(' ').next().unwrap_or_default(),
            credential.as_str(),
        ) {
            ("GET" | "HEAD", "none") => "Whatever the adapter knows leaves in the requests.",
            ("GET" | "HEAD", _) => {
                "All that the credential may read there is read, and what the adapter knows leaves in the requests."
            }
            ("DELETE" | "*", _) => {
                "All that can be reached there is changed or deleted in your name."
            }
            (_, "none") => "Whatever the adapter knows is sent there.",
            _ => {
                "False data is written there in your name, and whatever the adapter knows is sent there."
            }
        },
        Item::Sql {
            effect: Effect::Read,
            ..
        } => "Every row that the statement can show is read, again and again.",
        Item::Sql {
            effect: Effect::Write,
            ..
        } => "Rows are filled with false data, in every way that its parameters leave open.",
        Item::Sql {
            effect: Effect::Destructive,
            ..
        } => "Rows are gone, in every way that its parameters leave open.",
        Item::Publish { .. } => "Whoever listens acts on false messages: machines too.",
        Item::Subscribe { .. } => {
            "Messages are taken from the broker and dropped, or turned into false events."
        }
        Item::Key { r#use, .. } => key(r#use),
        Item::Emit { .. } => "False events start every flow that listens to them.",
        Item::Store { .. } => "Data that reached it stays here, and comes back in a later call.",
        Item::Action { .. } => "The other system does this with false data, with its own rights.",
        Item::Limits { .. } => "Every call uses all of it; other systems keep their share.",
        Item::Hide { .. } | Item::Mask { .. } | Item::MaskMatching { .. } => return None,
    })
}

fn key(key_use: &str) -> &'static str {
    let made_by = |kinds: &[&str]| kinds.iter().any(|kind| key_use.starts_with(kind));
    if made_by(&["digest-sorted-"]) {
        "The key itself becomes known."
    } else if made_by(&["sign-", "hmac-", "digest-", "encrypt-"]) {
        "Texts of its own making carry the key's signature, and whoever trusts the key trusts them."
    } else if made_by(&["decrypt-"]) {
        "All that was encrypted for this key and reaches the adapter is read."
    } else {
        "A false sender is said to be genuine."
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn http(allow: &str, credential: &str) -> Item {
        Item::Http {
            connection: "api".into(),
            place: "https://x.example".into(),
            allow: allow.into(),
            credential: credential.into(),
            private_network: false,
        }
    }

    #[test]
    fn the_worst_of_a_request_is_what_its_method_and_credential_make_possible() {
        for (allow, credential, said) in [
            ("GET /a", "none", "Whatever the adapter knows leaves"),
            ("GET /a", "bearer", "credential may read"),
            ("POST /a", "none", "is sent there"),
            ("PUT /a", "bearer", "in your name"),
            ("DELETE /a", "bearer", "deleted"),
            ("* /a", "none", "deleted"),
        ] {
            let worst = worst(&http(allow, credential)).unwrap();
            assert!(worst.contains(said), "{allow} {credential}: {worst}");
        }
    }

    #[test]
    fn a_key_is_worth_what_its_use_makes_of_it() {
        for (key_use, said) in [
            ("digest-sorted-sha1", "becomes known"),
            ("digest-sha1", "signature"),
            ("hmac-sha256", "signature"),
            ("sign-ed25519", "signature"),
            ("decrypt-cbc", "is read"),
            ("verify-rs256", "genuine"),
            ("equal", "genuine"),
        ] {
            assert!(key(key_use).contains(said), "{key_use}");
        }
    }

    #[test]
    fn what_takes_away_has_no_worst() {
        let hide = Item::Hide {
            field: "phone".into(),
        };
        assert_eq!(worst(&hide), None);
    }
}
