//! `link` as it is written, and what is checked of kinds and systems.

use super::*;

fn told(step: &str) -> Vec<String> {
    let text = format!("on: a\nsteps:\n  - {step}\n");
    match Flow::parse("flows/f.yaml", &text) {
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
        Ok(flow) => {
            let (roles, kinds) = (["steward".to_owned()], ["customer".to_owned()]);
            let set = FlowSet::new(vec![flow]);
            let problems = set.check(&Site, Some(&roles), Some(&kinds));
            problems.iter().map(ToString::to_string).collect()
        }
    }
}

#[test]
fn what_is_wrong_with_a_link_is_told_with_its_place() {
    for (step, expected) in [
        (
            "link: { kind: customer, ids: { crm: 7, erp: '${event.id}' }, role: steward }",
            "",
        ),
        (
            "link: { kind: customer, ids: { crm: 7, erp: 8 } }",
            "flows/f.yaml:3:11: link: \"role\" is missing, expected the role of who is asked when ids contradict each other",
        ),
        (
            "link: { kind: customer, ids: { crm: 7 }, role: steward }",
            "flows/f.yaml:3:34: link.ids: found a mapping, expected the ids of 2 to 20 systems such as { crm: ..., erp: ... }",
        ),
        (
            "link: { kind: customer, ids: { crm: 7, erp: [8] }, role: steward }",
            "flows/f.yaml:3:49: link.ids.erp: found a list of 1, expected an id",
        ),
        (
            "link: { kind: costumer, ids: { crm: 7, erp: 8 }, role: steward }",
            "flows/f.yaml:3:19: link.kind: found \"costumer\", expected one of the site's kinds: customer. Did you mean \"customer\"?",
        ),
        (
            "link: { kind: customer, ids: { crm: 7, epr: 8 }, role: steward }",
            "flows/f.yaml:3:44: link.ids: there is no system \"epr\"; systems: crm, erp. Did you mean \"erp\"?",
        ),
        (
            "link: { kind: customer, ids: { crm: 7, erp: 8 }, role: boss }",
            "flows/f.yaml:3:60: link.role: found \"boss\", expected one of the site's roles: steward",
        ),
        (
            "set: { x: \"${xref('costumer', 'crm', event.id, 'erp')}\" }",
            "flows/f.yaml:3:22: xref: found \"costumer\", expected one of the site's kinds: customer. Did you mean \"customer\"?",
        ),
        (
            "set: { x: \"${xref('customer', 'crm', event.id, 'epr', '')}\" }",
            "flows/f.yaml:3:22: xref: there is no system \"epr\"; systems: crm, erp. Did you mean \"erp\"?",
        ),
        (
            "set: { x: \"${xref('customer', event.id, 'erp')}\" }",
            "flows/f.yaml:3:22: set.x: xref: found 3 arguments, expected xref('kind', 'system', id, 'other system') or the same with a default",
        ),
        (
            "set: { x: \"${xref('customer', 'crm', event.id, 'crm')}\" }",
            "flows/f.yaml:3:22: set.x: xref: found the system \"crm\" on both sides, expected two systems",
        ),
    ] {
        let found = told(step);
        assert_eq!(found.first().map_or("", String::as_str), expected, "{step}");
        assert!(found.len() <= 1, "{step}\n{found:#?}");
    }
}

#[test]
fn a_flow_knows_whether_it_looks_up_cross_references() {
    let flow = |text: &str| Flow::parse("flows/f.yaml", text).unwrap();
    assert!(
        flow("on: a\nkey: xref('customer', 'crm', event.id, 'erp')\nsteps: [{ set: { x: 1 } }]")
            .looks_up()
    );
    let outer = "on: a\nsteps: [{ call: flow.g }]";
    assert!(!flow(outer).looks_up());
    let inner =
        "takes: []\nsteps: [{ set: { x: \"${xref('customer', 'crm', event.id, 'erp', '')}\" } }]";
    let inner = Flow::parse("flows/g.yaml", inner).unwrap();
    let set = FlowSet::new(vec![flow(outer), inner]);
    assert!(set.get("f").unwrap().looks_up(), "the flow it calls does");
}
