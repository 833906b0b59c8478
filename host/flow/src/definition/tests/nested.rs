//! Steps that hold others, and flows that call flows.

use super::*;

#[test]
fn what_is_wrong_with_steps_that_hold_others_is_told_with_its_place() {
    let at = "flows/spare-part.yaml:";
    for (steps, expected) in [
        (
            "  - choose: x",
            "3:13: choose: found the text \"x\", expected a list of cases with when and steps",
        ),
        (
            "  - choose: []",
            "3:13: choose: found an empty list, expected at least one case with when and steps",
        ),
        (
            "  - choose: [{ when: 'true' }]",
            "3:14: a case of choose: \"steps\" is missing, expected a list of steps",
        ),
        (
            "  - choose:\n      - when: event.data.a\n        steps: [{ id: one, call: erp.x }]\n      - when: steps.one.ok\n        steps: [{ call: erp.y, with: { n: 1 } }]",
            "6:15: there is no step \"one\" before this one; steps with results: none has an id",
        ),
        (
            "  - each: event.data.lines",
            "3:5: each: \"steps\" is missing, expected a list of steps for every item",
        ),
        (
            "  - each: event.data.lines\n    at-most: 99\n    steps: [{ call: erp.x }]",
            "4:14: at-most: found the number 99, expected a whole number from 1 to 32",
        ),
        (
            "  - each: event.data.lines\n    keep-going: maybe\n    steps: [{ call: erp.x }]",
            "4:17: keep-going: found the text \"maybe\", expected true or false",
        ),
        (
            "  - each: event.data.lines\n    steps: [{ id: one, call: erp.x }]\n  - call: erp.y\n    with: { n: '${steps.one}' }",
            "6:19: the step \"one\" is inside the `each` at line 3: it has a result per item, look at the result of the `each`",
        ),
        (
            "  - each: event.data.lines\n    steps: [{ set: { x: 1 } }]\n  - call: erp.y\n    with: { n: '${vars.x}' }",
            "6:19: there is no variable vars.x before this step: `set` it first",
        ),
        (
            "  - call: erp.x\n    with: { n: '${item.n}' }",
            "4:19: \"item\" is known only to the steps inside `each`",
        ),
        (
            "  - call: erp.x\n    with: { n: '${failure.message}' }",
            "4:19: \"failure\" is known only to the steps inside `on-failure`",
        ),
        (
            "  - id: one\n    call: erp.x\n    on-failure: [{ call: erp.y, with: { n: '${steps.one.n}' } }]",
            "5:47: the step \"one\" has no result here: these steps run because it failed",
        ),
        (
            "  - wait: { when: 'true' }",
            "3:11: wait: \"on\" is missing, expected a type of event such as parcel.delivered",
        ),
        (
            "  - wait: { on: 'parcel.*' }",
            "3:17: wait.on: found \"parcel.*\", expected a whole type of event such as parcel.delivered",
        ),
        (
            "  - call: erp.x\n    undo: { with: {} }",
            "4:11: undo: \"call\" is missing, expected SYSTEM.ACTION such as erp.order.cancel",
        ),
        (
            "  - call: flow.Tell",
            "3:11: call: found \"flow.Tell\", expected flow.NAME with a name of at most 40",
        ),
        (
            "  - call: flow.tell\n    timeout: 5s",
            "4:14: timeout: found it beside the call of a flow, expected it on the calls inside \"tell\"",
        ),
        (
            "  - call: erp.x\non-failure: [{ return: 1 }]",
            "4:14: return: found it in the flow's on-failure, expected it among its steps",
        ),
    ] {
        let found = problems(&format!("on: a\nsteps:\n{steps}"));
        assert!(
            found
                .first()
                .is_some_and(|problem| problem.starts_with(&format!("{at}{expected}"))),
            "{steps}\n{found:#?}\n{expected}"
        );
        assert_eq!(found.len(), 1, "{steps}\n{found:#?}");
    }
}

#[test]
fn flows_that_call_flows_are_checked_together() {
    let check = |flows: &[(&str, &str)]| -> Vec<String> {
        let read =
            |(name, text): &(&str, &str)| Flow::parse(&format!("flows/{name}.yaml"), text).unwrap();
        let set = FlowSet::new(flows.iter().map(read).collect());
        set.check(&Site, None, None)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let tell = ("tell", "takes: [text]\nsteps: [{ set: { x: 1 } }]");
    let call = |with: &str| format!("on: a\nsteps:\n  - call: flow.tell\n    with: {with}\n");
    for (with, expected) in [
        ("{ text: x }", ""),
        ("'${event.data}'", ""),
        (
            "{}",
            "flows/a.yaml:3:11: with: \"text\" is missing; the flow \"tell\" takes text",
        ),
        (
            "{ text: '${event.id}', txt: 1 }",
            "flows/a.yaml:3:11: with: found \"txt\", the flow \"tell\" takes text. Did you mean \"text\"?",
        ),
    ] {
        let found = check(&[("a", &call(with)), tell]);
        assert_eq!(found.first().map_or("", String::as_str), expected, "{with}");
    }
    let one = |name: &str, takes: &str| format!("on: x\n{takes}steps: [{{ call: flow.{name} }}]\n");
    assert_eq!(
        check(&[("a", &one("tel", "")), tell]),
        [
            "flows/a.yaml:2:17: call: there is no flow \"tel\"; flows that can be called: tell. Did you mean \"tell\"?"
        ]
    );
    assert_eq!(
        check(&[
            ("a", &one("b", "")),
            ("b", "on: y\nsteps: [{ set: { x: 1 } }]")
        ]),
        [
            "flows/a.yaml:2:17: call: the flow \"b\" does not say what it takes, expected `takes: [...]` in flows/b.yaml"
        ]
    );
    let round = check(&[
        ("a", &one("b", "takes: []\n")),
        ("b", &one("a", "takes: []\n")),
    ]);
    assert!(
        round[0].contains("cannot call each other in a circle"),
        "{round:?}"
    );
    let names = ["b", "c", "d", "e", "f"];
    let mut deep: Vec<(String, String)> = vec![("a".into(), one("b", ""))];
    for pair in names.windows(2) {
        deep.push((pair[0].into(), one(pair[1], "takes: []\n")));
    }
    deep.push(("f".into(), "takes: []\nsteps: [{ set: { x: 1 } }]".into()));
    let deep: Vec<(&str, &str)> = deep.iter().map(|(name, text)| (&**name, &**text)).collect();
    let found = check(&deep);
    assert!(
        found.len() == 1 && found[0].contains("flows call flows 5 deep here"),
        "{found:?}"
    );
}

#[test]
fn a_flow_that_is_only_called_judges_no_event() {
    assert_eq!(
        problems("takes: [x]\nkey: event.subject\nsteps: [{ call: erp.x }]"),
        [
            "flows/spare-part.yaml:2:6: key: found it in a flow that is only called, expected it beside \"on\""
        ]
    );
}

#[test]
fn a_flow_is_drawn_as_an_outline_and_as_a_flowchart() {
    let text = "on: a\nsteps:\n  - id: lines\n    each: event.data.lines\n    at-most: 2\n    steps:\n      - call: erp.x\n        undo: { call: erp.y }\n  - choose:\n      - when: event.data.n > 1\n        steps: [{ wait: { on: b, when: event.data.ok } }]\n    otherwise: [{ fail: no }]\non-failure: [{ call: erp.z }]\n";
    let flow = Flow::parse("flows/f.yaml", text).unwrap();
    let outline: Vec<String> = flow
        .outline()
        .into_iter()
        .map(|(level, line)| format!("{}{line}", "  ".repeat(level)))
        .collect();
    insta::assert_snapshot!(outline.join("\n"), @r"
    lines: each event.data.lines, 2 at a time
      call erp.x
        undo: call erp.y
    choose
      case 1: wait b when event.data.ok
      otherwise: fail
    on-failure of the flow
      call erp.z
    ");
    insta::assert_snapshot!(flow.mermaid(), @r#"
    flowchart TD
      begin(["on a"])
      begin --> s0
      s0[["lines: each event.data.lines, 2 at a time"]]
      s0 -->|every item| s1
      s0 --> s2
      s1["call erp.x"]
      s1 --> s2
      s1 -.- u1["undo: erp.y"]
      s2{"choose"}
      s2 -->|"event.data.n > 1"| s3
      s2 -->|otherwise| s4
      s3[/"wait b when event.data.ok"/]
      s3 --> done
      s4["fail"]
      s5["call erp.z"]
      s5 --> done
      done([done])
      failed([failed for good]) -.-> s5
    "#);
}
