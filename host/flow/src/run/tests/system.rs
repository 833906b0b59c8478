//! Steps whose system is down: they wait anywhere in a run, and use up no attempt.

use super::*;

const ITEMS: &str = "
on: device.alarm
steps:
  - id: lines
    each: event.data.lines
    at-most: 2
    steps:
      - id: reserve
        call: erp.reserve
        timeout: 60s
        undo: { call: erp.release }
";

impl Machine {
    fn parked(&mut self) -> Did {
        let (_, number) = self.calls.remove(0);
        self.make(Input::Parked(number))
    }

    /// The oldest call met an outage.
    fn outage(&mut self) -> Did {
        let (_, number) = self.calls.remove(0);
        let called = Called {
            result: Err(Failure::Unavailable {
                message: "down".into(),
                retry_after_ms: None,
            }),
            at_ms: self.now_ms,
            crashed: false,
            outward: Vec::new(),
            outage: true,
            policy: RetryWish::default(),
        };
        self.make(Input::Called(number, called))
    }
}

fn attempts(did: Did) -> Vec<(String, u32)> {
    match did {
        Did::Call(calls) => calls
            .into_iter()
            .map(|(step, _, attempt, _)| (step, attempt))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn items_wait_for_their_system_and_go_on_when_time_has_passed() {
    let mut machine = Machine::new(ITEMS, r#"{"lines":[1,2]}"#);
    machine.make(Input::Start);
    let look_again = machine.now_ms + 1_000;
    assert_eq!(machine.outage(), Did::Wait(Some(look_again)), "one calls");
    assert_eq!(machine.parked(), Did::Wait(Some(NOW + 60_000)));
    assert_eq!(machine.state.waits_for_system(), Some("erp"));
    let again = attempts(machine.woken());
    assert_eq!(
        again,
        [
            ("lines[0].reserve".to_owned(), 2),
            ("lines[1].reserve".to_owned(), 1)
        ]
    );
    machine.called(Ok("{}"));
    assert_eq!(machine.called(Ok("{}")), Did::Done);
    assert_eq!(machine.state.waits_for_system(), None);
}

#[test]
fn an_item_is_given_up_when_its_system_comes_too_late() {
    let mut machine = Machine::new(ITEMS, r#"{"lines":[1]}"#);
    machine.make(Input::Start);
    machine.parked();
    machine.now_ms += 60_000;
    assert_eq!(machine.woken(), Did::Dead);
    let error = machine.state.trace.error.clone().unwrap();
    assert!(
        error.contains("its timeout passed while it waited for the system \"erp\""),
        "{error}"
    );
}

#[test]
fn what_is_taken_back_waits_for_its_system_too() {
    let text = format!("{ITEMS}  - call: dhl.ship\n");
    let mut machine = Machine::new(&text, r#"{"lines":[1]}"#);
    machine.make(Input::Start);
    machine.called(Ok("{}"));
    let undo = machine.called(Err(Failure::NotFound {
        message: "no".into(),
    }));
    assert_eq!(attempts(undo), [("lines[0].reserve/undo".to_owned(), 1)]);
    assert_eq!(machine.outage(), Did::Wait(None));
    assert_eq!(machine.state.waits_for_system(), Some("erp"));
    let again = attempts(machine.woken());
    assert_eq!(again, [("lines[0].reserve/undo".to_owned(), 2)]);
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
}

fn again() -> Mend {
    Mend {
        step: None,
        with: MendWith::Again,
        by: "mia".into(),
        reason: "the block was lifted".into(),
    }
}

#[test]
fn a_dead_letter_begins_again_inside_an_undo_and_not_after_it() {
    let text = format!("{ITEMS}  - call: dhl.ship\n");
    let mut machine = Machine::new(&text, r#"{"lines":[1]}"#);
    machine.make(Input::Start);
    machine.called(Ok("{}"));
    let no = || {
        Err(Failure::NotFound {
            message: "no".into(),
        })
    };
    machine.called(no());
    assert_eq!(machine.called(no()), Did::Dead);
    machine.mend(&again()).unwrap();
    let undo = attempts(machine.woken());
    assert_eq!(undo, [("lines[0].reserve/undo".to_owned(), 2)]);
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
    let refused = machine.mend(&again()).unwrap_err();
    assert!(refused.contains("was taken back"), "{refused}");
    assert_eq!(machine.state.trace.repairs.len(), 1);
}

#[test]
fn an_each_begins_again_unless_an_item_took_something_back() {
    let text = ITEMS.replace("        undo: { call: erp.release }\n", "");
    let no = || {
        Err(Failure::NotFound {
            message: "no".into(),
        })
    };
    let mut machine = Machine::new(&text, r#"{"lines":[1]}"#);
    machine.make(Input::Start);
    assert_eq!(machine.called(no()), Did::Dead);
    machine.mend(&again()).unwrap();
    let calls = attempts(machine.woken());
    assert_eq!(calls, [("lines[0].reserve".to_owned(), 1)]);
    assert_eq!(machine.called(Ok("{}")), Did::Done);

    let mut machine = Machine::new(
        &format!("{ITEMS}      - call: dhl.ship\n"),
        r#"{"lines":[1]}"#,
    );
    machine.make(Input::Start);
    machine.called(Ok("{}"));
    machine.called(no());
    assert_eq!(machine.called(Ok("{}")), Did::Dead, "taken back");
    let refused = machine.mend(&again()).unwrap_err();
    assert!(refused.contains("inside the step \"lines\""), "{refused}");
}
