//! `wait`, what people change, and moves to another version.

use super::*;

const WAIT: &str = "
on: a
steps:
  - id: ship
    call: dhl.ship
  - id: delivered
    wait: { on: parcel.delivered, when: event.data.parcel == steps.ship.parcel && event.data.ok }
    timeout: 10d
  - call: crm.note
    with: { late: '${steps.delivered.timed_out}', of: '${steps.delivered.timed_out ? \"\" : steps.delivered.data.parcel}' }
";

fn waiting() -> Machine {
    let mut machine = Machine::new(WAIT, "{}");
    machine.make(Input::Start);
    assert_eq!(
        machine.called(Ok(r#"{"parcel":"P-1"}"#)),
        Did::Wait(Some(NOW)),
        "first it looks through the log"
    );
    machine
}

#[test]
fn a_wait_says_what_it_listens_for_and_takes_the_first_event_that_is_meant() {
    let mut machine = waiting();
    let listens = machine.state.listens().unwrap();
    assert_eq!(
        (
            listens[0].kind.as_str(),
            listens[0].path.as_str(),
            listens[0].key.as_str()
        ),
        (
            "parcel.delivered",
            "event.data.parcel",
            "event.data.parcel=\"P-1\""
        )
    );
    assert_eq!(machine.state.looks_for(), ["parcel.delivered"]);
    // Before the run's own event, another parcel, another type, a form without the fields: none is meant.
    let others = [
        (6, "parcel.delivered", r#"{"parcel":"P-1","ok":true}"#),
        (8, "parcel.delivered", r#"{"parcel":"P-2","ok":true}"#),
        (9, "parcel.lost", r#"{"parcel":"P-1","ok":true}"#),
        (10, "parcel.delivered", "7"),
    ];
    assert_eq!(machine.heard(&others), Did::Wait(Some(NOW + 864_000_000)));
    assert!(
        machine.state.looks_for().is_empty(),
        "the log was looked through"
    );
    assert_eq!(
        machine.heard(&[(11, "parcel.delivered", r#"{"parcel":"P-1","ok":true}"#)]),
        call("3", r#"{"late":false,"of":"P-1"}"#, 1, None)
    );
    assert_eq!(machine.state.listens(), Some(Vec::new()));
}

#[test]
fn a_wait_is_given_up_only_when_all_that_came_is_known() {
    let mut machine = waiting();
    machine.heard(&[]);
    machine.now_ms += 864_000_000;
    let surroundings_know_nothing = machine.make(Input::Start);
    assert_eq!(
        surroundings_know_nothing,
        Did::Wait(Some(NOW + 864_000_000))
    );
    assert_eq!(
        machine.woken(),
        call("3", r#"{"late":true,"of":""}"#, 1, None)
    );
}

#[test]
fn an_event_is_found_once_by_a_run() {
    let text = "
on: a
steps:
  - wait: { on: b }
  - wait: { on: b }
";
    let mut machine = Machine::new(text, "{}");
    machine.make(Input::Start);
    assert_eq!(
        machine.heard(&[(8, "b", "1")]),
        Did::Wait(Some(NOW)),
        "the second looks too"
    );
    assert_eq!(machine.heard(&[(8, "b", "1")]), Did::Wait(None));
    assert_eq!(machine.heard(&[(8, "b", "1"), (9, "b", "2")]), Did::Done);
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn mend(step: &str, with: MendWith) -> Mend {
    Mend {
        step: Some(step.into()),
        with,
        by: "mia".into(),
        reason: "said so on the phone".into(),
    }
}

impl Machine {
    pub(super) fn mend(&mut self, mend: &Mend) -> Result<(), String> {
        self.restart();
        let surroundings = Surroundings {
            flow: &self.flow,
            event: &self.event,
            run: "7.f",
            now_ms: self.now_ms,
            new_task: &|_| "task-1".to_owned(),
            references: &references(),
            take_room: &|| false,
        };
        self.state.mend(surroundings, mend, &mut self.outbox)
    }
}

#[test]
fn a_person_gives_what_was_waited_for_and_the_reason_stays() {
    let mut machine = waiting();
    machine.heard(&[]);
    let result = || MendWith::Result(raw(r#"{"timed_out":false,"data":{"parcel":"P-9"}}"#));
    let input = machine.mend(&mend("delivered", MendWith::Input(raw("{}"))));
    assert!(input.unwrap_err().contains("`wait`, which sends no input"));
    let other = machine.mend(&mend("ship", result())).unwrap_err();
    assert!(other.contains("expected one of: delivered"), "{other}");
    machine.mend(&mend("delivered", result())).unwrap();
    assert_eq!(
        machine.woken(),
        call("3", r#"{"late":false,"of":"P-9"}"#, 1, None)
    );
    let mended = &machine.state.trace.repairs[0];
    assert_eq!(
        (
            mended.by.as_str(),
            mended.reason.as_str(),
            mended.what.as_str()
        ),
        ("mia", "said so on the phone", "answered")
    );
}

#[test]
fn a_dead_run_goes_on_with_another_input() {
    let mut machine = waiting();
    let wrong = Failure::NotFound {
        message: "no such parcel".into(),
    };
    machine.heard(&[(11, "parcel.delivered", r#"{"parcel":"P-1","ok":true}"#)]);
    assert_eq!(machine.called(Err(wrong)), Did::Dead);
    machine
        .mend(&mend("3", MendWith::Input(raw(r#"{"late":true}"#))))
        .unwrap();
    assert_eq!(machine.woken(), call("3", r#"{"late":true}"#, 2, None));
    assert_eq!(machine.called(Ok("{}")), Did::Done);
    assert_eq!(machine.state.trace.error, None);
}

#[test]
fn a_run_moves_only_where_what_it_did_is_the_same() {
    for (old, new, expected) in [
        ("crm.note", "crm.other", ""),
        (
            "    timeout: 10d\n",
            "",
            "in the middle of the step \"delivered\", which is different",
        ),
        (
            "dhl.ship",
            "dhl.send",
            "done the step \"ship\", which is different",
        ),
        (
            "id: ship",
            "id: sent",
            "done the step \"ship\", which is not in the new version",
        ),
        (
            "id: delivered",
            "id: arrived",
            "at the step \"delivered\", which is not in the new version",
        ),
        (
            "  - id: delivered",
            "  - call: crm.before\n  - id: delivered",
            "",
        ),
    ] {
        let text = WAIT.replace(old, new);
        let text = match new {
            "id: sent" => text.replace("steps.ship", "steps.sent"),
            "id: arrived" => text.replace("steps.delivered", "steps.arrived"),
            _ => text,
        };
        let mut machine = waiting();
        machine.heard(&[]);
        let to = Flow::parse("flows/f.yaml", &text).unwrap();
        let found = machine.state.transfer(&machine.flow.clone(), &to);
        let message = found.err().unwrap_or_default();
        assert!(
            message.contains(expected) && message.is_empty() == expected.is_empty(),
            "{new}: {message}"
        );
        if expected.is_empty() {
            machine.flow = Arc::new(to);
            assert!(matches!(
                machine.heard(&[(11, "parcel.delivered", r#"{"parcel":"P-1","ok":true}"#)]),
                Did::Call(_)
            ));
        }
    }
}
