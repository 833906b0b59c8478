#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::definition::FlowSet;
use crate::trace::StepTrace;

/// `step to field: from <- behind`.
fn shown(origins: &[Origin]) -> Vec<String> {
    let line = |one: &Origin| {
        let from = one.from.join(" ");
        let behind = match one.behind.is_empty() {
            true => String::new(),
            false => format!(" <- {}", one.behind.join(" ")),
        };
        format!("{} {} {}: {from}{behind}", one.step, one.to, one.field)
    };
    origins.iter().map(line).collect()
}

fn flow(text: &str) -> Flow {
    Flow::parse("flows/f.yaml", text).unwrap()
}

fn all(flow: &Flow) -> Vec<Origin> {
    let mut origins = Vec::new();
    add_all(&mut origins, &Sight::of(flow), &|_| true);
    origins
}

fn traced(id: &str, kind: &str, what: &str, steps: Vec<StepTrace>) -> StepTrace {
    StepTrace {
        id: id.into(),
        kind: kind.into(),
        what: what.into(),
        adapter: format!("sha256:{id}"),
        steps,
        ..StepTrace::default()
    }
}

#[test]
fn every_field_that_is_sent_has_its_origin() {
    let origins = all(&flow(
        r#"
on: a
steps:
  - id: add
    call: crm.lead.add
    with:
      who: "${event.data.id}"
      note: "From ${event.source} at ${event.time}"
      intent: "${table('intent', event.data.i)}"
      erp: "${xref('customer', 'crm', event.data.id, 'erp')}"
      kind: lead
      tags: ["${event.subject}"]
  - id: known
    link: { kind: customer, ids: { crm: '${event.data.id}', erp: 7 }, role: r }
  - id: bare
    call: crm.lead.count
"#,
    ));
    assert_eq!(
        shown(&origins),
        [
            "add crm.lead.add /who: event.data.id",
            "add crm.lead.add /note: event.source event.time",
            "add crm.lead.add /intent: event.data.i tables/intent.csv",
            "add crm.lead.add /erp: event.data.id xref(customer, crm, erp)",
            "add crm.lead.add /kind: ",
            "add crm.lead.add /tags/0: event.subject",
            "known xref customer /crm: event.data.id",
            "known xref customer /erp: ",
            "bare crm.lead.count : ",
        ]
    );
    assert_eq!(origins[4].expression, "\"lead\"");
}

#[test]
fn results_variables_and_items_are_followed_back_to_the_event() {
    let origins = all(&flow(
        r#"
on: a
steps:
  - set: { need: "${event.data.needed - 1}" }
  - id: stock
    call: erp.stock
    with: { sku: "${table('parts', event.data.part)}" }
  - id: lines
    each: event.data.lines
    steps:
      - id: reserve
        call: erp.reserve
        with: { sku: "${item.sku}", at: "${steps.stock.place}" }
        undo: { call: erp.release, with: { number: "${steps.reserve.number}" } }
  - call: erp.buy
    with: { count: "${vars.need - steps.stock.on_hand}", all: "${steps.lines}", who: "${event.subject}" }
"#,
    ));
    assert_eq!(
        shown(&origins),
        [
            "stock erp.stock /sku: event.data.part tables/parts.csv",
            "lines[].reserve erp.reserve /sku: item.sku <- event.data.lines",
            "lines[].reserve erp.reserve /at: steps.stock.place <- event.data.part tables/parts.csv",
            "lines[].reserve/undo erp.release /number: steps.reserve.number <- event.data.lines event.data.part tables/parts.csv",
            "4 erp.buy /count: vars.need steps.stock.on_hand <- event.data.needed event.data.part tables/parts.csv",
            "4 erp.buy /all: steps.lines <- event.data.lines event.data.part tables/parts.csv",
            "4 erp.buy /who: event.subject",
        ]
    );
}

const CALLER: &str = r#"
on: a
steps:
  - if: event.data.urgent
    then: [ { id: stock, call: erp.never, with: { a: "${event.data.a}" } } ]
  - id: part
    call: flow.part
    with: { sku: "${event.data.item}", count: 2 }
  - call: crm.note
    with: { text: "${steps.part}" }
"#;

const PART: &str = r#"
takes: [sku, count]
steps:
  - id: stock
    call: erp.stock
    with: { sku: "${event.data.sku}", count: "${event.data.count}", about: "${event.subject}" }
  - return: "${steps.stock.place}"
"#;

fn calling() -> std::sync::Arc<Flow> {
    let named = |name: &str, text| Flow::parse(&format!("flows/{name}.yaml"), text).unwrap();
    let set = FlowSet::new(vec![named("f", CALLER), named("part", PART)]);
    std::sync::Arc::clone(set.get("f").unwrap())
}

#[test]
fn a_called_flows_values_are_followed_to_the_event_of_its_caller() {
    let trace = RunTrace {
        steps: vec![
            traced("1", "if", "", vec![]),
            traced(
                "part",
                "call",
                "flow.part",
                vec![traced("stock", "call", "erp.stock", vec![])],
            ),
            traced("3", "call", "crm.note", vec![]),
        ],
        ..RunTrace::default()
    };
    let lineage = of_run(&calling(), &trace);
    // The caller's own `stock` was not reached, though the called flow has a step of that name.
    assert_eq!(
        shown(&lineage.origins),
        [
            "part flow.part /sku: event.data.item",
            "part flow.part /count: ",
            "part.stock erp.stock /sku: with.sku <- event.data.item",
            "part.stock erp.stock /count: with.count",
            "part.stock erp.stock /about: event.subject",
            "3 crm.note /text: steps.part <- event.data.item event.subject",
        ]
    );
    assert_eq!(lineage.adapters["part.stock"], "sha256:stock");
}

#[test]
fn an_undo_and_what_a_person_gave_have_their_origin() {
    let flow = flow(
        r#"
on: a
steps:
  - id: lines
    each: event.data.lines
    steps:
      - id: reserve
        call: erp.reserve
        with: { sku: "${item}" }
        undo: { call: erp.release, with: { number: "${steps.reserve.number}" } }
  - id: buy
    call: erp.buy
    with: { count: "${event.data.count}", who: me }
"#,
    );
    let item = |index: &str| {
        traced(
            index,
            "item",
            "",
            vec![traced("reserve", "call", "erp.reserve", vec![])],
        )
    };
    let undo = traced("lines[1].reserve", "undo", "erp.release", vec![]);
    let mut trace = RunTrace {
        steps: vec![
            traced("lines", "each", "", vec![item("[0]"), item("[1]")]),
            traced("buy", "call", "erp.buy", vec![undo]),
        ],
        ..RunTrace::default()
    };
    let before = of_run(&flow, &trace);
    assert_eq!(
        shown(&before.origins),
        [
            "lines[].reserve erp.reserve /sku: item <- event.data.lines",
            "lines[].reserve/undo erp.release /number: steps.reserve.number <- event.data.lines",
            "buy erp.buy /count: event.data.count",
            "buy erp.buy /who: ",
        ]
    );
    assert_eq!(
        before.adapters["lines[].reserve/undo"],
        "sha256:lines[1].reserve"
    );
    for step in ["buy", "lines[1].reserve", "buy"] {
        trace.repaired(Repair {
            what: "edited".into(),
            step: step.into(),
            value: r#"{"count":3}"#.into(),
            by: "rita".into(),
            reason: "a typo".into(),
            at_ms: 0,
        });
    }
    let after = of_run(&flow, &trace);
    assert_eq!(
        shown(&after.origins),
        [
            "lines[1].reserve erp.reserve : edited by rita: a typo",
            "lines[].reserve erp.reserve /sku: item <- event.data.lines",
            "lines[].reserve/undo erp.release /number: steps.reserve.number <- event.data.lines",
            "buy erp.buy : edited by rita: a typo",
        ]
    );
    assert_eq!(after.origins[3].expression, r#"{"count":3}"#);
    assert_eq!(after.adapters["lines[1].reserve"], "sha256:reserve");
}
