#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tombolo_manifest::{Effect, Manifest};

use super::*;
use crate::package::{Package, Signer};
use crate::secret::Secret;
use crate::system::{
    Binding, Credential, HttpBinding, KeyBinding, SqlBinding, SqlPlace, SqlStatement, SystemLimits,
    SystemSpec, admit,
};

const MANIFEST: &str = r#"
[adapter]
name = "acme/erp"
version = "1.0.0"
summary = "An ERP"
generic = true
[connections.api]
kind = "http"
reason = "Calls the ERP"
[connections.db]
kind = "sql"
reason = "Reads stock"
[keys.signing]
uses = ["hmac-sha256"]
reason = "Verifies the sender"
"#;

/// 2027-01-15T08:00:00Z.
pub(super) const NOW: u64 = 1_800_000_000_000;

fn secret() -> Secret {
    Secret::new(b"canary-7f3a".to_vec())
}

pub(super) fn spec() -> SystemSpec {
    let package = Package {
        manifest: Manifest::parse(MANIFEST).unwrap(),
        digest: "sha256:aa".into(),
        imports: BTreeSet::new(),
        bytes: Arc::from(Vec::new()),
        warnings: Vec::new(),
        sbom: None,
    };
    let api = HttpBinding {
        base: "https://user:canary-7f3a@erp.example:8443/base/"
            .parse()
            .unwrap(),
        allow: vec!["GET /orders/{id}".into(), "POST /orders".into()],
        credential: Credential::Basic {
            user: "robot".into(),
            password: secret(),
        },
        private_network: false,
        keeps_cookies: false,
    };
    let place = SqlPlace::Postgres {
        url: "postgres://reader@db.example:5432/erp".parse().unwrap(),
        password: Some(secret()),
    };
    let statements = BTreeMap::from([(
        "stock".to_owned(),
        SqlStatement {
            effect: Effect::Read,
            text: "SELECT 1".into(),
        },
    )]);
    let key = KeyBinding {
        secret: secret(),
        uses: vec!["hmac-sha256".into(), "equal".into()],
        derive: vec!["base64".into()],
    };
    SystemSpec {
        name: "erp".into(),
        package: Arc::new(package),
        signer: Signer::Publisher {
            key: "0123456789ABCDEF".into(),
            trusted_for: "acme/*".into(),
        },
        review: Arc::default(),
        connections: BTreeMap::from([
            ("api".to_owned(), Binding::Http(api)),
            (
                "db".to_owned(),
                Binding::Sql(SqlBinding { place, statements }),
            ),
        ]),
        keys: BTreeMap::from([("signing".to_owned(), key)]),
        settings: "{}".into(),
        actions: BTreeMap::new(),
        hooks: BTreeSet::new(),
        subscriptions: BTreeMap::new(),
        feeds: BTreeSet::new(),
        emits: BTreeSet::from(["order.created".to_owned()]),
        store_quota: Some(1 << 20),
        calls: BTreeSet::from([("crm".to_owned(), "activity.add".to_owned())]),
        fields: Default::default(),
        limits: SystemLimits {
            memory: 32 << 20,
            cpu: Duration::from_millis(200),
            deadline: Duration::from_secs(10),
            instances: 4,
        },
    }
}

pub(super) fn grant_of(wishes: &Wishes) -> Grant {
    let approval = Approval {
        by: "ann".into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "needed".into(),
        signature: None,
    };
    Grant::whole(wishes.clone(), approval)
}

#[test]
fn wishes_show_real_places_and_no_secret() {
    let wishes = wishes(&spec());
    let shown = format!("{wishes:?} {}", serde_json::to_string(&wishes).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    for part in [
        "https://erp.example:8443/base\"",
        "basic as robot",
        "postgres://db.example:5432/erp as reader",
        "SELECT 1",
    ] {
        assert!(
            shown.contains(part.trim_end_matches('"')),
            "{part} in {shown}"
        );
    }
    assert_eq!(wishes.reasons["api"], "Calls the ERP");
    assert!(wishes.items.is_sorted());
    assert_eq!(wishes.items.len(), 9);
}

#[test]
fn a_system_starts_with_a_grant_for_exactly_what_it_asks() {
    let wishes = wishes(&spec());
    let active = decide(
        &wishes,
        Some(&grant_of(&wishes)),
        &ReviewRules::default(),
        NOW,
    )
    .unwrap();
    assert!(active.http("api", "GET", "/orders/7").is_ok());
    assert!(active.sql("db", "stock", "SELECT 1").is_ok());
    assert!(active.key("signing", "hmac-sha256").is_ok());
    assert!(active.emit("order.created").is_ok());
    assert_eq!(active.store(), Ok(1 << 20));
    assert!(active.action("crm", "activity.add").is_ok());
    assert!(active.digest.starts_with("sha256:") && active.digest.len() == 71);
}

#[test]
fn what_is_not_granted_is_denied_by_name() {
    let wishes = wishes(&spec());
    let active = decide(
        &wishes,
        Some(&grant_of(&wishes)),
        &ReviewRules::default(),
        NOW,
    )
    .unwrap();
    for (answer, named) in [
        (
            active.http("api", "DELETE", "/orders/7"),
            "`DELETE /orders/7`",
        ),
        (
            active.http("api", "GET", "/orders/7/lines"),
            "/orders/7/lines",
        ),
        (active.http("api", "GET", "/orders/../admin"), "dot segment"),
        (
            active.http("other", "GET", "/orders/7"),
            "connection `other`",
        ),
        (active.sql("db", "stock", "SELECT 2"), "another text"),
        (active.sql("db", "drop", "SELECT 1"), "statement `drop`"),
        (active.sql("api", "stock", "SELECT 1"), "connection `api`"),
        (active.key("signing", "hmac-md5"), "use `hmac-md5`"),
        (active.key("other", "hmac-sha256"), "key `other`"),
        (active.emit("order.deleted"), "`order.deleted`"),
        (active.action("crm", "activity"), "action `activity`"),
        (active.action("erp", "activity.add"), "system `erp`"),
    ] {
        assert!(
            answer.clone().is_err_and(|denied| denied.0.contains(named)),
            "{named}: {answer:?}"
        );
    }
}

#[test]
fn a_system_is_held_back_with_what_differs_and_what_to_do() {
    let base = spec();
    let wishes = wishes(&base);
    let good = grant_of(&wishes);
    let change = |edit: &dyn Fn(&mut Grant)| {
        let mut grant = good.clone();
        edit(&mut grant);
        Some(grant)
    };
    for (grant, said, missing) in [
        (None, "nobody has approved it yet", 9),
        (
            change(&|grant| grant.adapter.digest = "sha256:bb".into()),
            "sha256:bb",
            0,
        ),
        (
            change(&|grant| grant.system = "crm".into()),
            "approved for the system `crm`",
            0,
        ),
        (
            change(&|grant| grant.approved[0].by = " ".into()),
            "does not say who",
            0,
        ),
        (
            change(&|grant| {
                grant
                    .items
                    .retain(|item| !matches!(item, Item::Emit { .. }))
            }),
            "`order.created`",
            1,
        ),
        (change(&|grant| grant.items.clear()), "and 6 more", 9),
    ] {
        let held = decide(&wishes, grant.as_ref(), &ReviewRules::default(), NOW).expect_err(said);
        assert!(held.message.contains(said), "{said}: {}", held.message);
        assert!(
            held.message.contains("tombolo grant review erp"),
            "{}",
            held.message
        );
        assert!(
            held.message
                .contains("tombolo grant approve erp --by NAME --reason TEXT"),
            "{}",
            held.message
        );
        assert_eq!(held.missing.len(), missing, "{said}");
    }
}

#[test]
fn another_place_credential_or_network_is_another_wish() {
    let good = grant_of(&wishes(&spec()));
    let edits: &[fn(&mut HttpBinding)] = &[
        |http| http.base = "https://erp.example:8444/base".parse().unwrap(),
        |http| http.base = "https://erp.example:8443/other".parse().unwrap(),
        |http| {
            http.credential = Credential::Basic {
                user: "admin".into(),
                password: secret(),
            }
        },
        |http| http.credential = Credential::None,
        |http| http.private_network = true,
        |http| http.keeps_cookies = true,
        |http| http.allow.push("GET /*".into()),
    ];
    for (index, edit) in edits.iter().enumerate() {
        let mut spec = spec();
        if let Some(Binding::Http(http)) = spec.connections.get_mut("api") {
            edit(http);
        }
        assert!(
            decide(&wishes(&spec), Some(&good), &ReviewRules::default(), NOW).is_err(),
            "edit {index}"
        );
    }
}

#[test]
fn a_smaller_limit_needs_no_new_approval_and_a_larger_one_does() {
    let good = grant_of(&wishes(&spec()));
    let mut smaller = spec();
    smaller.limits.memory = 1 << 20;
    smaller.store_quota = Some(1 << 10);
    let smaller = wishes(&smaller);
    assert_eq!(
        decide(&smaller, Some(&good), &ReviewRules::default(), NOW)
            .unwrap()
            .store(),
        Ok(1 << 10)
    );
    assert!(diff(&good, &smaller).is_empty());
    let mut larger = spec();
    larger.limits.cpu = Duration::from_millis(201);
    assert_eq!(
        decide(&wishes(&larger), Some(&good), &ReviewRules::default(), NOW)
            .unwrap_err()
            .missing
            .len(),
        1
    );
}

#[test]
fn what_is_no_longer_asked_for_is_no_longer_allowed() {
    let good = grant_of(&wishes(&spec()));
    let mut narrower = spec();
    narrower.emits.clear();
    let narrower = wishes(&narrower);
    assert!(
        decide(&narrower, Some(&good), &ReviewRules::default(), NOW)
            .unwrap()
            .emit("order.created")
            .is_err()
    );
    let diff = diff(&good, &narrower);
    assert_eq!(
        (diff.added.len(), diff.removed.len(), diff.code_changed),
        (0, 1, false)
    );
}

#[test]
fn the_digest_of_a_grant_does_not_depend_on_the_order_of_its_items() {
    let grant = grant_of(&wishes(&spec()));
    let mut turned = grant.clone();
    turned.items.reverse();
    let mut other = grant.clone();
    other.approved[0].by = "bob".into();
    let digest = |grant: &Grant| ActiveGrant::new(grant).unwrap().digest;
    assert_eq!(digest(&grant), digest(&turned));
    assert_ne!(digest(&grant), digest(&other));
}

#[test]
fn a_grant_that_cannot_be_checked_is_no_grant() {
    let mut grant = grant_of(&wishes(&spec()));
    grant.items.push(Item::Http {
        connection: "api".into(),
        place: String::new(),
        allow: "GET /../*".into(),
        credential: "none".into(),
        private_network: false,
    });
    assert!(ActiveGrant::new(&grant).is_err());
}

#[test]
fn every_item_has_a_plain_sentence() {
    let sentences: Vec<String> = wishes(&spec()).items.iter().map(sentence).collect();
    assert_eq!(
        sentences,
        [
            "May send GET requests to https://erp.example:8443/base/orders/{id} (connection `api`), with this credential, which the host attaches: basic as robot.",
            "May send POST requests to https://erp.example:8443/base/orders (connection `api`), with this credential, which the host attaches: basic as robot.",
            "May run the statement `stock` on postgres://db.example:5432/erp as reader (connection `db`), which reads: SELECT 1",
            "May use the key `signing` for equal after deriving it by base64, without seeing it.",
            "May use the key `signing` for hmac-sha256 after deriving it by base64, without seeing it.",
            "May make events of the type `order.created`.",
            "May keep up to 1 MiB of its own data in this host.",
            "May call the action `activity.add` of the system `crm`.",
            "May use 32 MiB of memory, 200 ms of processor time and 10 s in all for one call.",
        ]
    );
}

#[test]
fn a_sentence_cannot_be_forged_by_a_name() {
    let item = Item::Emit {
        event: "a\u{1b}[2K\nMay do nothing.\u{202e}".into(),
    };
    assert_eq!(
        sentence(&item),
        "May make events of the type `a\\u{1b}[2K\\nMay do nothing.\\u{202e}`."
    );
}

#[test]
fn a_grant_is_the_same_after_it_was_written_and_read() {
    let grant = grant_of(&wishes(&spec()));
    let text = serde_json::to_string(&grant).unwrap();
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
    assert!(serde_json::from_str::<Grant>(&text.replacen("\"system\"", "\"sistem\"", 1)).is_err());
}

// === properties ===

/// What a pattern means, written a second time as recursion over lists: the oracle.
fn oracle(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["*"], [first, ..]) => !first.is_empty(),
        ([one, pattern @ ..], [part, path @ ..]) => {
            let fits = if *one == "*" || one.starts_with('{') {
                !part.is_empty()
            } else {
                one == part
            };
            fits && oracle(pattern, path)
        }
        _ => false,
    }
}

fn active(allow: &[String]) -> ActiveGrant {
    let items = allow.iter().map(|allow| Item::Http {
        connection: "api".into(),
        place: "https://x.example".into(),
        allow: allow.clone(),
        credential: "none".into(),
        private_network: false,
    });
    let mut grant = grant_of(&wishes(&spec()));
    grant.items = items.collect();
    ActiveGrant::new(&grant).unwrap()
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let part = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("*")];
    let path = prop::collection::vec(part, 1..4);
    let method = prop_oneof![Just("GET"), Just("POST"), Just("*")];
    let end = prop_oneof![Just(""), Just("/")];
    let pattern = (method, path, end)
        .prop_map(|(method, path, end)| format!("{method} /{}{end}", path.join("/")));
    prop::collection::vec(pattern, 0..5)
}

fn paths() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("a"), 4 => Just("b"), 2 => Just("c%20d"), 2 => Just(""), 1 => Just(".."), 1 => Just("%2e%2e"), 1 => Just("a%2fb"), 1 => Just("..;x"),
    ];
    prop::collection::vec(part, 1..5).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_its_oracle(allow in patterns(), path in paths(), method in prop_oneof![Just("GET"), Just("POST")]) {
        let parts: Vec<&str> = path[1..].split('/').collect();
        let is_trick = |part: &&str| ["..", "%2e%2e", "a%2fb", "..;x"].contains(part);
        let clean = !parts.iter().any(is_trick) && parts[..parts.len() - 1].iter().all(|part| !part.is_empty());
        let expected = clean && allow.iter().any(|pattern| {
            let (own, rest) = pattern.split_once(" /").unwrap();
            let segments: Vec<&str> = rest.split('/').collect();
            (own == "*" || own == method) && oracle(&segments, &parts)
        });
        prop_assert_eq!(active(&allow).http("api", method, &path).is_ok(), expected);
    }

    #[test]
    fn a_narrower_grant_never_allows_more(allow in patterns(), keep in any::<u8>(), path in paths(), method in prop_oneof![Just("GET"), Just("POST")]) {
        let narrower: Vec<String> = allow.iter().enumerate().filter(|(index, _)| keep & (1 << index) != 0).map(|(_, one)| one.clone()).collect();
        if active(&narrower).http("api", method, &path).is_ok() {
            prop_assert!(active(&allow).http("api", method, &path).is_ok());
        }
    }

    #[test]
    fn no_path_at_all_makes_the_checker_panic_or_climb(path in ".{0,40}") {
        let everything = active(&["* /*".to_owned()]);
        if everything.http("api", "GET", &path).is_ok() {
            prop_assert!(path.starts_with('/') && !path.contains("//") && path.is_ascii());
            prop_assert!(path.split('/').all(|part| part != ".." && part != "."));
        }
    }
}

#[test]
fn an_adapter_nobody_vouches_for_is_held_back_whatever_was_approved() {
    let grant = grant_of(&wishes(&spec()));
    assert!(admit(&spec(), Some(&grant), NOW).is_ok());
    let mut unsigned = spec();
    unsigned.signer = Signer::Nobody {
        found: "found no signature".into(),
        advice: "Sign it".into(),
    };
    let held_back = admit(&unsigned, Some(&grant), NOW).unwrap_err();
    assert!(
        held_back.message.contains("found no signature. Sign it"),
        "{}",
        held_back.message
    );
    unsigned.signer = Signer::Allowed {
        found: "found no signature".into(),
    };
    assert!(admit(&unsigned, Some(&grant), NOW).is_ok());
    assert!(admit(&unsigned, None, NOW).is_err());
}
