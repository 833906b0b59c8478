#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn every_text_is_a_profile() {
    for text in TEXTS {
        let profile = Profile::read(text)
            .unwrap_or_else(|error| panic!("{}: {error}", text.lines().next().unwrap_or_default()));
        assert!(crate::names::is_profile(&profile.name), "{}", profile.name);
        assert!(Profile::named(&profile.name).is_some(), "{}", profile.name);
    }
    assert_eq!(Profile::all().count(), TEXTS.len());
}

#[test]
fn no_two_profiles_name_one_thing_so_that_a_system_can_keep_both() {
    let mut seen = BTreeMap::new();
    for profile in Profile::all() {
        for name in profile.actions.keys().chain(profile.events.keys()) {
            if let Some(other) = seen.insert(name, &profile.name) {
                assert_eq!(other, &profile.name, "{name} is in both");
            }
        }
    }
}

#[test]
fn names_and_failures_are_those_of_the_contract() {
    let kinds = [
        "invalid-input",
        "not-found",
        "conflict",
        "unauthorized",
        "rate-limited",
        "unavailable",
        "rejected",
        "not-offered",
        "internal",
    ];
    for profile in Profile::all() {
        for (name, action) in &profile.actions {
            assert!(crate::names::is_dotted(name), "{name}");
            assert!(!action.summary.is_empty(), "{name}");
            assert!(!action.examples.is_empty(), "{name} needs an example");
            for kind in action.failures.keys() {
                assert!(kinds.contains(&kind.as_str()), "{name}: {kind}");
            }
        }
        for name in profile.events.keys() {
            assert!(crate::names::is_event_type(name), "{name}");
        }
    }
}

#[test]
fn the_cases_try_every_action() {
    for profile in Profile::all() {
        for name in profile.actions.keys() {
            let tried = profile
                .cases
                .iter()
                .any(|case| &case.call == name && case.fails.is_empty());
            assert!(tried, "{name}");
        }
        for case in &profile.cases {
            let action = profile.actions.get(&case.call);
            assert!(action.is_some(), "{}", case.call);
            let pointers = case.items.iter().chain(&case.twice);
            assert!(
                pointers.into_iter().all(|pointer| pointer.starts_with('/')),
                "{case:?}"
            );
        }
    }
}

#[test]
fn types_are_put_in_and_inputs_are_closed() {
    let profile = Profile::named("erp/1").unwrap();
    let input = &profile.actions["sale.create"].input;
    assert_eq!(input["additionalProperties"], false);
    assert_eq!(input["properties"]["extra"]["type"], "object");
    let price = &input["properties"]["lines"]["items"]["properties"]["price"];
    assert_eq!(price["required"][0], "amount");
    assert!(
        price["description"].is_string(),
        "what stands beside a reference is kept"
    );
    let all = format!("{profile:?}");
    assert!(!all.contains("$ref"), "a reference is left");
}

#[test]
fn what_refers_to_no_type_or_to_itself_is_refused() {
    let text = |types: &str| {
        format!(
            "profile: x/1\nsummary: x\ntypes: {types}\nactions: {{ a.b: {{ effect: read, summary: s, input: {{ $ref: '#/types/t' }}, output: {{}}, examples: [] }} }}\nevents: {{}}\n"
        )
    };
    assert!(Profile::read(&text("{ t: { type: object } }")).is_ok());
    assert!(Profile::read(&text("{ u: {} }")).is_err());
    assert!(Profile::read(&text("{ t: { items: { $ref: '#/types/t' } } }")).is_err());
}
