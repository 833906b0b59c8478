#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::cell::Cell;

use serde_json::value::RawValue;
use tombolo_kernel::limits;

use super::*;
use crate::definition::FlowSet;
use crate::expression::NoCounterparts;

mod demand;
mod fail;
mod inside;
mod system;
mod wait;

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

fn references() -> Arc<dyn Counterparts> {
    Arc::new(NoCounterparts)
}

struct Machine {
    flow: Arc<Flow>,
    event: EventDocument,
    state: RunState,
    outbox: Outbox,
    now_ms: u64,
    /// How many events may still come of the first.
    room: Cell<u32>,
    /// Calls under way: the step and the number.
    calls: Vec<(String, u64)>,
}

/// What a move came to.
#[derive(Debug, PartialEq, Eq)]
enum Did {
    /// Step, input, attempt, deadline.
    Call(Vec<(String, String, u32, Option<u64>)>),
    Wait(Option<u64>),
    Done,
    Dead,
}

impl Machine {
    fn new(flow: &str, data: &str) -> Self {
        Self::of(&[("f", flow)], data)
    }

    /// Of the flow `f` and those it calls.
    fn of(flows: &[(&str, &str)], data: &str) -> Self {
        let read = |(name, text): &(&str, &str)| {
            Flow::parse(&format!("flows/{name}.yaml"), text)
                .unwrap_or_else(|wrong| panic!("{wrong:?}"))
        };
        let flows = FlowSet::new(flows.iter().map(read).collect());
        let flow = Arc::clone(flows.get("f").unwrap());
        let event = Event {
            id: "e".into(),
            source: "/s".into(),
            kind: "device.alarm".into(),
            subject: None,
            time: "2026-11-22T00:00:00Z".into(),
            data: RawValue::from_string(data.to_owned()).unwrap(),
            hops: 0,
            cause: None,
            root: None,
        };
        let event = EventDocument::new(7, event);
        Self {
            flow,
            event,
            state: RunState::default(),
            outbox: Outbox::default(),
            now_ms: NOW,
            room: Cell::new(u32::MAX),
            calls: Vec::new(),
        }
    }

    fn make(&mut self, input: Input) -> Did {
        // Whatever the state is, it survives being written and read, but for the calls under way.
        if !matches!(input, Input::Called(..) | Input::Parked(_)) {
            self.restart();
        }
        let room = &self.room;
        let surroundings = Surroundings {
            flow: &self.flow,
            event: &self.event,
            run: "7.f",
            now_ms: self.now_ms,
            new_task: &|_| "task-1".to_owned(),
            references: &references(),
            take_room: &|| room.replace(room.get().saturating_sub(1)) > 0,
        };
        match self.state.decide(surroundings, input, &mut self.outbox) {
            Decision::Go { calls, until_ms } if calls.is_empty() => Did::Wait(until_ms),
            Decision::Go { calls, .. } => {
                self.calls
                    .extend(calls.iter().map(|call| (call.step.clone(), call.call)));
                let call = |call: Wanted| (call.step, call.input, call.attempt, call.until_ms);
                Did::Call(calls.into_iter().map(call).collect())
            }
            Decision::Done => Did::Done,
            Decision::Dead => Did::Dead,
        }
    }

    /// Writes and reads the state and the story, as a restart does.
    fn restart(&mut self) {
        let text = serde_json::to_string(&self.state).unwrap();
        let trace = serde_json::to_string(&*self.state.told()).unwrap();
        self.state = serde_json::from_str(&text).unwrap();
        self.state.remember(serde_json::from_str(&trace).unwrap());
        self.calls.clear();
    }

    fn woken(&mut self) -> Did {
        self.make(Input::Woken(News {
            complete: true,
            ..News::default()
        }))
    }

    fn answered(&mut self, answer: TaskAnswer) -> Did {
        self.make(Input::Woken(News {
            answers: vec![("task-1".into(), answer)],
            complete: true,
            ..News::default()
        }))
    }

    fn heard(&mut self, events: &[(i64, &str, &str)]) -> Did {
        let document = |(seq, kind, data): &(i64, &str, &str)| {
            let mut event = self.event.event.clone();
            (event.kind, event.data) = (
                (*kind).into(),
                RawValue::from_string((*data).into()).unwrap(),
            );
            Arc::new(EventDocument::new(*seq, event))
        };
        self.make(Input::Woken(News {
            events: events.iter().map(document).collect(),
            looked: true,
            complete: true,
            ..News::default()
        }))
    }

    /// The only call under way ends.
    fn called(&mut self, result: Result<&str, Failure>) -> Did {
        let step = self.calls.first().expect("a call under way").0.clone();
        self.ended(&step, result)
    }

    /// The call of a step ends.
    fn ended(&mut self, step: &str, result: Result<&str, Failure>) -> Did {
        let at = self.calls.iter().position(|(name, _)| name == step);
        let (_, number) = self
            .calls
            .remove(at.unwrap_or_else(|| panic!("{step}: {:?}", self.calls)));
        let called = Called {
            result: result.map(str::to_owned),
            at_ms: self.now_ms,
            crashed: false,
            outward: vec![],
            outage: false,
            policy: RetryWish::default(),
        };
        self.make(Input::Called(number, called))
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

fn call(step: &str, input: &str, attempt: u32, until_ms: Option<u64>) -> Did {
    Did::Call(vec![(step.into(), input.into(), attempt, until_ms)])
}

#[test]
fn a_run_goes_from_step_to_step() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    assert_eq!(
        machine.make(Input::Start),
        call("stock", r#"{"sku":"P"}"#, 1, Some(NOW + 60_000))
    );
    assert_eq!(
        machine.called(Ok(r#"{"on_hand":2}"#)),
        Did::Wait(Some(NOW + 3_600_000))
    );
    let task = machine.outbox.tasks.remove(0);
    assert_eq!(
        (task.id.as_str(), task.question.as_str(), task.step.as_str()),
        ("task-1", "Buy 3?", "approval")
    );
    assert_eq!(
        machine.woken(),
        Did::Wait(Some(NOW + 3_600_000)),
        "too early"
    );
    let answer = TaskAnswer {
        answer: "yes".into(),
        by: "mia".into(),
        comment: "\"so\"".into(),
        at_ms: NOW,
    };
    assert_eq!(machine.answered(answer), call("4", "{}", 1, None));
    let emitted = &machine.outbox.emitted[0];
    assert_eq!(
        (emitted.id.as_str(), emitted.source.as_str()),
        ("7.f/3.then.2", "/flows/f")
    );
    assert_eq!(
        (emitted.subject.as_deref(), emitted.data.get(), emitted.hops),
        (Some("P"), r#"{"answer":"yes"}"#, 1)
    );
    assert_eq!(emitted.root, Some(7), "its own event came from outside");
    assert_eq!(machine.called(Ok("null")), Did::Done);
    insta::assert_snapshot!(serde_json::to_string(&machine.state.trace.steps[2]).unwrap(), @r#"{"id":"3","kind":"if","what":"vars.short > 0","status":"done","started_ms":1800000000000,"ended_ms":1800000000000,"result":"true","steps":[{"id":"approval","kind":"ask","what":"boss","status":"done","branch":"then","started_ms":1800000000000,"ended_ms":1800000000000,"input":"Buy 3?","result":"{\"answer\":\"yes\",\"by\":\"mia\",\"comment\":\"\\\"so\\\"\",\"timed_out\":false}"},{"id":"3.then.2","kind":"emit","what":"asked","status":"done","branch":"then","started_ms":1800000000000,"ended_ms":1800000000000,"input":"{\"answer\":\"yes\"}","result":"{\"id\":\"7.f/3.then.2\"}"}]}"#);
}

#[test]
fn the_other_branch_is_skipped() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":2}"#);
    machine.make(Input::Start);
    assert_eq!(
        machine.called(Ok(r#"{"on_hand":2}"#)),
        call("4", "{}", 1, None)
    );
    assert!(machine.outbox.is_empty());
}

#[test]
fn a_question_nobody_answers_is_withdrawn_and_the_flow_goes_on() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    machine.make(Input::Start);
    machine.called(Ok(r#"{"on_hand":2}"#));
    machine.now_ms += 3_600_000;
    assert_eq!(machine.woken(), call("4", "{}", 1, None));
    assert_eq!(machine.outbox.withdrawn, ["task-1"]);
    assert_eq!(machine.outbox.emitted[0].data.get(), r#"{"answer":""}"#);
}

#[test]
fn a_passing_failure_waits_and_calls_again_until_the_attempts_are_used_up() {
    let mut machine = Machine::new(FLOW, r#"{"part":"P","needed":5}"#);
    machine.make(Input::Start);
    for attempt in 2..=3 {
        let Did::Wait(Some(until)) = machine.called(Err(down())) else {
            panic!("no wait")
        };
        assert!(until > machine.now_ms && until <= machine.now_ms + 2_000);
        assert_eq!(machine.woken(), Did::Wait(Some(until)), "too early");
        machine.now_ms = until;
        assert_eq!(
            machine.woken(),
            call("stock", r#"{"sku":"P"}"#, attempt, Some(NOW + 60_000))
        );
    }
    assert_eq!(machine.called(Err(down())), Did::Dead);
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
    assert_eq!(machine.make(Input::Start), Did::Dead);
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
        assert_eq!(machine.called(result), Did::Dead);
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
    assert_eq!(machine.called(Ok(&large)), Did::Dead);
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
    assert_eq!(machine.called(Ok(&large)), call("2", "{}", 1, None));
    assert!(serde_json::to_string(&machine.state).unwrap().len() < 150);
    assert!(machine.state.trace.steps[0].result.len() < limits::TRACE_BYTES + 50);
}

#[test]
fn an_event_too_far_from_its_cause_is_not_made() {
    let mut machine = Machine::new("on: a\nsteps:\n  - emit: { type: b }\n", "{}");
    machine.event.event.hops = limits::HOPS;
    assert_eq!(machine.make(Input::Start), Did::Dead);
    assert!(
        machine.error().contains("in a circle"),
        "{}",
        machine.error()
    );
    assert!(machine.outbox.emitted.is_empty());
}

#[test]
fn an_event_for_which_there_is_no_room_is_not_made_and_kills_the_run() {
    let text = "on: a\nsteps:\n  - each: '[1, 2, 3]'\n    steps: [{ emit: { type: b } }]\n";
    let mut machine = Machine::new(text, "{}");
    machine.event.event.root = Some(3);
    machine.room.set(2);
    assert_eq!(machine.make(Input::Start), Did::Dead);
    let said = "the event \"b\" would be number 100001 of those that came of event 3, expected at most 100000";
    assert!(machine.error().contains(said), "{}", machine.error());
    let roots = machine.outbox.emitted.iter().map(|event| event.root);
    assert_eq!(roots.collect::<Vec<_>>(), [Some(3), Some(3)]);
}

#[test]
fn an_event_that_is_not_made_takes_no_room() {
    let text = "on: a\nsteps:\n  - emit: { type: b, data: '${event.data.none}' }\non-failure:\n  - emit: { type: c }\n";
    let mut machine = Machine::new(text, "{}");
    machine.room.set(1);
    assert_eq!(machine.make(Input::Start), Did::Dead);
    let kinds = machine.outbox.emitted.iter().map(|event| &*event.kind);
    assert_eq!(kinds.collect::<Vec<_>>(), ["c"], "{}", machine.error());
}
