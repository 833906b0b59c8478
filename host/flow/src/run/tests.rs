#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use serde_json::value::RawValue;
use tombolo_kernel::limits;

use super::*;

const NOW: u64 = 1_800_000_000_000;

const FLOW: &str = "
on: device.alarm
steps:
  - id: stock
    call: erp.stock
    with: { sku: '${event.data.part}' }
    retry: { attempts: 3, backoff: 1s, most: 5s }
    timeout: 60s
  - set: { short: '${event.data.needed - steps.stock.on_hand}' }
  - if: vars.short > 0
    then:
      - id: approval
        ask: { role: boss, question: 'Buy ${vars.short}?', options: [yes, no] }
        timeout: 1h
      - emit: { type: asked, subject: '${event.data.part}', data: { answer: '${steps.approval.answer}' } }
  - call: crm.note
";

struct Machine {
    flow: Flow,
    event: EventDocument,
    state: RunState,
    outbox: Outbox,
    now_ms: u64,
}

impl Machine {
    fn new(flow: &str, data: &str) -> Self {
        let flow = Flow::parse("flows/f.yaml", flow).unwrap();
        let event = Event {
            id: "e".into(),
            source: "/s".into(),
            kind: "device.alarm".into(),
            subject: None,
            time: "2026-11-22T00:00:00Z".into(),
            data: RawValue::from_string(data.to_owned()).unwrap(),
            hops: 0,
            cause: None,
        };
        let event = EventDocument::new(7, event);
        Self {
            flow,
            event,
            state: RunState::default(),
            outbox: Outbox::default(),
            now_ms: NOW,
        }
    }

    fn make(&mut self, input: Input) -> Decision {
        // Whatever the state is, it survives being written and read.
        let text = serde_json::to_string(&self.state).unwrap();
        let trace = std::mem::take(&mut self.state.trace);
        self.state = serde_json::from_str(&text).unwrap();
        self.state.trace = serde_json::from_str(&serde_json::to_string(&trace).unwrap()).unwrap();
        let surroundings = Surroundings {
            flow: &self.flow,
            event: &self.event,
            run: "7.f",
            now_ms: self.now_ms,
            new_task: &|_| "task-1".to_owned(),
        };
        self.state.decide(surroundings, input, &mut self.outbox)
    }

    fn called(&mut self, result: Result<&str, Failure>) -> Decision {
        let called = Called {
            result: result.map(str::to_owned),
            at_ms: self.now_ms,
            crashed: false,
            outward: vec![],
            outage: false,
            policy: RetryWish::default(),
        };
        self.make(Input::Called(called))
    }

    fn error(&self) -> &str {
        self.state.trace.error.as_deref().unwrap_or("")
    }
}

fn down() -> Failure {
    Failure::Unavailable {
        message: "down".into(),
        retry_after_ms: None,
    }
}

fn call(step: usize, input: &str, attempt: u32, until_ms: Option<u64>) -> Decision {
    Decision::Call {
        step,
        input: input.to_owned(),
        attempt,
        until_ms,
    }
}

#[test]
fn a_run_goes_from_step_to_step() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    assert_eq!(
        machine.make(Input::Start),
        call(0, r#"{"sku":"P"}"#, 1, Some(NOW + 60_000))
    );
    assert_eq!(
        machine.called(Ok(r#"{"on_hand":2}"#)),
        Decision::Wait {
            until_ms: Some(NOW + 3_600_000)
        }
    );
    let task = machine.outbox.tasks.remove(0);
    assert_eq!(
        (task.id.as_str(), task.question.as_str(), task.step.as_str()),
        ("task-1", "Buy 3?", "approval")
    );
    assert_eq!(
        machine.make(Input::Woken),
        Decision::Wait {
            until_ms: Some(NOW + 3_600_000)
        },
        "too early"
    );
    let answer = TaskAnswer {
        answer: "yes".into(),
        by: "mia".into(),
        comment: "\"so\"".into(),
        at_ms: NOW,
    };
    assert_eq!(
        machine.make(Input::Answered(answer)),
        call(5, "{}", 1, None)
    );
    let emitted = &machine.outbox.emitted[0];
    assert_eq!(
        (emitted.id.as_str(), emitted.source.as_str()),
        ("7.f/3.then.2", "/flows/f")
    );
    assert_eq!(
        (emitted.subject.as_deref(), emitted.data.get(), emitted.hops),
        (Some("P"), r#"{"answer":"yes"}"#, 1)
    );
    assert_eq!(machine.called(Ok("null")), Decision::Done);
    insta::assert_snapshot!(serde_json::to_string(&machine.state.trace.steps[2]).unwrap(), @r#"{"id":"3","kind":"if","what":"vars.short > 0","status":"done","started_ms":1800000000000,"ended_ms":1800000000000,"result":"true","steps":[{"id":"approval","kind":"ask","what":"boss","status":"done","branch":"then","started_ms":1800000000000,"ended_ms":1800000000000,"input":"Buy 3?","result":"{\"answer\":\"yes\",\"by\":\"mia\",\"comment\":\"\\\"so\\\"\",\"timed_out\":false}"},{"id":"3.then.2","kind":"emit","what":"asked","status":"done","branch":"then","started_ms":1800000000000,"ended_ms":1800000000000,"input":"{\"answer\":\"yes\"}","result":"{\"id\":\"7.f/3.then.2\"}"}]}"#);
}

#[test]
fn the_other_branch_is_skipped() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":2}"#);
    machine.make(Input::Start);
    assert_eq!(
        machine.called(Ok(r#"{"on_hand":2}"#)),
        call(5, "{}", 1, None)
    );
    assert!(machine.outbox.is_empty());
}

#[test]
fn a_question_nobody_answers_is_withdrawn_and_the_flow_goes_on() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    machine.make(Input::Start);
    machine.called(Ok(r#"{"on_hand":2}"#));
    machine.now_ms += 3_600_000;
    assert_eq!(machine.make(Input::Woken), call(5, "{}", 1, None));
    assert_eq!(machine.outbox.withdrawn, ["task-1"]);
    assert_eq!(machine.outbox.emitted[0].data.get(), r#"{"answer":""}"#);
}

#[test]
fn a_passing_failure_waits_and_calls_again_until_the_attempts_are_used_up() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    machine.make(Input::Start);
    for attempt in 2..=3 {
        let Decision::Wait {
            until_ms: Some(until),
        } = machine.called(Err(down()))
        else {
            panic!("no wait")
        };
        assert!(until > machine.now_ms && until <= machine.now_ms + 2_000);
        assert_eq!(
            machine.make(Input::Woken),
            Decision::Wait {
                until_ms: Some(until)
            },
            "too early"
        );
        machine.now_ms = until;
        assert_eq!(
            machine.make(Input::Woken),
            call(0, r#"{"sku":"P"}"#, attempt, Some(NOW + 60_000))
        );
    }
    assert_eq!(machine.called(Err(down())), Decision::Dead);
    assert_eq!(
        machine.error(),
        "step \"stock\": unavailable: down (attempt 3 of 3)"
    );
    assert_eq!(machine.state.trace.steps[0].attempts.len(), 3);
}

#[test]
fn what_kills_a_run_says_why() {
    let missing = r#"{"needed":5}"#;
    let mut machine = Machine::new(FLOW, missing);
    assert_eq!(machine.make(Input::Start), Decision::Dead);
    assert_eq!(
        machine.error(),
        "step \"stock\": the expression `event.data.part` at line 6, column 21: there is no \"part\" in event.data; there are: needed"
    );
    for (result, part) in [
        (Ok("{not json"), "the result is not JSON"),
        (Ok("{}"), "there is no \"on_hand\""),
        (
            Err(Failure::Rejected {
                code: "E7".into(),
                message: "blocked".into(),
            }),
            "step \"stock\": rejected: E7: blocked",
        ),
        (
            Err(Failure::RateLimited {
                message: "m".into(),
                retry_after_ms: Some(90_000),
            }),
            "its timeout leaves no time",
        ),
    ] {
        let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
        machine.make(Input::Start);
        assert_eq!(machine.called(result), Decision::Dead);
        assert!(machine.error().contains(part), "{}", machine.error());
    }
}

#[test]
fn results_that_later_steps_need_are_bounded_and_others_are_not_kept() {
    let large = format!(
        "{{\"on_hand\":2,\"x\":\"{}\"}}",
        "x".repeat(limits::RUN_STATE_BYTES)
    );
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    machine.make(Input::Start);
    assert_eq!(machine.called(Ok(&large)), Decision::Dead);
    assert!(
        machine.error().contains("bytes, expected at most 4194304"),
        "{}",
        machine.error()
    );
    let mut machine = Machine::new(
        "on: a\nsteps:\n  - { id: one, call: erp.x }\n  - call: erp.y\n",
        "{}",
    );
    machine.make(Input::Start);
    assert_eq!(machine.called(Ok(&large)), call(1, "{}", 1, None));
    assert!(serde_json::to_string(&machine.state).unwrap().len() < 100);
    assert!(machine.state.trace.steps[0].result.len() < limits::TRACE_BYTES + 50);
}

#[test]
fn an_event_too_far_from_its_cause_is_not_made() {
    let mut machine = Machine::new("on: a\nsteps:\n  - emit: { type: b }\n", "{}");
    machine.event.event.hops = limits::HOPS;
    assert_eq!(machine.make(Input::Start), Decision::Dead);
    assert!(
        machine.error().contains("in a circle"),
        "{}",
        machine.error()
    );
    assert!(machine.outbox.emitted.is_empty());
}
