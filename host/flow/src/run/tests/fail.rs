//! `choose`, `return`, `fail`, `on-failure`, `undo`.

use super::*;

fn rejected(message: &str) -> Failure {
    Failure::Rejected {
        code: "E7".into(),
        message: message.into(),
    }
}

#[test]
fn the_first_case_that_holds_is_taken_and_no_other() {
    const CHOOSE: &str = "
on: a
steps:
  - choose:
      - when: event.data.n > 10
        steps: [{ call: erp.large }]
      - when: event.data.n > 5
        steps: [{ call: erp.middle }]
    otherwise: [{ call: erp.small }]
  - call: erp.last
";
    for (n, step) in [(20, "1.1.1"), (7, "1.2.1"), (1, "1.otherwise.1")] {
        let mut machine = Machine::new(CHOOSE, &format!("{{\"n\":{n}}}"));
        assert_eq!(machine.make(Input::Start), call(step, "{}", 1, None), "{n}");
        assert_eq!(machine.called(Ok("{}")), call("2", "{}", 1, None), "{n}");
        assert_eq!(machine.called(Ok("{}")), Did::Done, "{n}");
    }
    let without = CHOOSE.replace("    otherwise: [{ call: erp.small }]\n", "");
    let mut machine = Machine::new(&without, r#"{"n":1}"#);
    assert_eq!(machine.make(Input::Start), call("2", "{}", 1, None));
}

#[test]
fn a_flow_ends_where_it_returns_or_fails_on_purpose() {
    const FLOW: &str = "
on: a
steps:
  - if: event.data.ok
    then: [{ return: { n: '${event.data.n}' } }]
  - fail: 'no stock for ${event.data.n}'
  - call: erp.never
";
    let mut machine = Machine::new(FLOW, r#"{"ok":true,"n":7}"#);
    assert_eq!(machine.make(Input::Start), Did::Done);
    assert_eq!(machine.state.trace.result, r#"{"n":7}"#);
    let mut machine = Machine::new(FLOW, r#"{"ok":false,"n":7}"#);
    assert_eq!(machine.make(Input::Start), Did::Dead);
    assert_eq!(machine.error(), "step \"2\": no stock for 7");
}

#[test]
fn on_failure_of_a_step_runs_with_the_failure_and_the_flow_goes_on() {
    let mut machine = Machine::new(
        "
on: a
steps:
  - id: buy
    call: erp.buy
    retry: { attempts: 1 }
    on-failure:
      - call: chat.tell
        with: { step: '${failure.step}', kind: '${failure.kind}', code: '${failure.code}', text: '${failure.message}' }
  - call: erp.last
    with: { bought: '${has(steps.buy)}' }
",
        "{}",
    );
    machine.make(Input::Start);
    let told = r#"{"step":"buy","kind":"rejected","code":"E7","text":"rejected: E7: sold out"}"#;
    assert_eq!(
        machine.called(Err(rejected("sold out"))),
        call("1.on-failure.1", told, 1, None)
    );
    machine.restart();
    assert_eq!(
        machine.make(Input::Start),
        call("1.on-failure.1", told, 1, None)
    );
    assert_eq!(
        machine.called(Ok("{}")),
        call("2", r#"{"bought":false}"#, 1, None)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Done);
    let buy = &machine.state.trace.steps[0];
    assert_eq!(buy.status, crate::trace::StepStatus::Failed);
    assert_eq!(buy.steps[0].branch.as_deref(), Some("on-failure"));
    // Without a failure nothing of it runs.
    machine.state = RunState::default();
    machine.make(Input::Start);
    assert_eq!(
        machine.called(Ok("{}")),
        call("2", r#"{"bought":true}"#, 1, None)
    );
}

const UNDO: &str = "
on: a
steps:
  - id: reserve
    call: erp.reserve
    with: { n: 1 }
    undo: { call: erp.release, with: { number: '${steps.reserve.number}' }, retry: { attempts: 2, backoff: 1s } }
  - id: invoice
    call: bank.invoice
    undo: { call: bank.refund, with: { of: '${steps.reserve.number}' } }
  - id: ship
    call: dhl.ship
    retry: { attempts: 1 }
on-failure:
  - call: chat.tell
    with: { text: '${failure.message}' }
";

/// Up to the failure of the last step.
fn failed() -> (Machine, Did) {
    let mut machine = Machine::new(UNDO, "{}");
    machine.make(Input::Start);
    machine.called(Ok(r#"{"number":77}"#));
    machine.called(Ok("{}"));
    let did = machine.called(Err(rejected("no truck")));
    (machine, did)
}

#[test]
fn what_was_done_is_taken_back_in_reverse_order_and_then_the_flow_says_so() {
    let (mut machine, did) = failed();
    assert_eq!(did, call("invoice/undo", r#"{"of":77}"#, 1, None));
    machine.restart();
    assert_eq!(
        machine.make(Input::Start),
        call("invoice/undo", r#"{"of":77}"#, 1, None)
    );
    assert_eq!(
        machine.called(Ok("{}")),
        call("reserve/undo", r#"{"number":77}"#, 1, None)
    );
    let Did::Wait(Some(until)) = machine.called(Err(down())) else {
        panic!("an undo is tried again");
    };
    machine.now_ms = until;
    assert_eq!(
        machine.woken(),
        call("reserve/undo", r#"{"number":77}"#, 2, None)
    );
    assert_eq!(
        machine.called(Ok("{}")),
        call(
            "on-failure.1",
            r#"{"text":"rejected: E7: no truck"}"#,
            1,
            None
        )
    );
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
    assert_eq!(machine.error(), "step \"ship\": rejected: E7: no truck");
    let ship = &machine.state.trace.steps[2];
    let undone: Vec<&str> = ship.steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(undone, ["bank.refund", "erp.release"]);
}

#[test]
fn an_undo_that_fails_for_good_leaves_the_run_dead_and_says_what_is_missing() {
    let (mut machine, _) = failed();
    machine.called(Ok("{}"));
    assert_eq!(machine.called(Err(rejected("unknown number"))), Did::Dead);
    assert_eq!(
        machine.error(),
        "step \"ship\": rejected: E7: no truck; the undo of \"reserve\" failed: rejected: E7: unknown number; not taken \
         back: \"reserve\""
    );
    machine.restart();
    // A person did it by hand: the rest follows.
    let mend = |with| Mend {
        step: Some("reserve/undo".into()),
        with,
        by: "mia".into(),
        reason: "released by phone".into(),
    };
    let result = MendWith::Result(RawValue::from_string("{}".into()).unwrap());
    machine.mend(&mend(result)).unwrap();
    assert_eq!(
        machine.woken(),
        call(
            "on-failure.1",
            r#"{"text":"rejected: E7: no truck"}"#,
            1,
            None
        )
    );
}

#[test]
fn a_failure_that_is_handled_takes_back_nothing_before_it() {
    let text = UNDO.replace(
        "    call: dhl.ship\n",
        "    call: dhl.ship\n    on-failure: [{ call: chat.later }]\n",
    );
    let mut machine = Machine::new(&text, "{}");
    machine.make(Input::Start);
    machine.called(Ok(r#"{"number":77}"#));
    machine.called(Ok("{}"));
    assert_eq!(
        machine.called(Err(rejected("no truck"))),
        call("3.on-failure.1", "{}", 1, None)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Done);
}

#[test]
fn a_run_emits_no_more_than_its_bound() {
    let items: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let data = format!("{{\"items\":[{}]}}", items.join(","));
    let text = "on: a\nsteps:\n  - each: event.data.items\n    steps: [{ emit: { type: b } }, { emit: { type: c } }]\n";
    let mut machine = Machine::new(text, &data);
    assert_eq!(machine.make(Input::Start), Did::Dead);
    assert_eq!(machine.outbox.emitted.len(), 1_000);
    assert!(
        machine
            .error()
            .contains("would be the 1001th that this run emits"),
        "{}",
        machine.error()
    );
}
