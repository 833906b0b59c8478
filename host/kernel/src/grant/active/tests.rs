//! A narrower grant never allows more, whatever is asked of it; and what is allowed at all agrees with an oracle that
//! knows nothing of how the checker is made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tombolo_manifest::Effect;

use super::super::{Approval, GrantedAdapter, ReviewRules, Wishes, decide};
use super::*;
use crate::fields::Mask;

// === what is asked ===

/// One call of an adapter.
#[derive(Debug, Clone)]
enum Probe {
    Http(&'static str, &'static str, String),
    Sql(&'static str, &'static str, &'static str),
    Publish(&'static str, String),
    Key(&'static str, &'static str),
    Emit(&'static str),
    Store(u64),
    Action(&'static str, &'static str),
    Subscribe(&'static str),
}

fn allows(grant: &ActiveGrant, probe: &Probe) -> bool {
    match probe {
        Probe::Http(connection, method, path) => grant.http(connection, method, path).is_ok(),
        Probe::Sql(connection, name, text) => grant.sql(connection, name, text).is_ok(),
        Probe::Publish(connection, topic) => grant.publish(connection, topic).is_ok(),
        Probe::Key(key, key_use) => grant.key(key, key_use).is_ok(),
        Probe::Emit(event) => grant.emit(event).is_ok(),
        Probe::Store(bytes) => grant.store().is_ok_and(|quota| *bytes <= quota),
        Probe::Action(system, action) => grant.action(system, action).is_ok(),
        Probe::Subscribe(hook) => grant.subscribe(hook),
    }
}

/// The same, read off the items one by one with nothing but comparisons of texts.
fn oracle(items: &[Item], probe: &Probe) -> bool {
    items.iter().any(|item| match (item, probe) {
        (
            Item::Http {
                connection, allow, ..
            },
            Probe::Http(to, method, path),
        ) => {
            let (own, pattern) = allow.split_once(' ').unwrap();
            connection == to
                && (own == "*" || own == *method)
                && fits(&parts(&rest(pattern)), &parts(path))
        }
        (
            Item::Sql {
                connection,
                statement,
                text,
                ..
            },
            Probe::Sql(on, name, found),
        ) => connection == on && statement == name && text == found,
        (
            Item::Publish {
                connection, topic, ..
            },
            Probe::Publish(to, found),
        ) => {
            connection == to
                && fits(
                    &parts(&format!("/{}", topic.replace("**", "*!"))),
                    &parts(&format!("/{found}")),
                )
        }
        (Item::Key { key, r#use, .. }, Probe::Key(name, how)) => key == name && r#use == how,
        (Item::Emit { event }, Probe::Emit(found)) => event == found,
        (Item::Store { quota }, Probe::Store(bytes)) => bytes <= quota,
        (Item::Action { system, action }, Probe::Action(of, name)) => {
            system == of && action == name
        }
        (Item::Subscribe { hook, .. }, Probe::Subscribe(name)) => hook == name,
        _ => false,
    })
}

fn parts(path: &str) -> Vec<&str> {
    path[1..].split('/').collect()
}

/// A last `*` of a path is all that is left, which this writes `*!`; of a topic that is `**`.
fn rest(pattern: &str) -> String {
    match pattern.strip_suffix("/*") {
        Some(before) => format!("{before}/*!"),
        None => pattern.to_owned(),
    }
}

/// Whether a path is one of a pattern's: `{x}` and `*` are one part, `*!` is all that is left. Every path here is plain.
fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["*!"], [_, ..]) => true,
        ([one, pattern @ ..], [part, path @ ..]) => {
            let is_any = *one == "*" || *one == "{x}";
            (is_any || one == part) && fits(pattern, path)
        }
        _ => false,
    }
}

fn probes() -> impl Strategy<Value = Vec<Probe>> {
    let path =
        || prop::collection::vec(one(&["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"));
    let probe = prop_oneof![
        4 => (one(&["api", "shop"]), one(&["GET", "POST"]), path()).prop_map(|(to, method, path)| Probe::Http(to, method, format!("/{path}"))),
        1 => (one(&["db", "other"]), one(&["get", "put"]), one(&["SELECT 1", "SELECT 2"])).prop_map(|(on, name, text)| Probe::Sql(on, name, text)),
        2 => (one(&["bus", "other"]), path()).prop_map(|(to, topic)| Probe::Publish(to, topic)),
        1 => (one(&["k", "l"]), one(&["equal", "hmac-sha256"])).prop_map(|(key, how)| Probe::Key(key, how)),
        1 => one(&["x.a", "x.b"]).prop_map(Probe::Emit),
        1 => (0_u64..4).prop_map(Probe::Store),
        1 => (one(&["crm", "erp"]), one(&["get", "put"])).prop_map(|(of, name)| Probe::Action(of, name)),
        1 => one(&["in", "out"]).prop_map(Probe::Subscribe),
    ];
    prop::collection::vec(probe, 20)
}

// === what is granted ===

fn one(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn http_pattern() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(one(&["a", "b", "{x}", "*"]), 1..4);
    (one(&["GET", "POST", "*"]), path)
        .prop_map(|(method, path)| format!("{method} /{}", path.join("/")))
}

fn topic_pattern() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(one(&["a", "b", "*"]), 1..3);
    (path, any::<bool>())
        .prop_map(|(path, rest)| format!("{}{}", path.join("/"), if rest { "/**" } else { "" }))
}

fn item() -> impl Strategy<Value = Item> {
    let place = "https://x.example";
    prop_oneof![
        4 => (one(&["api", "shop"]), http_pattern()).prop_map(move |(connection, allow)| Item::Http {
            connection: connection.into(), place: place.into(), allow, credential: "none".into(), private_network: false,
        }),
        1 => (one(&["db", "other"]), one(&["get", "put"])).prop_map(|(connection, statement)| Item::Sql {
            connection: connection.into(), place: "sqlite:a".into(), statement: statement.into(), effect: Effect::Read,
            text: if statement == "get" { "SELECT 1".into() } else { "SELECT 2".into() },
        }),
        2 => (one(&["bus", "other"]), topic_pattern()).prop_map(|(connection, topic)| Item::Publish {
            connection: connection.into(), place: "mqtts://b.example".into(), topic,
        }),
        1 => (one(&["k", "l"]), one(&["equal", "hmac-sha256"])).prop_map(|(key, how)| Item::Key {
            key: key.into(), r#use: how.into(), derive: Vec::new(),
        }),
        1 => one(&["x.a", "x.b"]).prop_map(|event| Item::Emit { event: event.into() }),
        1 => (1_u64..4).prop_map(|quota| Item::Store { quota }),
        1 => (one(&["crm", "erp"]), one(&["get", "put"])).prop_map(|(system, action)| Item::Action {
            system: system.into(), action: action.into(),
        }),
        1 => one(&["in", "out"]).prop_map(|hook| Item::Subscribe {
            connection: "bus".into(), place: "mqtts://b.example".into(), from: "queue q".into(), hook: hook.into(),
        }),
    ]
}

/// What a reviewer may say of one item.
#[derive(Debug, Clone)]
enum Cut {
    Keep,
    Drop,
    /// A text in its place, taken only where [`Item::narrowed`] takes it.
    To(String),
    Less(u64),
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        2 => Just(Cut::Keep),
        1 => Just(Cut::Drop),
        3 => http_pattern().prop_map(Cut::To),
        2 => topic_pattern().prop_map(Cut::To),
        1 => (1_u64..4).prop_map(Cut::Less),
    ]
}

fn restriction() -> impl Strategy<Value = Item> {
    prop_oneof![
        one(&["phone", "notes"]).prop_map(|field| Item::Hide {
            field: field.into()
        }),
        one(&["phone", "name"]).prop_map(|field| Item::Mask {
            field: field.into(),
            r#as: Mask::All
        }),
        one(&["[0-9]{3}", "rita"]).prop_map(|pattern| Item::MaskMatching {
            pattern: pattern.into()
        }),
    ]
}

fn narrowed(item: &Item, cut: &Cut) -> Option<Item> {
    let to = match cut {
        Cut::Keep => return Some(item.clone()),
        Cut::Drop => return None,
        Cut::To(text) => text.clone(),
        Cut::Less(bytes) => format!("{bytes} B"),
    };
    Some(item.narrowed(&to).unwrap_or_else(|_| item.clone()))
}

fn narrowing() -> impl Strategy<Value = (Vec<Item>, Vec<Item>)> {
    let more = prop::collection::vec(restriction(), 0..3);
    (prop::collection::vec((item(), cut()), 0..12), more).prop_map(|(cuts, more)| {
        let wide = cuts.iter().map(|(item, _)| item.clone()).collect();
        let narrow = cuts.iter().filter_map(|(item, cut)| narrowed(item, cut));
        (wide, narrow.chain(more).collect())
    })
}

fn grant(items: &[Item]) -> Grant {
    let approval = Approval {
        by: "ann".into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "needed".into(),
        signature: None,
    };
    Grant::of("erp".into(), adapter(), approval, items.to_vec())
}

fn adapter() -> GrantedAdapter {
    GrantedAdapter {
        name: "acme/erp".into(),
        version: "1.0.0".into(),
        digest: "sha256:aa".into(),
    }
}

/// What may be done where all of `asked` is asked for, `given` is given and the rest refused by name.
fn decided(asked: &[Item], given: &[Item]) -> Option<ActiveGrant> {
    let wishes = Wishes {
        system: "erp".into(),
        adapter: adapter(),
        items: asked.to_vec(),
        reasons: BTreeMap::new(),
    };
    let mut grant = grant(given);
    let is_given = |wish: &&Item| given.iter().any(|item| item.covers(wish));
    grant.refused = asked
        .iter()
        .filter(|wish| !is_given(wish))
        .cloned()
        .collect();
    decide(&wishes, Some(&grant), &ReviewRules::default(), 0).ok()
}

proptest! {
    // More where `PROPTEST_CASES` says so.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(512), ..ProptestConfig::default() })]

    #[test]
    fn a_narrower_grant_never_allows_more_of_anything((wide, narrow) in narrowing(), probes in probes()) {
        let (wide, narrow) = (ActiveGrant::new(&grant(&wide)).unwrap(), ActiveGrant::new(&grant(&narrow)).unwrap());
        for probe in probes {
            prop_assert!(!allows(&narrow, &probe) || allows(&wide, &probe), "{probe:?}");
        }
    }

    #[test]
    fn neither_does_one_that_was_given_in_place_of_more((asked, given) in narrowing(), probes in probes()) {
        let all = decided(&asked, &asked).expect("what is given whole is allowed");
        let some = decided(&asked, &given).expect("what is answered by name may start");
        for probe in probes {
            prop_assert!(!allows(&some, &probe) || allows(&all, &probe), "{probe:?}");
            prop_assert_eq!(allows(&some, &probe), oracle(&given, &probe), "{:?}", probe);
        }
    }

    #[test]
    fn what_is_allowed_is_what_one_of_the_items_says((items, _) in narrowing(), probes in probes()) {
        let active = ActiveGrant::new(&grant(&items)).unwrap();
        for probe in probes {
            prop_assert_eq!(allows(&active, &probe), oracle(&items, &probe), "{:?}", probe);
        }
    }

    #[test]
    fn more_restrictions_never_show_more(first in prop::collection::vec(restriction(), 0..3), more in prop::collection::vec(restriction(), 0..3)) {
        const TEXT: &str = r#"{"name":"rita","phone":"555-0199","notes":["call rita",{"phone":"12"}],"deep":{"notes":"n","kept":"k 123"}}"#;
        let shown = |items: &[Item]| match &ActiveGrant::new(&grant(items)).unwrap().fields {
            None => TEXT.to_owned(),
            Some(filter) => filter.apply(TEXT).unwrap(),
        };
        let before = shown(&first);
        let after = shown(&[first, more].concat());
        for secret in ["rita", "555", "0199", "\"12\"", "call", "\"n\"", "123"] {
            prop_assert!(!after.contains(secret) || before.contains(secret), "{secret}: {before} then {after}");
        }
    }
}

// === every subset ===

/// Items of every kind, some of which mean the same in part.
fn ten() -> Vec<Item> {
    let http = |connection: &str, allow: &str| Item::Http {
        connection: connection.into(),
        place: "https://x.example".into(),
        allow: allow.into(),
        credential: "none".into(),
        private_network: false,
    };
    vec![
        http("api", "GET /a/{x}"),
        http("api", "* /a/*"),
        http("shop", "POST /b"),
        Item::Sql {
            connection: "db".into(),
            place: "sqlite:a".into(),
            statement: "get".into(),
            effect: Effect::Read,
            text: "SELECT 1".into(),
        },
        Item::Publish {
            connection: "bus".into(),
            place: "mqtts://b.example".into(),
            topic: "a/**".into(),
        },
        Item::Key {
            key: "k".into(),
            r#use: "equal".into(),
            derive: Vec::new(),
        },
        Item::Emit {
            event: "x.a".into(),
        },
        Item::Store { quota: 2 },
        Item::Action {
            system: "crm".into(),
            action: "get".into(),
        },
        Item::Subscribe {
            connection: "bus".into(),
            place: "mqtts://b.example".into(),
            from: "queue q".into(),
            hook: "in".into(),
        },
    ]
}

/// Everything that may be asked with two words for each thing.
fn every_probe() -> Vec<Probe> {
    let paths = ["a", "b", "a/a", "a/b", "b/a", "a/b/c"];
    let mut all = Vec::new();
    for path in paths {
        for to in ["api", "shop"] {
            let probe = |method| Probe::Http(to, method, format!("/{path}"));
            all.extend(["GET", "POST"].map(probe));
        }
        all.extend(["bus", "other"].map(|to| Probe::Publish(to, path.to_owned())));
    }
    for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let name = ["get", "put"][first];
        let text = ["SELECT 1", "SELECT 2"][second];
        all.extend(["db", "other"].map(|on| Probe::Sql(on, name, text)));
        all.push(Probe::Key(
            ["k", "l"][first],
            ["equal", "hmac-sha256"][second],
        ));
        all.push(Probe::Action(["crm", "erp"][first], ["get", "put"][second]));
    }
    all.extend(["x.a", "x.b"].map(Probe::Emit));
    all.extend(["in", "out"].map(Probe::Subscribe));
    all.extend((0..4).map(Probe::Store));
    all
}

#[test]
fn every_grant_of_ten_items_allows_exactly_what_its_items_say() {
    let (items, probes) = (ten(), every_probe());
    let mut allowed = 0;
    for set in 0_u32..1 << items.len() {
        let is_in = |(index, item): (usize, &Item)| ((set >> index) & 1 == 1).then(|| item.clone());
        let some: Vec<Item> = items.iter().enumerate().filter_map(is_in).collect();
        let active = ActiveGrant::new(&grant(&some)).unwrap();
        // As a whole, and given in place of all ten.
        let in_place = decided(&items, &some).expect("what is answered by name may start");
        for probe in &probes {
            let expected = oracle(&some, probe);
            assert_eq!(allows(&active, probe), expected, "{some:?}: {probe:?}");
            assert_eq!(allows(&in_place, probe), expected, "{some:?}: {probe:?}");
            allowed += u32::from(expected);
        }
    }
    assert!(allowed > 1_000, "the probes ask for what the items give");
}
