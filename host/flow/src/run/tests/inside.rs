//! `each` and called flows.

use super::*;

const LINES: &str = "
on: a
steps:
  - set: { order: 'O-1' }
  - id: lines
    each: event.data.lines
    at-most: 2
    steps:
      - id: reserve
        call: erp.reserve
        with: { order: '${vars.order}', sku: '${item.sku}', place: '${index}' }
        retry: { attempts: 1 }
        undo: { call: erp.release, with: { number: '${steps.reserve.number}' } }
      - call: erp.label
        with: { number: '${steps.reserve.number}' }
        retry: { attempts: 1 }
  - call: erp.done
    with: { all: '${steps.lines}' }
";

const THREE: &str = r#"{"lines":[{"sku":"A"},{"sku":"B"},{"sku":"C"}]}"#;

fn input(sku: &str, place: u32) -> String {
    format!("{{\"order\":\"O-1\",\"sku\":\"{sku}\",\"place\":{place}}}")
}

fn one(step: &str, input: &str) -> Did {
    call(step, input, 1, None)
}

#[test]
fn items_run_some_at_a_time_and_their_results_come_in_their_order() {
    let mut machine = Machine::new(LINES, THREE);
    let both = Did::Call(vec![
        ("lines[0].reserve".into(), input("A", 0), 1, None),
        ("lines[1].reserve".into(), input("B", 1), 1, None),
    ]);
    assert_eq!(machine.make(Input::Start), both);
    assert_eq!(
        machine.ended("lines[1].reserve", Ok(r#"{"number":11}"#)),
        one("lines[1].2", r#"{"number":11}"#)
    );
    assert_eq!(
        machine.ended("lines[1].2", Ok(r#"{"label":"b"}"#)),
        one("lines[2].reserve", &input("C", 2)),
        "the third begins when the second is over"
    );
    machine.ended("lines[2].reserve", Ok(r#"{"number":12}"#));
    machine.ended("lines[0].reserve", Ok(r#"{"number":10}"#));
    machine.ended("lines[0].2", Ok(r#"{"label":"a"}"#));
    assert_eq!(
        machine.ended("lines[2].2", Ok(r#"{"label":"c"}"#)),
        one(
            "3",
            r#"{"all":[{"label":"a"},{"label":"b"},{"label":"c"}]}"#
        )
    );
    assert_eq!(machine.called(Ok("{}")), Did::Done);
    let items: Vec<&str> = machine.state.trace.steps[1]
        .steps
        .iter()
        .map(|item| item.id.as_str())
        .collect();
    assert_eq!(items, ["[1]", "[0]", "[2]"], "as they ended");
}

#[test]
fn a_run_killed_among_its_items_goes_on_with_those_under_way() {
    let mut machine = Machine::new(LINES, THREE);
    machine.make(Input::Start);
    machine.ended("lines[1].reserve", Ok(r#"{"number":11}"#));
    assert_eq!(machine.state.told().steps[1].steps.len(), 2);
    machine.restart();
    assert_eq!(
        machine.make(Input::Start),
        Did::Call(vec![
            ("lines[0].reserve".into(), input("A", 0), 1, None),
            ("lines[1].2".into(), r#"{"number":11}"#.into(), 1, None),
        ])
    );
    assert_eq!(
        machine.state.told().steps[1].steps.len(),
        2,
        "each is told once"
    );
}

fn broken() -> Failure {
    Failure::NotFound {
        message: "no printer".into(),
    }
}

#[test]
fn an_item_that_fails_stops_the_others_and_all_is_taken_back() {
    let mut machine = Machine::new(LINES, THREE);
    machine.make(Input::Start);
    machine.ended("lines[0].reserve", Ok(r#"{"number":10}"#));
    // The first failed: it takes back; the second stops after its call and takes back; the third never begins.
    assert_eq!(
        machine.ended("lines[0].2", Err(broken())),
        one("lines[0].reserve/undo", r#"{"number":10}"#)
    );
    machine.ended("lines[0].reserve/undo", Ok("{}"));
    assert_eq!(
        machine.ended("lines[1].reserve", Ok(r#"{"number":11}"#)),
        one("lines[1].reserve/undo", r#"{"number":11}"#)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
    assert_eq!(
        machine.error(),
        "step \"lines\": 2 of 3 items failed: [0] step \"lines[0].2\": not-found: no printer; [1] step \"lines[1].2\": \
         stopped because another item failed"
    );
}

#[test]
fn a_call_that_a_kill_cut_off_ends_first_though_its_item_is_to_stop() {
    let mut machine = Machine::new(LINES, THREE);
    machine.make(Input::Start);
    machine.ended("lines[0].reserve", Ok(r#"{"number":10}"#));
    machine.ended("lines[0].2", Err(broken()));
    machine.ended("lines[0].reserve/undo", Ok("{}"));
    // The second item's call is under way, and only the system knows how it ended.
    assert_eq!(
        machine.make(Input::Start),
        one("lines[1].reserve", &input("B", 1))
    );
    assert_eq!(
        machine.ended("lines[1].reserve", Ok(r#"{"number":11}"#)),
        one("lines[1].reserve/undo", r#"{"number":11}"#)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
}

#[test]
fn a_call_that_a_kill_cut_off_ends_first_though_its_system_is_down_meanwhile() {
    let mut machine = Machine::new(LINES, THREE);
    machine.make(Input::Start);
    machine.ended("lines[0].reserve", Ok(r#"{"number":10}"#));
    // Killed; the second item's call is made again, but its system is down now.
    machine.make(Input::Start);
    let (step, number) = machine.calls.pop().unwrap();
    assert_eq!(step, "lines[1].reserve");
    machine.make(Input::Parked(number));
    machine.ended("lines[0].2", Err(broken()));
    assert_eq!(
        machine.ended("lines[0].reserve/undo", Ok("{}")),
        Did::Wait(None)
    );
    assert_eq!(
        machine.woken(),
        one("lines[1].reserve", &input("B", 1)),
        "what came of it is still unknown"
    );
    assert_eq!(
        machine.ended("lines[1].reserve", Ok(r#"{"number":11}"#)),
        one("lines[1].reserve/undo", r#"{"number":11}"#)
    );
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
}

#[test]
fn an_item_whose_call_was_never_made_just_stops() {
    let mut machine = Machine::new(LINES, THREE);
    machine.make(Input::Start);
    let (_, number) = machine.calls.pop().unwrap();
    machine.make(Input::Parked(number));
    assert_eq!(machine.called(Err(broken())), Did::Dead);
}

#[test]
fn with_keep_going_each_item_tells_how_it_ended() {
    let text = LINES.replace("at-most: 2", "keep-going: true");
    let mut machine = Machine::new(&text, r#"{"lines":[{"sku":"A"},{"sku":"B"}]}"#);
    assert_eq!(
        machine.make(Input::Start),
        one("lines[0].reserve", &input("A", 0))
    );
    assert_eq!(
        machine.called(Err(broken())),
        one("lines[1].reserve", &input("B", 1))
    );
    machine.called(Ok(r#"{"number":11}"#));
    let Did::Call(calls) = machine.called(Ok(r#"{"label":"b"}"#)) else {
        panic!("the flow goes on");
    };
    assert_eq!(
        calls[0].1,
        r#"{"all":[{"failure":{"step":"lines[0].reserve","kind":"not-found","code":"","message":"not-found: no printer"}},{"result":{"label":"b"}}]}"#
    );
}

#[test]
fn items_are_bounded_and_must_be_a_list() {
    for (lines, part) in [
        (
            "7".to_owned(),
            "each: `event.data.lines` is 7, expected a list",
        ),
        (
            format!("[{}0]", "0,".repeat(limits::EACH_ITEMS)),
            "has 1001 items, expected at most 1000",
        ),
    ] {
        let mut machine = Machine::new(LINES, &format!("{{\"lines\":{lines}}}"));
        assert_eq!(machine.make(Input::Start), Did::Dead);
        assert!(machine.error().contains(part), "{}", machine.error());
    }
    let mut machine = Machine::new(LINES, r#"{"lines":[]}"#);
    assert_eq!(machine.make(Input::Start), one("3", r#"{"all":[]}"#));
}

const CALLING: &str = "
on: a
steps:
  - id: told
    call: flow.tell
    with: { who: '${event.data.who}' }
  - call: erp.last
    with: { said: '${steps.told.said}' }
    retry: { attempts: 1 }
";

const CALLED: &str = "
takes: [who]
steps:
  - id: sent
    call: chat.send
    with: { to: '${event.data.who}', run: '${run.id}', event: '${event.id}' }
    retry: { attempts: 1 }
    undo: { call: chat.unsend }
  - return: { said: '${steps.sent.text}' }
";

#[test]
fn a_called_flow_sees_its_own_data_and_returns_its_result() {
    let mut machine = Machine::of(&[("f", CALLING), ("tell", CALLED)], r#"{"who":"mia"}"#);
    let sent = r#"{"to":"mia","run":"7.f","event":"e"}"#;
    assert_eq!(machine.make(Input::Start), one("told.sent", sent));
    machine.restart();
    assert_eq!(machine.make(Input::Start), one("told.sent", sent));
    assert_eq!(
        machine.called(Ok(r#"{"text":"hello"}"#)),
        one("2", r#"{"said":"hello"}"#)
    );
    // What the called flow did is taken back with the rest.
    assert_eq!(machine.called(Err(broken())), one("told.sent/undo", "{}"));
    assert_eq!(machine.called(Ok("{}")), Did::Dead);
    assert_eq!(machine.state.trace.steps[0].steps[0].id, "sent");
}

#[test]
fn a_failure_in_a_called_flow_is_that_of_its_call() {
    let mut machine = Machine::of(&[("f", CALLING), ("tell", CALLED)], r#"{"who":"mia"}"#);
    machine.make(Input::Start);
    assert_eq!(machine.called(Err(broken())), Did::Dead);
    assert_eq!(machine.error(), "step \"told.sent\": not-found: no printer");
}

#[test]
fn a_flow_is_kept_with_what_it_calls_and_reads_back_the_same() {
    let machine = Machine::of(&[("f", CALLING), ("tell", CALLED)], "{}");
    let restored = Flow::restore("flows/f.yaml", &machine.flow.text).unwrap();
    assert_eq!(restored.version, machine.flow.version);
    assert!(restored.parts.contains_key("tell"));
    let other = Machine::of(
        &[("f", CALLING), ("tell", &CALLED.replace("hello", "bye"))],
        "{}",
    );
    assert_eq!(other.flow.version, machine.flow.version, "the same text");
    let other = Machine::of(
        &[("f", CALLING), ("tell", &format!("{CALLED}# changed\n"))],
        "{}",
    );
    assert_ne!(
        other.flow.version, machine.flow.version,
        "a called flow is part of the version"
    );
}
