#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::definition::Flow;

const FLOW: &str = "
on: device.alarm
key: event.subject
steps:
  - id: stock
    call: erp.stock
    with: { sku: '${event.data.part}' }
  - id: approval
    ask: { role: boss, question: 'Buy ${event.data.part}?', options: [approve, reject] }
    timeout: 48h
  - if: steps.approval.answer == 'approve'
    then:
      - id: bought
        call: erp.buy
      - id: arrived
        wait: { on: parcel.arrived, when: event.data.number == steps.bought.number }
        timeout: 10d
      - emit: { type: part.here, data: { late: '${steps.arrived.timed_out}' } }
";

const TEST: &str = "
- test: a part that is bought arrives
  systems:
    erp.stock: { result: { on_hand: 0 } }
    erp.buy: [{ fails: unavailable, message: down }, { result: { number: 7 } }]
  do:
    - event: { type: device.alarm, subject: press, data: { part: P } }
    - event: { type: device.alarm, subject: press, data: { part: Q } }
    - answer: approve
      by: mia
    - after: 1m
    - event: { type: parcel.arrived, data: { number: 7 } }
  expect:
    calls:
      - erp.stock: { sku: P }
      - erp.buy: {}
      - erp.stock: { sku: Q }
    events: [{ type: part.here, data: { late: false } }]
    tasks: [{ role: boss, question: Buy P? }, { question: Buy Q? }]
    runs: [done, waiting]
- test: nobody answers
  do:
    - event: { type: device.alarm, subject: press, data: { part: P } }
    - after: 48h
  expect: { runs: [done], events: [], calls: [{ erp.stock: { sku: P } }] }
";

fn flows() -> FlowSet {
    FlowSet::new(vec![Flow::parse("flows/f.yaml", FLOW).unwrap()])
}

fn differences(test: &str) -> Vec<String> {
    let tests = Rehearsal::parse("flows/f.test.yaml", test).unwrap();
    let outcomes = tests.iter().map(|test| rehearse(&flows(), "f", test));
    outcomes.flat_map(|outcome| outcome.differences).collect()
}

#[test]
fn a_test_that_is_right_passes() {
    assert_eq!(differences(TEST), Vec::<String>::new());
}

#[test]
fn what_differs_is_told_with_both_sides() {
    let test = TEST
        .replace("sku: Q }\n    events", "sku: R }\n    events")
        .replace("late: false", "late: true")
        .replace("runs: [done, waiting]", "runs: [done, done]")
        .replace("events: [], calls", "events: [{ type: none }], calls");
    insta::assert_snapshot!(differences(&test).join("\n"), @r#"
    call 3: expected erp.stock {"sku":"R"}
            found    erp.stock {"sku":"Q"}
    event 1: expected {"type":"part.here","data":{"late":true}}
            found    {"type":"part.here","subject":null,"data":{"late":false}}
    runs: expected done, done, found done, waiting
    event: expected one more, {"type":"none"}
    "#);
}

#[test]
fn what_is_wrong_with_a_test_file_has_its_place() {
    let text = "- test: x\n  systems: { a.b: { fails: unavailabel } }\n  do: [{ after: soon }, { evnt: 1 }]\n  expect: { runs: [finished], call: [] }\n";
    let problems = Rehearsal::parse("flows/f.test.yaml", text).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    flows/f.test.yaml:2:28: fails: found "unavailabel", expected one of unavailable, rate-limited, internal, rejected, not-found, conflict, unauthorized, invalid-input, not-offered. Did you mean "unavailable"?
    flows/f.test.yaml:3:17: after: found the text "soon", expected a duration such as 500ms, 30s, 1h30m or 2d, at most 400d
    flows/f.test.yaml:3:25: do: found a mapping, expected one of event, after, answer
    flows/f.test.yaml:4:20: expect.runs: found "finished", expected one of done, dead, waiting, queued
    flows/f.test.yaml:4:31: expect: found the unknown key "call", expected calls, events, tasks, links, runs, error, result. Did you mean "calls"?
    "#);
}

const SYNC: &str = "
on: customer.changed
key: event.data.id
steps:
  - if: xref('customer', 'crm', event.data.id, 'erp', '') == ''
    then:
      - id: made
        call: erp.add
    else:
      - call: erp.change
        with: { number: \"${xref('customer', 'crm', event.data.id, 'erp')}\" }
  - link: { kind: customer, ids: { crm: '${event.data.id}', erp: '${event.data.erp}' }, role: steward }
";

#[test]
fn links_are_given_asked_about_and_compared() {
    let test = "
- test: a customer that is known is changed, and a conflict is asked
  links: [{ kind: customer, ids: { crm: C-7, erp: 41 } }]
  do:
    - event: { type: customer.changed, data: { id: C-7, erp: 42 } }
    - answer: replace
    - event: { type: customer.changed, data: { id: C-8, erp: 43 } }
  expect:
    calls: [{ erp.change: { number: '41' } }, { erp.add: {} }]
    tasks: [{ role: steward, options: [keep, replace] }]
    links:
      - { kind: customer, ids: { crm: C-7, erp: '42' } }
      - { kind: customer, ids: { crm: C-8, erp: '43' } }
    runs: [done, done]
";
    let played = |test: &str| -> Vec<String> {
        let flows = FlowSet::new(vec![Flow::parse("flows/f.yaml", SYNC).unwrap()]);
        let tests = Rehearsal::parse("flows/f.test.yaml", test).unwrap();
        let outcomes = tests.iter().map(|test| rehearse(&flows, "f", test));
        outcomes.flat_map(|outcome| outcome.differences).collect()
    };
    assert_eq!(played(test), Vec::<String>::new());
    let kept = played(&test.replace("answer: replace", "answer: keep"));
    insta::assert_snapshot!(kept.join("\n"), @r#"
    link 1: expected {"kind":"customer","ids":{"crm":"C-7","erp":"42"}}
            found    {"kind":"customer","ids":{"crm":"C-7","erp":"41"}}
    "#);
}
