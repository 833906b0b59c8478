//! `check`.

use super::*;

const CHECKED: &str = "
on: a
steps:
  - id: found
    call: crm.customer.find
    with: { number: '${event.data.customer}' }
    undo: { call: crm.customer.leave }
    check:
      - that: size(steps.found.items) == 1
        field: /customer
        says: 'the CRM has no customer ${event.data.customer}'
      - that: size(event.data.name) <= 5
        field: /name
        says: 'found ${size(event.data.name)} letters, expected at most 5'
      - that: event.data.missing > 0
        says: never
  - call: crm.order.add
";

#[test]
fn all_that_is_wrong_is_told_at_once_with_the_fields_and_nothing_is_sent() {
    let mut machine = Machine::new(CHECKED, r#"{"customer":"C-7","name":"Hansen"}"#);
    machine.make(Input::Start);
    // What the call did is taken back.
    assert_eq!(
        machine.called(Ok(r#"{"items":[]}"#)),
        call("found/undo", "{}", 1, None)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
    let error = machine.error();
    for part in [
        "step \"found\": invalid-input",
        "/customer: the CRM has no customer C-7",
        "/name: found 6 letters, expected at most 5",
        "missing",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let attempt = &machine.state.trace.steps[0].attempts[0];
    let Some(Failure::InvalidInput { problems }) = &attempt.failure else {
        panic!("{attempt:?}")
    };
    let paths: Vec<&str> = problems.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/customer", "/name", ""]);
}

#[test]
fn data_that_holds_goes_on_and_a_refusal_can_be_handled() {
    let good = CHECKED.replace("event.data.missing > 0", "true");
    let mut machine = Machine::new(&good, r#"{"customer":"C-7","name":"Olsen"}"#);
    machine.make(Input::Start);
    assert_eq!(
        machine.called(Ok(r#"{"items":[{}]}"#)),
        call("2", "{}", 1, None)
    );
    let handled = "
on: a
steps:
  - check: [{ that: event.data.n > 0, says: too small, field: /n }]
    on-failure:
      - call: chat.tell
        with: { text: '${failure.kind}: ${failure.message}' }
";
    let mut machine = Machine::new(handled, r#"{"n":0}"#);
    let told = r#"{"text":"invalid-input: invalid-input: /n: too small"}"#;
    assert_eq!(
        machine.make(Input::Start),
        call("1.on-failure.1", told, 1, None)
    );
}
