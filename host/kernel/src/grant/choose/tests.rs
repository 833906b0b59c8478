#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::super::tests::{NOW, grant_of, spec};
use super::super::{ActiveGrant, Denied, FORMAT, ReviewRules, decide, diff, wishes};
use super::*;
use crate::system::Binding;

/// The system of these tests asks for these paths, beside what its spec has anyway.
fn asking(allow: &[&str]) -> Wishes {
    let mut spec = spec();
    if let Some(Binding::Http(http)) = spec.connections.get_mut("api") {
        http.allow = allow.iter().map(|one| (*one).to_owned()).collect();
    }
    wishes(&spec)
}

fn id(wishes: &Wishes, sentence: &str) -> String {
    let found = wishes
        .items
        .iter()
        .find(|item| super::super::sentence(item).contains(sentence));
    found.unwrap_or_else(|| panic!("no {sentence}")).id()
}

fn grant(wishes: &Wishes, choice: &Choice) -> Grant {
    let chosen = choose(wishes, None, choice).unwrap();
    let mut grant = grant_of(wishes);
    (grant.items, grant.refused) = (chosen.items, chosen.refused);
    grant
}

fn without(ids: &[String]) -> Choice {
    Choice {
        without: ids.to_vec(),
        ..Choice::default()
    }
}

fn allow(pairs: &[(&String, &str)]) -> Choice {
    let own = |(id, text): &(&String, &str)| ((*id).clone(), (*text).to_owned());
    Choice {
        allow: pairs.iter().map(own).collect(),
        ..Choice::default()
    }
}

fn start(wishes: &Wishes, grant: &Grant) -> ActiveGrant {
    decide(wishes, Some(grant), &ReviewRules::default(), NOW)
        .unwrap_or_else(|held| panic!("{}", held.message))
}

#[test]
fn a_system_starts_without_what_was_refused_and_is_denied_it() {
    let wishes = asking(&["GET /orders/{id}", "POST /orders"]);
    type Ask = fn(&ActiveGrant) -> Result<(), Denied>;
    let table: [(&str, Ask); 5] = [
        ("send POST", |active| active.http("api", "POST", "/orders")),
        ("statement `stock`", |active| {
            active.sql("db", "stock", "SELECT 1")
        }),
        ("hmac-sha256", |active| active.key("signing", "hmac-sha256")),
        ("`order.created`", |active| active.emit("order.created")),
        ("activity.add", |active| {
            active.action("crm", "activity.add")
        }),
    ];
    for (refused, ask) in table {
        let active = start(&wishes, &grant(&wishes, &without(&[id(&wishes, refused)])));
        assert!(ask(&active).is_err(), "{refused}");
        let others = table.iter().filter(|(other, _)| *other != refused);
        for (other, ask) in others {
            assert_eq!(ask(&active), Ok(()), "{other} without {refused}");
        }
    }
    let no_store = grant(&wishes, &without(&[id(&wishes, "of its own data")]));
    assert!(start(&wishes, &no_store).store().is_err());
}

#[test]
fn only_gives_what_is_named_and_the_limits() {
    let wishes = asking(&["GET /orders/{id}", "POST /orders"]);
    let choice = Choice {
        only: vec![id(&wishes, "send GET")],
        ..Choice::default()
    };
    let given = grant(&wishes, &choice);
    assert_eq!((given.items.len(), given.refused.len()), (2, 7));
    let active = start(&wishes, &given);
    assert!(active.http("api", "GET", "/orders/7").is_ok());
    assert!(active.http("api", "POST", "/orders").is_err());
}

#[test]
fn a_narrower_pattern_takes_the_place_of_the_wish() {
    let wishes = asking(&["GET /*"]);
    let wide = id(&wishes, "send GET");
    let choice = allow(&[(&wide, "GET /orders/{id}"), (&wide, "GET /stock/*")]);
    let active = start(&wishes, &grant(&wishes, &choice));
    for (path, allowed) in [
        ("/orders/7", true),
        ("/orders/7/lines", false),
        ("/stock/a/b", true),
        ("/admin", false),
    ] {
        assert_eq!(active.http("api", "GET", path).is_ok(), allowed, "{path}");
    }
    let store = id(&wishes, "of its own data");
    let smaller = grant(&wishes, &allow(&[(&store, "1 KiB")]));
    assert_eq!(start(&wishes, &smaller).store(), Ok(1 << 10));
}

#[test]
fn a_new_wish_waits_for_a_reviewer_although_others_were_refused() {
    let before = asking(&["GET /orders/{id}", "POST /orders"]);
    let given = grant(&before, &without(&[id(&before, "send POST")]));
    let after = asking(&["GET /orders/{id}", "POST /orders", "DELETE /orders/{id}"]);
    let held = decide(&after, Some(&given), &ReviewRules::default(), NOW).unwrap_err();
    assert_eq!(held.missing.len(), 1);
    let diff = diff(&given, &after);
    assert_eq!((diff.added.len(), diff.refused.len()), (1, 1));
    assert!(diff.removed.is_empty());
}

#[test]
fn an_upgrade_keeps_what_was_refused_and_narrowed_unless_all_is_said() {
    let wishes = asking(&["GET /*", "POST /orders"]);
    let mut choice = allow(&[(&id(&wishes, "send GET"), "GET /orders/{id}")]);
    choice.without = vec![id(&wishes, "send POST")];
    let present = grant(&wishes, &choice);
    let mut upgraded = asking(&["GET /*", "POST /orders", "PUT /orders"]);
    upgraded.adapter.digest = "sha256:bb".into();
    let again = choose(&upgraded, Some(&present), &Choice::default()).unwrap();
    assert_eq!(again.refused, present.refused);
    let mut kept = present.items.clone();
    kept.retain(|item| again.items.contains(item));
    assert_eq!(kept, present.items);
    let all = Choice {
        all: true,
        ..Choice::default()
    };
    let all = choose(&upgraded, Some(&present), &all).unwrap();
    assert_eq!((all.items, all.refused), (upgraded.items.clone(), vec![]));
}

#[test]
fn a_choice_that_cannot_be_meant_is_refused_with_the_reason() {
    let wishes = asking(&["GET /*", "GET /orders/{id}"]);
    let (wide, narrow) = (id(&wishes, "anything below"), id(&wishes, "orders/{id}"));
    let (limits, emit) = (id(&wishes, "processor time"), id(&wishes, "make events"));
    for (choice, said) in [
        (without(&["http-00000000".into()]), "id of nothing"),
        (without(&["http-".into()]), "id of nothing"),
        (
            without(std::slice::from_ref(&limits)),
            "without which nothing runs",
        ),
        (
            without(std::slice::from_ref(&narrow)),
            "would still allow it",
        ),
        (allow(&[(&wide, "POST /x")]), "not inside"),
        (allow(&[(&narrow, "GET /*")]), "not inside"),
        (allow(&[(&wide, "GET /../x")]), "dot segment"),
        (allow(&[(&emit, "order.*")]), "one exact thing"),
        (allow(&[(&limits, "1 ms")]), "system file"),
    ] {
        let problem = choose(&wishes, None, &choice).unwrap_err().to_string();
        assert!(problem.contains(said), "{said} in {problem}");
    }
}

#[test]
fn a_file_that_refuses_what_it_gives_is_no_grant() {
    let wishes = asking(&["GET /*", "GET /orders/{id}"]);
    let mut grant = grant_of(&wishes);
    grant.refused = wishes
        .items
        .iter()
        .filter(|item| item.is_named(&id(&wishes, "orders/{id}")))
        .cloned()
        .collect();
    let held = decide(&wishes, Some(&grant), &ReviewRules::default(), NOW).unwrap_err();
    assert!(held.message.contains("refuses"), "{}", held.message);
}

#[test]
fn an_id_means_the_place_and_the_credential_too() {
    let wishes = asking(&["GET /orders"]);
    let item = wishes.items.iter().find(|item| item.kind() == "http");
    let item = item.unwrap();
    let mut other = item.clone();
    if let Item::Http { place, .. } = &mut other {
        place.push('x');
    }
    assert_ne!(item.id(), other.id());
    assert!(item.is_named(&item.id()) && item.is_named(&item.whole_id()));
    assert!(!item.is_named("http-") && !other.is_named(&item.id()));
}

#[test]
fn a_grant_that_expired_or_is_of_a_later_format_allows_nothing() {
    let wishes = asking(&["GET /orders"]);
    let good = grant_of(&wishes);
    type Edit = fn(&mut Grant);
    let edits: [(Edit, Option<&str>); 6] = [
        (|grant| grant.format = 1, None),
        (
            |grant| grant.expires = Some("2027-01-15T08:00:00.001Z".into()),
            None,
        ),
        (
            |grant| grant.expires = Some("2027-01-15T08:00:00Z".into()),
            Some("expired at 2027-01-15T08:00:00.000Z"),
        ),
        (
            |grant| grant.expires = Some("next year".into()),
            Some("expected a time"),
        ),
        (|grant| grant.format = 3, Some("newer host")),
        (|grant| grant.approved.clear(), Some("who approved it")),
    ];
    for (edit, said) in edits {
        let mut grant = good.clone();
        edit(&mut grant);
        let found = decide(&wishes, Some(&grant), &ReviewRules::default(), NOW).err();
        match said {
            None => assert_eq!(found, None),
            Some(said) => assert!(found.unwrap().message.contains(said), "{said}"),
        }
    }
}

#[test]
fn the_first_format_is_still_read_and_keeps_its_name() {
    let text = r#"{"system":"erp","adapter":{"name":"acme/erp","version":"1.0.0","digest":"sha256:aa"},
        "approved":{"by":"ann","at":"2026-11-22T10:00:00Z","reason":"needed"},"items":[{"capability":"emit","event":"a"}]}"#;
    let grant: Grant = serde_json::from_str(text).unwrap();
    assert_eq!((grant.format, grant.approved.len()), (1, 1));
    assert_eq!(
        ActiveGrant::new(&grant).unwrap().digest,
        "sha256:fef9331b56ba04b131254abada8357021057e09b726d4314a3fc65ad5f9287fc",
        "records of older hosts name the grant so"
    );
    let mut two = grant;
    two.format = FORMAT;
    two.approved.push(two.approved[0].clone());
    let text = serde_json::to_string(&two).unwrap();
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), two);
}

// === properties ===

fn pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("*")];
    let path = prop::collection::vec(part, 1..4);
    let method = prop_oneof![Just("GET"), Just("POST"), Just("*")];
    let end = prop_oneof![3 => Just(""), 1 => Just("/")];
    (method, path, end).prop_map(|(method, path, end)| format!("{method} /{}{end}", path.join("/")))
}

fn request() -> impl Strategy<Value = (&'static str, String)> {
    let part = prop_oneof![4 => Just("a"), 4 => Just("b"), 1 => Just("c"), 1 => Just("")];
    let path = prop::collection::vec(part, 1..5).prop_map(|parts| format!("/{}", parts.join("/")));
    (prop_oneof![Just("GET"), Just("POST")], path)
}

proptest! {
    /// Whatever a reviewer leaves out or narrows, in whatever order, nothing is allowed that all of it would not allow.
    #[test]
    fn a_narrower_grant_never_allows_more(
        asked in prop::collection::vec(pattern(), 1..5),
        left_out in any::<u8>(),
        narrower in prop::collection::vec((0usize..5, pattern()), 0..4),
        requests in prop::collection::vec(request(), 1..20),
    ) {
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        let wishes = asking(&asked);
        let http: Vec<&Item> = wishes.items.iter().filter(|item| item.kind() == "http").collect();
        let without = http.iter().enumerate().filter(|(at, _)| left_out & (1 << at) != 0).map(|(_, item)| item.id()).collect();
        let allow = narrower.into_iter().filter_map(|(at, text)| Some((http.get(at)?.id(), text))).collect();
        let choice = Choice { without, allow, ..Choice::default() };
        let Ok(chosen) = choose(&wishes, None, &choice) else { return Ok(()) };
        let whole = start(&wishes, &grant_of(&wishes));
        let mut narrow = grant_of(&wishes);
        (narrow.items, narrow.refused) = (chosen.items, chosen.refused);
        let active = start(&wishes, &narrow);
        for (method, path) in requests {
            if active.http("api", method, &path).is_ok() {
                prop_assert!(whole.http("api", method, &path).is_ok(), "{} {}", method, path);
            }
        }
    }

    /// What one item covers another allows no more than it.
    #[test]
    fn a_pattern_that_covers_another_lets_through_all_that_it_does(outer in pattern(), inner in pattern(), requests in prop::collection::vec(request(), 1..40)) {
        let wishes = asking(&[&outer]);
        let wide = wishes.items.iter().find(|item| item.kind() == "http").unwrap();
        let Ok(narrow) = wide.narrowed(&inner) else { return Ok(()) };
        let only = |item: &Item| {
            let mut grant = grant_of(&wishes);
            grant.items = vec![item.clone()];
            ActiveGrant::new(&grant).unwrap()
        };
        let (wide, narrow) = (only(wide), only(&narrow));
        for (method, path) in requests {
            if narrow.http("api", method, &path).is_ok() {
                prop_assert!(wide.http("api", method, &path).is_ok(), "{} not within {}: {}", inner, outer, path);
            }
        }
    }
}
