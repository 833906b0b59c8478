//! Business contracts in system files, and who is who.

use tombolo_flow::yaml;
use tombolo_manifest::Effect;

use super::super::fields::Problems;
use super::super::people::{self, People};
use super::files::{plan, refused, told};

const DEVICE: &str = "adapter: any.wasm\nprofiles: [device/1]\nemits: [device.alarm]\n";

#[test]
fn what_a_profile_says_of_an_action_need_not_be_written() {
    let text = format!("{DEVICE}actions: {{ device.command: {{ do: {{ a: 1 }} }} }}\n");
    let plan = plan(&text).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let offer = &plan.bare.actions["device.command"];
    assert_eq!(offer.effect, Effect::Write);
    assert_eq!(offer.summary, "Tells a device to do something");
    assert_eq!(offer.input.as_ref().unwrap()["additionalProperties"], false);
    assert!(plan.profiles.contains("device/1"));
}

#[test]
fn what_does_not_keep_a_profile_is_told() {
    let action = |action: &str| format!("{DEVICE}actions: {{ device.command: {{ {action} }} }}");
    let (effect, schema) = (
        action("effect: read, do: {}"),
        action("input: { type: object }, do: {}"),
    );
    refused(&[
        (
            "adapter: any.wasm\nprofiles: [device/1]\n",
            "a system that keeps device/1 offers the event `device.alarm`",
        ),
        (
            "adapter: any.wasm\nprofiles: [logistics/1]\nemits: [shipment.changed]\n",
            "the action `shipment.create`, the action `shipment.track`",
        ),
        (
            "adapter: any.wasm\nprofiles: [device/7]\n",
            "found \"device/7\", expected some of approval/1",
        ),
        (&effect, "effect: found read, expected write"),
        (&schema, "input: found a schema, expected none"),
        (
            "adapter: crm.wasm\nprofiles: [crm/1]\nconnections: { api: { http: \"https://x\" } }\nkeys: { hook: \"env:H\" }\n",
            "`profiles` can be declared only for a generic adapter",
        ),
    ]);
}

fn people(text: &str) -> Result<People, String> {
    let node = yaml::parse("people.yaml", text).unwrap();
    let (systems, roles) = (["chat".to_owned(), "erp".to_owned()], ["buyer".to_owned()]);
    let mut problems = Problems::of("people.yaml");
    let people = people::read(&node, &systems, Some(&roles), &mut problems);
    match problems.into_list() {
        found if found.is_empty() => Ok(people),
        found => Err(told(&found)),
    }
}

#[test]
fn a_person_is_found_by_the_id_of_a_system() {
    let people = people("mia: { name: Mia Kern, roles: [buyer], ids: { chat: '@mia:x', erp: '7' } }\notto: { ids: { chat: '@otto:x' } }\n").unwrap();
    let name = |system: &str, id: &str| people.who(system, id).map(|(short, _)| short.to_owned());
    assert_eq!(name("chat", "@mia:x").as_deref(), Some("mia"));
    assert_eq!(name("erp", "7").as_deref(), Some("mia"));
    assert_eq!(name("chat", "@otto:x").as_deref(), Some("otto"));
    assert_eq!(name("chat", "7"), None, "an id is of one system");
    assert_eq!(name("chat", "@mia:X"), None, "and is exact");
}

#[test]
fn a_bad_person_is_told_where_and_what() {
    for (text, expected) in [
        ("Mia: {}", "found the person \"Mia\""),
        ("mia: { role: buyer }", "found the key \"role\""),
        ("mia: { roles: [byer] }", "Did you mean \"buyer\"?"),
        ("mia: { ids: { chatt: x } }", "Did you mean \"chat\"?"),
        ("mia: { ids: { chat: 7 } }", "ids: found"),
        (
            "mia: { ids: { chat: x } }\notto: { ids: { chat: x } }",
            "mia has the id \"x\" in chat already",
        ),
        ("[mia]", "people.yaml: found a list"),
    ] {
        let found = people(text).err().unwrap_or_default();
        assert!(found.contains(expected), "{text}: {found}");
    }
}
