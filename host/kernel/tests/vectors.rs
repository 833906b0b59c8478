//! Every vector of `data/vectors.json` comes out of `Keys` with the secrets bound by the host: what a guest gets is a
//! tag, a digest, a plain text, never a key. A vector without a case fails the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tombolo_kernel::capability::keys::{Hash, Iv, Keys, Order, Part};
use tombolo_kernel::grant::{ActiveGrant, Approval, Grant, GrantedAdapter, Item};
use tombolo_kernel::secret::Secret;
use tombolo_kernel::system::KeyBinding;

/// Keys and a grant of all their uses.
struct Bound {
    keys: Keys,
    grant: ActiveGrant,
}

/// Name, secret, uses, derivation.
type Binding<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

fn bound(bindings: &[Binding<'_>]) -> Bound {
    let owned = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let mut keys = BTreeMap::new();
    let mut items = Vec::new();
    for (name, secret, uses, derive) in bindings {
        let binding = KeyBinding {
            secret: Secret::new(secret.as_bytes().to_vec()),
            uses: owned(uses),
            derive: owned(derive),
        };
        items.extend(uses.iter().map(|one| Item::Key {
            key: (*name).to_owned(),
            r#use: (*one).to_owned(),
            derive: owned(derive),
        }));
        keys.insert((*name).to_owned(), binding);
    }
    let grant = Grant::of(
        "vectors".into(),
        GrantedAdapter {
            name: "test/vectors".into(),
            version: "1.0.0".into(),
            digest: "sha256:00".into(),
        },
        Approval {
            by: "test".into(),
            at: "2026-11-22T00:00:00Z".into(),
            reason: "test".into(),
            signature: None,
        },
        items,
    );
    Bound {
        keys: Keys::prepare(&keys, true).unwrap(),
        grant: ActiveGrant::new(&grant).unwrap(),
    }
}

impl Bound {
    /// The tag, which the verifying half must take, and no other.
    fn hmac(&self, hash: Hash, message: &str) -> Vec<u8> {
        let tag = self
            .keys
            .hmac(&self.grant, "key", hash, message.as_bytes())
            .unwrap();
        assert!(
            self.keys
                .hmac_verify(&self.grant, "key", hash, message.as_bytes(), &tag)
                .unwrap()
        );
        assert!(
            !self
                .keys
                .hmac_verify(&self.grant, "key", hash, b"else", &tag)
                .unwrap()
        );
        assert!(
            !self
                .keys
                .hmac_verify(
                    &self.grant,
                    "key",
                    hash,
                    message.as_bytes(),
                    &tag[..tag.len() - 1]
                )
                .unwrap()
        );
        tag
    }

    fn digest(&self, hash: Hash, parts: &[Part<'_>], order: Order) -> Vec<u8> {
        let digest = self.keys.digest(&self.grant, hash, parts, order).unwrap();
        assert!(
            self.keys
                .digest_verify(&self.grant, hash, parts, order, &digest)
                .unwrap()
        );
        assert!(
            !self
                .keys
                .digest_verify(&self.grant, hash, parts, order, &digest[1..])
                .unwrap()
        );
        digest
    }
}

fn text<'a>(inputs: &'a Value, name: &str) -> &'a str {
    inputs[name]
        .as_str()
        .unwrap_or_else(|| panic!("the vector has no input `{name}`"))
}

/// Names and values, sorted by name and joined by `pair`.
fn sorted(inputs: &Value, pair: impl Fn(&str, &str) -> String, between: &str) -> String {
    let params: BTreeMap<&str, &str> = inputs["params"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    params
        .into_iter()
        .map(|(name, value)| pair(name, value))
        .collect::<Vec<_>>()
        .join(between)
}

/// A callback whose signature sorts its parts and whose body is AES-CBC with an owner behind the message.
fn sealed_callback(inputs: &Value, aes_key: &str, sealed: &str, owner: &str) -> Value {
    let bound = bound(&[
        ("token", text(inputs, "token"), &["digest-sorted-sha1"], &[]),
        (
            "aes",
            text(inputs, aes_key),
            &["decrypt-cbc", "encrypt-cbc"],
            &["append:=", "base64"],
        ),
    ]);
    let sealed = text(inputs, sealed);
    let parts = [
        Part::Key("token"),
        Part::Bytes(text(inputs, "timestamp").as_bytes()),
        Part::Bytes(text(inputs, "nonce").as_bytes()),
        Part::Bytes(sealed.as_bytes()),
    ];
    let signature = hex::encode(bound.digest(Hash::Sha1, &parts, Order::Sorted));
    let plain = bound
        .keys
        .decrypt_cbc(
            &bound.grant,
            "aes",
            Iv::KeyPrefix,
            32,
            &STANDARD.decode(sealed).unwrap(),
        )
        .unwrap();
    let again = bound
        .keys
        .encrypt_cbc(&bound.grant, "aes", Iv::KeyPrefix, 32, &plain)
        .unwrap();
    assert_eq!(STANDARD.encode(again), sealed, "encrypting is the way back");
    let length = u32::from_be_bytes(plain[16..20].try_into().unwrap()) as usize;
    let (message, rest) = plain[20..].split_at(length);
    serde_json::json!({
        "msg_signature": signature,
        "message": String::from_utf8(message.to_vec()).unwrap(),
        owner: String::from_utf8(rest.to_vec()).unwrap(),
    })
}

fn computed(system: &str, algorithm: &str, inputs: &Value) -> Value {
    let hmac = |secret: &str, hash: Hash, message: &str| {
        let name = format!("hmac-{}", hash.name());
        bound(&[("key", text(inputs, secret), &[name.as_str()], &[])]).hmac(hash, message)
    };
    let base64 = |bytes: Vec<u8>| STANDARD.encode(bytes);
    let out = match system {
        "standard-webhooks" => {
            let bound = bound(&[(
                "key",
                text(inputs, "secret"),
                &["hmac-sha256"],
                &["strip-prefix:whsec_", "base64"],
            )]);
            let message = ["webhook_id", "webhook_timestamp", "body"]
                .map(|name| text(inputs, name))
                .join(".");
            format!("v1,{}", base64(bound.hmac(Hash::Sha256, &message)))
        }
        "github-style" | "jira / bitbucket" => format!(
            "sha256={}",
            hex::encode(hmac("secret", Hash::Sha256, text(inputs, "body")))
        ),
        "slack" => {
            let message = format!("v0:{}:{}", text(inputs, "timestamp"), text(inputs, "body"));
            format!(
                "v0={}",
                hex::encode(hmac("signing_secret", Hash::Sha256, &message))
            )
        }
        "soap/ws-security" => {
            let bound = bound(&[("key", text(inputs, "password"), &["digest-sha1"], &[])]);
            let nonce = STANDARD.decode(text(inputs, "nonce")).unwrap();
            let parts = [
                Part::Bytes(&nonce),
                Part::Bytes(text(inputs, "created").as_bytes()),
                Part::Key("key"),
            ];
            base64(bound.digest(Hash::Sha1, &parts, Order::Given))
        }
        "dingtalk" if algorithm.starts_with("msg_signature") => {
            return sealed_callback(inputs, "aes_key", "encrypt", "owner_key");
        }
        "dingtalk" => base64(hmac("appSecret", Hash::Sha256, text(inputs, "timestamp"))),
        "wecom" => return sealed_callback(inputs, "encoding_aes_key", "echostr", "receive_id"),
        "feishu" => {
            let bound = bound(&[(
                "aes",
                text(inputs, "encrypt_key"),
                &["decrypt-cbc"],
                &["sha256"],
            )]);
            let sealed = STANDARD.decode(text(inputs, "encrypt")).unwrap();
            String::from_utf8(
                bound
                    .keys
                    .decrypt_cbc(&bound.grant, "aes", Iv::MessagePrefix, 16, &sealed)
                    .unwrap(),
            )
            .unwrap()
        }
        "hubspot" => {
            let bound = bound(&[(
                "key",
                text(inputs, "client_secret"),
                &["digest-sha256"],
                &[],
            )]);
            let given = if algorithm.starts_with("v1") {
                vec!["body"]
            } else {
                vec!["method", "uri", "body"]
            };
            let mut parts = vec![Part::Key("key")];
            parts.extend(
                given
                    .iter()
                    .map(|name| Part::Bytes(text(inputs, name).as_bytes())),
            );
            hex::encode(bound.digest(Hash::Sha256, &parts, Order::Given))
        }
        "shopify" => hex::encode(hmac(
            "secret",
            Hash::Sha256,
            &sorted(inputs, |name, value| format!("{name}={value}"), "&"),
        )),
        "twilio" => {
            let message = text(inputs, "url_as_signed").to_owned()
                + &sorted(inputs, |name, value| format!("{name}{value}"), "");
            base64(hmac("auth_token", Hash::Sha1, &message))
        }
        "netsuite" => base64(hmac("key", Hash::Sha256, text(inputs, "base_string"))),
        "yonyou" => {
            let tag = hmac(
                "appSecret",
                Hash::Sha256,
                &sorted(inputs, |name, value| format!("{name}{value}"), ""),
            );
            url::form_urlencoded::byte_serialize(base64(tag).as_bytes()).collect()
        }
        other => panic!("the vector of `{other}` has no case here; add one"),
    };
    Value::String(out)
}

#[test]
fn every_published_vector_is_reproduced_with_bound_keys() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("data/vectors.json")).unwrap();
    assert!(
        vectors.len() >= 18,
        "vectors are missing: {}",
        vectors.len()
    );
    for vector in vectors {
        let (system, algorithm) = (text(&vector, "system"), text(&vector, "algorithm"));
        assert_eq!(
            computed(system, algorithm, &vector["inputs"]),
            vector["expected"],
            "{system}: {algorithm}"
        );
    }
}
