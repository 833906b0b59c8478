#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use serde_json::json;
use tombolo_kernel::system::ActionOffer;
use tombolo_manifest::Effect;

use super::*;

mod links;
mod nested;

const SPARE_PART: &str = r#"
on: device.alarm
when: event.data.severity >= 3
key: event.subject
steps:
  - id: stock
    call: erp.item.stock
    with: { sku: "${event.data.part}" }
  - if: steps.stock.on_hand < event.data.needed
    then:
      - id: request
        call: erp.purchase.request
        with: { sku: "${event.data.part}", quantity: "${event.data.needed - steps.stock.on_hand}" }
        retry: { attempts: 8, backoff: 2s, most: 10m }
      - id: approval
        ask: { role: plant-manager, question: "Buy ${event.data.needed} of ${event.data.part}?", options: [approve, reject] }
        timeout: 48h
      - if: steps.approval.answer == "approve"
        then:
          - call: crm.activity.add
            with: { customer: "${event.data.customer}", text: "Spare part ordered, service may be delayed" }
    else:
      - set: { enough: true }
  - emit: { type: alarm.handled, data: { of: "${event.id}" } }
"#;

fn problems(text: &str) -> Vec<String> {
    match Flow::parse("flows/spare-part.yaml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_example_of_the_design_reads_as_a_program_with_jumps() {
    let flow = Flow::parse("flows/spare-part.yaml", SPARE_PART).unwrap();
    assert_eq!(flow.name, "spare-part");
    assert!(flow.version.starts_with("sha256:") && flow.version.len() == 71);
    let shape: Vec<(String, usize, usize, bool)> = flow
        .program
        .iter()
        .map(|step| (step.id.clone(), step.depth, step.next, step.kept))
        .collect();
    let step = |id: &str, depth, next, kept| (id.to_owned(), depth, next, kept);
    assert_eq!(
        shape,
        [
            step("stock", 0, 1, true),
            step("2", 0, 6, false),
            step("request", 1, 3, false),
            step("approval", 1, 4, true),
            step("2.then.3", 1, 7, false),
            step("2.then.3.then.1", 2, 7, false),
            step("2.else.1", 1, 7, false),
            step("3", 0, 8, false),
        ]
    );
    assert!(matches!(
        flow.program[1].kind,
        Kind::If {
            then_at: 2,
            else_at: 6,
            ..
        }
    ));
    assert!(matches!(
        flow.program[4].kind,
        Kind::If {
            then_at: 5,
            else_at: 7,
            ..
        }
    ));
    assert_eq!(
        flow.program[2].retry,
        crate::delivery::RetryWish {
            attempts: Some(8),
            backoff_ms: Some(2_000),
            most_ms: Some(600_000)
        }
    );
    assert_eq!(flow.program[3].timeout_ms, Some(172_800_000));
}

#[test]
fn the_version_is_the_text_and_nothing_else() {
    let version = |file: &str, text: &str| Flow::parse(file, text).unwrap().version;
    assert_eq!(
        version("flows/a.yaml", SPARE_PART),
        version("flows/b.yaml", SPARE_PART)
    );
    assert_ne!(
        version("flows/a.yaml", SPARE_PART),
        version("flows/a.yaml", &format!("{SPARE_PART}# more\n"))
    );
}

#[test]
fn patterns_match_types_exactly_or_by_prefix() {
    let flow = Flow::parse(
        "flows/f.yaml",
        "on: [a.b, device.*]\nsteps: [{ set: { x: 1 } }]",
    )
    .unwrap();
    for (kind, expected) in [
        ("a.b", true),
        ("a.b.c", false),
        ("device.alarm", true),
        ("device", false),
        ("devices.x", false),
    ] {
        assert_eq!(flow.reacts_to(kind), expected, "{kind}");
    }
    let set = FlowSet::new(vec![flow]);
    assert_eq!(set.reacting_to("device.alarm").len(), 1);
    assert!(set.reacting_to("other").is_empty() && !set.reacts_to("other"));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        (
            "[]",
            "flows/spare-part.yaml:1:1: a flow: found a list of 0, expected a mapping with on, takes, needs, when, key, steps, on-failure",
        ),
        (
            "on: a\nsteps: []",
            "flows/spare-part.yaml:2:8: steps: found a list of 0, expected a list of steps",
        ),
        (
            "steps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:1:1: a flow: \"on\" is missing, expected a type of event such as device.alarm",
        ),
        (
            "on: a\nwhn: true\nsteps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:2:1: a flow: found the unknown key \"whn\", expected on, takes, needs, when, key, steps, on-failure. Did you mean \"when\"?",
        ),
        (
            "on: 'a b'\nsteps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:1:5: on: found \"a b\", expected a type of event such as device.alarm, or device.* for all that begin so",
        ),
        (
            "on: a\nwhen: event.data.x >\nsteps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:2:21: when: the expression does not parse: ",
        ),
        (
            "on: a\nwhen: evnt.data.x\nsteps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:2:7: when: there is no variable \"evnt\"",
        ),
        (
            "on: a\nwhen: steps.x.y == 1\nsteps: [{ set: { x: 1 } }]",
            "flows/spare-part.yaml:2:7: when: refers to the result \"x\", expected only event: no step has run yet",
        ),
        (
            "on: a\nsteps:\n  - cal: erp.x",
            "flows/spare-part.yaml:3:5: a step: found cal, expected one of call, if, choose, each, wait, emit, set, ask, link, check, return, fail. Did you mean \"call\"?",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    emit: { type: b }",
            "flows/spare-part.yaml:4:5: a step: found both \"call\" and \"emit\", expected one of them",
        ),
        (
            "on: a\nsteps:\n  - call: erp",
            "flows/spare-part.yaml:3:11: call: found \"erp\", expected SYSTEM.ACTION such as erp.item.stock",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    with: 7",
            "flows/spare-part.yaml:4:11: with: found the number 7, expected a mapping of input fields, or one ${...}",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    retry: { atempts: 3 }",
            "flows/spare-part.yaml:4:14: retry: found the unknown key \"atempts\", expected attempts, backoff, most. Did you mean \"attempts\"?",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    retry: { attempts: 0 }",
            "flows/spare-part.yaml:4:24: retry.attempts: found the number 0, expected a whole number from 1 to 100",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    timeout: 5",
            "flows/spare-part.yaml:4:14: timeout: found the number 5, expected a duration such as 500ms, 30s, 1h30m or 2d, at most 400d",
        ),
        (
            "on: a\nsteps:\n  - set: { x: 1 }\n    timeout: 5s",
            "flows/spare-part.yaml:4:5: a step with \"set\": found the unknown key \"timeout\", expected set, id",
        ),
        (
            "on: a\nsteps:\n  - if: 'true'",
            "flows/spare-part.yaml:3:5: if: \"then\" is missing, expected a list of steps",
        ),
        (
            "on: a\nsteps:\n  - { id: a, call: erp.x }\n  - { id: a, call: erp.y }",
            "flows/spare-part.yaml:4:11: id: found \"a\" again, it is already the step at line 3",
        ),
        (
            "on: a\nsteps:\n  - { id: My-Step, call: erp.x }",
            "flows/spare-part.yaml:3:11: id: found \"My-Step\", expected at most 40 small letters",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    with: { n: \"${steps.stok.n}\" }\n  - { id: stock, call: erp.y }",
            "flows/spare-part.yaml:4:19: there is no step \"stok\" before this one; steps with results: none has an id",
        ),
        (
            "on: a\nsteps:\n  - { id: stock, call: erp.y }\n  - call: erp.x\n    with: { n: \"${steps.stok.n}\" }",
            "flows/spare-part.yaml:5:19: there is no step \"stok\" before this one; steps with results: stock. Did you mean \"stock\"?",
        ),
        (
            "on: a\nsteps:\n  - id: me\n    call: erp.x\n    with: { n: \"${steps.me.n}\" }",
            "flows/spare-part.yaml:5:19: there is no step \"me\" before this one",
        ),
        (
            "on: a\nsteps:\n  - if: event.id == ''\n    then: [{ id: one, call: erp.x }]\n    else: [{ call: erp.x, with: { n: \"${steps.one.n}\" } }]",
            "flows/spare-part.yaml:5:41: the step \"one\" is in the other branch: it never runs together with this one",
        ),
        (
            "on: a\nsteps:\n  - { id: s, set: { x: 1 } }\n  - call: erp.x\n    with: { n: \"${steps.s}\" }",
            "flows/spare-part.yaml:5:19: the step \"s\" has no result: only call, each, wait, ask, link and emit have one",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    with: { n: \"${vars.x}\" }",
            "flows/spare-part.yaml:4:19: there is no variable vars.x before this step: `set` it first",
        ),
        (
            "on: a\nsteps:\n  - emit: { subject: x }",
            "flows/spare-part.yaml:3:11: emit: \"type\" is missing, expected a type of event such as order.delayed",
        ),
        (
            "on: a\nsteps:\n  - ask: { role: boss, question: q }",
            "flows/spare-part.yaml:3:10: ask: \"options\" is missing, expected a list of answers such as [approve, reject]",
        ),
        (
            "on: a\nsteps:\n  - ask: { role: boss, question: q, options: [a, a] }",
            "flows/spare-part.yaml:3:50: ask.options: found \"a\" twice, expected different answers",
        ),
        (
            "on: a\nsteps:\n  - set: { 'a b': 1 }",
            "flows/spare-part.yaml:3:12: set: found the name \"a b\", expected letters, digits and _",
        ),
        (
            "on: a\nsteps:\n  - call: erp.x\n    with: { n: \"a ${event.dta}\" }",
            "flows/spare-part.yaml:4:26: with: there is no event.dta",
        ),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{text}\n{found:#?}\n{expected}"
        );
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    }
}

#[test]
fn all_problems_of_a_flow_are_told_at_once_in_their_order() {
    let text = "on: a\nwhen: x\nsteps:\n  - call: erp\n  - emit: { type: '' }\n    idd: x\n";
    insta::assert_snapshot!(problems(text).join("\n"), @r#"
    flows/spare-part.yaml:2:7: when: there is no variable "x", expected one of event, steps, vars, run, item, index, failure. Is it event.data.x?
    flows/spare-part.yaml:4:11: call: found "erp", expected SYSTEM.ACTION such as erp.item.stock
    flows/spare-part.yaml:5:19: emit.type: found the text "", expected a text
    flows/spare-part.yaml:6:5: a step with "emit": found the unknown key "idd", expected emit, id. Did you mean "id"?
    "#);
    let named =
        Flow::parse("flows/Spare Part.yaml", "on: a\nsteps: [{ set: { x: 1 } }]").unwrap_err();
    assert!(
        named[0]
            .to_string()
            .starts_with("flows/Spare Part.yaml: found the file name \"Spare Part\""),
        "{named:?}"
    );
}

#[test]
fn too_many_steps_are_refused() {
    let text = format!("on: a\nsteps:\n{}", "  - call: erp.x\n".repeat(501));
    assert_eq!(
        problems(&text),
        ["flows/spare-part.yaml:503:5: the flow has 501 steps, expected at most 500"]
    );
}

struct Site;

impl Offers for Site {
    fn systems(&self) -> Vec<String> {
        vec!["crm".into(), "erp".into()]
    }

    fn action(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        let input = Some(json!({
            "type": "object", "required": ["sku"], "additionalProperties": false,
            "properties": {"sku": {"type": "string"}, "n": {"type": "integer"}}
        }));
        let offer = ActionOffer {
            effect: Effect::Read,
            summary: String::new(),
            input,
            output: None,
        };
        let known = ["stock", "item.stock"].contains(&action);
        (system == "erp" && known).then(|| Arc::new(offer))
    }

    fn keeps(&self, system: &str, profile: &str) -> bool {
        (system, profile) == ("erp", "erp/1")
    }
}

#[test]
fn a_flow_uses_of_what_it_needs_only_what_the_profile_has() {
    let check = |needs: &str, step: &str| -> Vec<String> {
        let text = format!("on: a\nneeds: {needs}\nsteps:\n  - {step}\n");
        match Flow::parse("flows/f.yaml", &text) {
            Ok(flow) => FlowSet::new(vec![flow])
                .check(&Site, None, None)
                .iter()
                .map(|problem| problem.message.clone())
                .collect(),
            Err(problems) => problems
                .into_iter()
                .map(|problem| problem.message)
                .collect(),
        }
    };
    let stock = "{ call: erp.item.stock, with: { sku: x } }";
    for (needs, step, expected) in [
        ("{ erp: erp/1 }", stock, ""),
        ("{ erp: [erp/1] }", stock, ""),
        (
            "{ erp: erp/9 }",
            stock,
            "needs.erp: found \"erp/9\", expected one of approval/1",
        ),
        (
            "{ epr: erp/1 }",
            stock,
            "needs: there is no system \"epr\". Did you mean \"erp\"?",
        ),
        (
            "{ crm: crm/1 }",
            stock,
            "needs: the system \"crm\" does not keep crm/1",
        ),
        ("[erp/1]", stock, "needs: found a list"),
        (
            "{ erp: erp/1 }",
            "{ call: erp.stock, with: { sku: x } }",
            "call: erp/1 has no action \"stock\", and this flow needs no more of \"erp\"",
        ),
        ("{ erp: erp/1 }", "{ set: { a: 1 } }", ""),
    ] {
        let found = check(needs, step);
        match expected {
            "" => assert!(found.is_empty(), "{needs} {step}: {found:?}"),
            _ => assert!(
                found.iter().any(|message| message.starts_with(expected)),
                "{needs} {step}: {found:?}"
            ),
        }
    }
}

#[test]
fn a_set_is_checked_against_what_the_systems_offer() {
    let check = |step: &str| -> Vec<String> {
        let flow = Flow::parse("flows/f.yaml", &format!("on: a\nsteps:\n  - {step}\n")).unwrap();
        let roles = ["plant-manager".to_owned()];
        FlowSet::new(vec![flow])
            .check(&Site, Some(&roles), None)
            .iter()
            .map(|problem| problem.message.clone())
            .collect()
    };
    for (step, expected) in [
        ("{ call: erp.stock, with: { sku: 'x' } }", ""),
        ("{ call: erp.stock, with: { sku: '${event.id}' } }", ""),
        ("{ call: erp.stock, with: '${event.data}' }", ""),
        (
            "{ call: epr.stock }",
            "call: there is no system \"epr\"; systems: crm, erp. Did you mean \"erp\"?",
        ),
        (
            "{ call: erp.stok }",
            "call: the system \"erp\" offers no action \"stok\"",
        ),
        (
            "{ call: erp.stock, with: { sku: 7 } }",
            "with: /sku: 7 is not of type \"string\"",
        ),
        (
            "{ call: erp.stock, with: { n: '${event.id}' } }",
            "with: the input field \"sku\" is missing; fields: sku, n",
        ),
        (
            "{ call: erp.stock, with: { sku: '${event.id}', m: 1 } }",
            "with: found the unknown input field \"m\", expected sku, n. Did you mean \"n\"?",
        ),
        (
            "{ ask: { role: plant-manger, question: q, options: [a] } }",
            "ask.role: found \"plant-manger\", expected one of the site's roles: plant-manager. Did you mean \"plant-manager\"?",
        ),
    ] {
        let found = check(step);
        assert_eq!(found.first().map_or("", String::as_str), expected, "{step}");
    }
}

#[test]
fn a_value_map_that_is_not_there_is_told_with_its_place() {
    let text = "on: a\nsteps:\n  - set: { x: \"${table('intnt', event.data.i)}\" }\n";
    let flow = Flow::parse("flows/map.yaml", text).unwrap();
    let mut tables = crate::Tables::default();
    let table = crate::tables::Table::parse("tables/intent.csv", "key,value\nS,high\n").unwrap();
    tables.add("intent", table);
    let problems = FlowSet::with_tables(vec![flow], tables).check(&Site, None, None);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0].line, problems[0].file.as_str()),
        (3, "flows/map.yaml")
    );
    assert!(
        problems[0].message.contains("there is no table \"intnt\""),
        "{problems:?}"
    );
}
