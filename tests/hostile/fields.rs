//! Fields that are kept back from a system: not in guest memory, under whatever name.

use serde_json::json;

use crate::fixture::{Attack, attack, died_saying};

const BIRTHDAY: &str = "1980-02-29";

fn site() -> Attack {
    attack(
        "
adapter: adapters/attacker.wasm
actions:
  go: { effect: read, summary: Goes, do: {} }
fields:
  hide: [birthday, customer.notes]
  mask: { phone: phone, card-number: card }
  mask-matching: ['[A-Z]{2}[0-9]{9}']
",
    )
}

/// What the guest says that it was given.
fn given(run: &serde_json::Value) -> String {
    assert_eq!(run["run"]["status"], "done", "{run:#}");
    let result = &run["trace"]["steps"][0]["result"];
    result.as_str().map_or(result.to_string(), str::to_owned)
}

#[test]
fn case_47_hidden_fields_are_absent_from_guest_memory_and_masked_ones_masked() {
    let attack = site();
    let run = attack.deed(&json!({
        "do": "echo",
        "birthday": BIRTHDAY,
        "lines": [{ "birthday": BIRTHDAY, "deep": [[{ "birthday": BIRTHDAY }]] }],
        "customer": { "notes": "difficult", "phone": "+49 170 1234567" },
        "payment": [{ "card-number": 4111111111111234_u64 }],
        "text": "passport DE123456789 shown",
        "order": "o-77",
    }));
    let given = given(&run);
    for gone in [BIRTHDAY, "difficult", "1234567", "41111111", "DE123456789"] {
        assert!(!given.contains(gone), "{gone} reached the guest: {given}");
    }
    for there in ["o-77", "+** *** ****567", "************1234", "***********"] {
        assert!(given.contains(there), "{there} is missing: {given}");
    }
    attack.neighbour_works();
}

#[test]
fn case_48_a_hidden_field_under_another_name_or_spelling_does_not_reach_it() {
    let attack = site();
    for spelling in ["Birthday", "BIRTH_DAY", "birth-day", "birth day"] {
        let run = attack.deed(&json!({ "do": "echo", spelling: BIRTHDAY }));
        let given = given(&run);
        assert!(!given.contains(BIRTHDAY), "{spelling}: {given}");
    }
    let renamed = [
        json!({ "do": "echo", "birthday": BIRTHDAY, "born": BIRTHDAY }),
        json!({ "do": "echo", "birthday": BIRTHDAY, "text": format!("born on {BIRTHDAY}.") }),
        json!({ "do": "echo", "birthday": BIRTHDAY, BIRTHDAY: 1 }),
        json!({ "do": "echo", "phone": "+49 170 1234567", "call": "+49 170 1234567" }),
    ];
    for data in renamed {
        let run = attack.deed(&data);
        died_saying(&run, &["kept back from this system, under another name"]);
    }
    attack.neighbour_works();
}
