#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::{Host, Reply};
use crate::keys::{Hash, Iv, Order, Part};
use crate::{ActionCall, Adapter, Event, Failure, Inbound, Json, Reception, Settings};
use crate::{actions, clock, http, keys, log, sql, store, to_json};

const MANIFEST: &str = r#"
[adapter]
name = "test/probe"
version = "1.0.0"
summary = "Does what its test tells it"

[connections.api]
kind = "http"
reason = "Test"
allow = ["GET /orders/{id}", "POST /files/*"]

[connections.db]
kind = "sql"
reason = "Test"

[connections.db.statements.stock]
effect = "read"
text = "SELECT ':no', day::date FROM stock WHERE sku = :sku"

[keys.hook]
uses = ["hmac-sha256", "digest-sorted-sha1", "encrypt-cbc", "decrypt-cbc", "equal"]
reason = "Test"

[keys.derived]
uses = ["equal"]
derive = ["strip-prefix:whsec_", "base64"]
reason = "Test"

[actions.do]
effect = "write"
summary = "Test"

[hooks.in]
summary = "Test"

[events.emits]
"it.happened" = "Test"

[store]
quota = "1 KiB"
reason = "Test"

[calls]
"crm.note" = "Test"
"#;

type Deed = fn() -> Result<Json, Failure>;

thread_local! {
    /// What the probe does in its next call.
    static DEED: std::cell::Cell<Deed> = const { std::cell::Cell::new(|| Ok("null".into())) };
}

struct Probe {
    settings: Value,
}

impl Adapter for Probe {
    fn start() -> Result<Self, Failure> {
        Ok(Self {
            settings: Settings::read()?.parse()?,
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        if call.input == "\"settings\"" {
            to_json(&self.settings)
        } else {
            DEED.get()()
        }
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        let event_type = inbound.header("x-type").unwrap_or("it.happened").to_owned();
        Ok(Reception::of(vec![Event::new(
            event_type,
            inbound.text()?.to_owned(),
        )]))
    }
}

fn host() -> Host {
    Host::new(MANIFEST).key("hook", "0123456789abcdef")
}

fn does(host: &Host, deed: Deed) -> Result<Value, Failure> {
    DEED.set(deed);
    host.start::<Probe>().act("do", json!({}))
}

/// What the test would print.
fn refused(run: impl FnOnce()) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => "not refused".to_owned(),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn refused_deed(deed: Deed) -> String {
    let host = host();
    refused(|| {
        let _ = does(&host, deed);
    })
}

#[test]
fn what_is_in_the_manifest_works() {
    let host = host().settings(json!({ "site": 3 })).at_ms(1_000);
    assert_eq!(
        host.start::<Probe>().act("do", json!("settings")),
        Ok(json!({ "site": 3 }))
    );

    host.reply(
        "api",
        "GET",
        "/orders/7",
        Reply::json(200, json!({ "n": 1 })),
    );
    host.reply("api", "GET", "/orders/7", Reply::status(404));
    let deed = || {
        to_json(
            &http::get("api", http::path(&["orders", "7"])?)
                .query("a", "b")
                .call()?
                .json::<Value>()?,
        )
    };
    assert_eq!(does(&host, deed), Ok(json!({ "n": 1 })));
    assert_eq!(
        does(&host, deed).unwrap_err().kind(),
        "not-found",
        "answers are used in order"
    );
    assert_eq!(host.requests().len(), 2);

    host.rows("db", "stock", json!([{ "on_hand": 2 }]));
    assert_eq!(
        does(&host, || to_json(&sql::rows::<Value>(
            "db",
            "stock",
            &json!({ "sku": "A" })
        )?)),
        Ok(json!([{ "on_hand": 2 }]))
    );

    host.action_answer("crm", "note", Ok(json!("noted")));
    assert_eq!(
        does(&host, || to_json(&actions::call::<String>(
            "crm",
            "note",
            &json!({ "text": "x" })
        )?)),
        Ok(json!("noted"))
    );
    assert_eq!(
        host.calls(),
        [("crm.note".to_owned(), json!({ "text": "x" }))]
    );

    assert_eq!(does(&host, || to_json(&clock::now_ms())), Ok(json!(1_000)));
    does(&host, || {
        log::warn("careful");
        Ok("null".into())
    })
    .unwrap();
    assert_eq!(host.log_lines()[0].message, "careful");
}

#[test]
fn whatever_is_beyond_the_manifest_ends_the_test() {
    let deeds: [(Deed, &str); 11] = [
        (
            || http::get("other", "/x").call().map(|_| "1".into()),
            "the connection `other`, which is not declared",
        ),
        (
            || http::get("db", "/x").call().map(|_| "1".into()),
            "as http, but the manifest says another kind",
        ),
        (
            || http::delete("api", "/orders/7").call().map(|_| "1".into()),
            "`DELETE /orders/7` over `api`, which no `allow`",
        ),
        (
            || {
                http::get("api", "/orders/7/lines")
                    .call()
                    .map(|_| "1".into())
            },
            "which no `allow`",
        ),
        (
            || {
                http::post("api", "/files/../orders")
                    .call()
                    .map(|_| "1".into())
            },
            "dot segment",
        ),
        (
            || {
                http::get("api", "/orders/7")
                    .header("Authorization", "x")
                    .call()
                    .map(|_| "1".into())
            },
            "`Authorization`, which is the host's",
        ),
        (
            || http::get("api", "/orders/7").call().map(|_| "1".into()),
            "no answer is scripted",
        ),
        (
            || sql::run("db", "drop", &json!({})).map(|_| "1".into()),
            "the statement `drop`",
        ),
        (
            || Ok(keys::hmac("hook", Hash::Sha512, b"x").map(|_| "1".into())?),
            "for `hmac-sha512`, which its `uses`",
        ),
        (
            || Ok(keys::equal("nobody", b"x").map(|_| "1".into())?),
            "the key `nobody`",
        ),
        (
            || actions::call::<Value>("crm", "delete", &1).map(|_| "1".into()),
            "`crm.delete`",
        ),
    ];
    for (deed, sentence) in deeds {
        let found = refused_deed(deed);
        assert!(
            found.contains(sentence),
            "expected `{sentence}` in: {found}"
        );
    }
    assert!(refused_deed(|| Ok("no json".into())).contains("no JSON"));
    let probe = host().start::<Probe>();
    assert!(refused(|| drop(probe.act("undo", json!({})))).contains("`undo`"));
    assert!(refused(|| drop(probe.receive(Inbound::post("out", "1")))).contains("`out`"));
    let foreign = Inbound::post("in", "1").with_header("X-Type", "other.happened");
    assert!(refused(|| drop(probe.receive(foreign))).contains("emits `other.happened`"));
    assert!(refused(|| drop(probe.receive(Inbound::post("in", "{")))).contains("is no JSON"));
    assert!(refused(|| drop(Host::new("[adapter]"))).contains("adapter.toml:"));
    assert!(refused(|| drop(host().system(json!({ "actions": { "a": {} } })))).contains("generic"));
}

#[test]
fn a_verb_that_is_not_written_is_not_offered() {
    struct Nothing;
    impl Adapter for Nothing {
        fn start() -> Result<Self, Failure> {
            Ok(Self)
        }
    }
    let nothing = host().start::<Nothing>();
    assert_eq!(
        nothing.act("do", json!({})).unwrap_err().kind(),
        "not-offered"
    );
    assert_eq!(
        nothing.receive(Inbound::post("in", "")).unwrap_err().kind(),
        "not-offered"
    );
}

#[test]
fn a_start_that_failed_is_tried_again_by_the_next_call() {
    struct Late;
    impl Adapter for Late {
        fn start() -> Result<Self, Failure> {
            match Settings::read()?.parse::<Value>()?["ready"] {
                Value::Bool(true) => Ok(Self),
                _ => Err(Failure::internal("not ready")),
            }
        }
        fn act(&self, _: ActionCall) -> Result<Json, Failure> {
            Ok("1".into())
        }
    }
    let host = host();
    let late = host.start::<Late>();
    assert_eq!(
        late.act("do", json!({})),
        Err(Failure::internal("not ready"))
    );
    let _same = host.clone().settings(json!({ "ready": true }));
    assert_eq!(late.act("do", json!({})), Ok(json!(1)));
}

#[test]
fn the_store_keeps_its_quota_and_its_order() {
    let host = host();
    does(&host, || {
        store::set("b", b"1")?;
        store::set_json("a", &7)?;
        assert_eq!(store::get_json::<u8>("a")?, Some(7));
        assert_eq!(store::keys("", None, 10)?, ["a", "b"]);
        assert_eq!(store::keys("", Some("a"), 10)?, ["b"]);
        assert_eq!(
            store::compare_and_set("b", None, b"2"),
            Err(store::Error::Conflict)
        );
        store::compare_and_set("b", Some(b"1"), b"2")?;
        assert_eq!(store::set("c", &[0; 1024]), Err(store::Error::Quota(1024)));
        // Two keys of one byte with one byte each are there; `c` and 1,019 bytes fill it up.
        store::set("c", &[0; 1019])?;
        assert!(matches!(store::set("d", b""), Err(store::Error::Quota(_))));
        store::delete("c")?;
        assert!(matches!(store::set("", b""), Err(store::Error::Invalid(_))));
        Ok("1".into())
    })
    .unwrap();
    assert_eq!(host.stored("b").as_deref(), Some(&b"2"[..]));
}

#[test]
fn keys_do_real_cryptography() {
    let host = host().key("derived", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    does(&host, || {
        // RFC 4231 has no 16-byte key; `openssl dgst -sha256 -hmac 0123456789abcdef` over `what do ya want`.
        let tag = keys::hmac("hook", Hash::Sha256, b"what do ya want")?;
        assert_eq!(
            hex::encode(&tag),
            "7055f7e23ccdea48f7db7fcd4f6b7105fa6fab06e073f3743b52089b57f793b0"
        );
        assert!(keys::hmac_verify(
            "hook",
            Hash::Sha256,
            b"what do ya want",
            &tag
        )?);
        assert!(!keys::hmac_verify(
            "hook",
            Hash::Sha256,
            b"what do ya want?",
            &tag
        )?);
        // `printf 0123456789abcdefab | sha1sum`: the key sorts before the other parts.
        let parts = [
            Part::Bytes(b"b".to_vec()),
            Part::Key("hook".into()),
            Part::Bytes(b"a".to_vec()),
        ];
        assert_eq!(
            hex::encode(keys::digest(Hash::Sha1, &parts, Order::Sorted)?),
            "cf814329242340aa5fc92260871851c3cb8ff57b"
        );
        assert!(keys::equal(
            "derived",
            &[
                49, 242, 144, 246, 191, 6, 41, 138, 171, 79, 8, 212, 60, 63, 8, 44, 246, 72, 163,
                98, 218, 45, 164, 176
            ]
        )?);
        for (iv, block) in [
            (Iv::KeyPrefix, 16),
            (Iv::KeyPrefix, 32),
            (Iv::MessagePrefix, 16),
            (Iv::Given(vec![1; 16]), 16),
        ] {
            for message in [&b""[..], b"short", &[7; 32]] {
                let sealed = keys::encrypt_cbc("hook", &iv, block, message)?;
                assert_eq!(keys::decrypt_cbc("hook", &iv, block, &sealed)?, message);
            }
        }
        // `printf hello | openssl enc -aes-128-cbc -K 30313233343536373839616263646566 -iv (the same)`.
        assert_eq!(
            hex::encode(keys::encrypt_cbc("hook", &Iv::KeyPrefix, 16, b"hello")?),
            "30e7cbb71cd9d18812e3ee5c3f294563"
        );
        assert!(matches!(
            keys::decrypt_cbc("hook", &Iv::KeyPrefix, 16, b"0123456789abcde"),
            Err(keys::Error::Invalid(_))
        ));
        Ok("1".into())
    })
    .unwrap();
}

#[test]
fn a_key_that_is_not_bound_is_an_error_of_the_set_up() {
    assert_eq!(
        does(&Host::new(MANIFEST), || Ok(keys::hmac(
            "hook",
            Hash::Sha256,
            b""
        )
        .map(|_| "1".into())?)),
        Err(Failure::internal("the key `hook` is not bound"))
    );
}
