//! Where a test is played: runs of one flow, moved by the state machine; calls end at once as scripted; time passes
//! only when the script says so.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value as Json;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_store::{LinkTable, TaskAnswer, TaskRow};

use super::script::{Happening, Rehearsal, Reply};
use crate::definition::{Flow, FlowSet};
use crate::delivery::RetryWish;
use crate::engine::judge;
use crate::expression::{Counterparts, EventDocument};
use crate::run::{Called, Decision, Input, News, Outbox, RunState, Surroundings, Wanted};

/// When a test begins, milliseconds since the epoch: 2026-01-05, a Monday, 09:00 UTC.
const BEGINS_MS: u64 = 1_767_603_600_000;
/// Moves of one test: more is a flow that goes round in circles.
const MOVES: usize = 100_000;

pub(super) struct Stage<'s> {
    flows: &'s FlowSet,
    flow: &'s str,
    rehearsal: &'s Rehearsal,
    now_ms: u64,
    moves: usize,
    log: Vec<Arc<EventDocument>>,
    /// How often each action was called.
    asked: HashMap<String, usize>,
    pub(super) runs: Vec<Played>,
    pub(super) calls: Vec<(String, Json)>,
    pub(super) emitted: Vec<Event>,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) linked: Arc<Linked>,
    /// The same, as expressions see it.
    references: Arc<dyn Counterparts>,
}

/// Cross-references of the test.
#[derive(Default)]
pub(super) struct Linked(Mutex<LinkTable>);

impl Linked {
    pub(super) fn table(&self) -> MutexGuard<'_, LinkTable> {
        self.0.lock()
    }
}

impl Counterparts for Linked {
    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, String> {
        Ok(self.table().counterpart(kind, system, id, other))
    }
}

/// A run of the test.
pub(super) struct Played {
    id: String,
    flow: Arc<Flow>,
    event: Arc<EventDocument>,
    key: String,
    pub(super) state: RunState,
    /// `queued`, `waiting`, `done`, `dead`.
    pub(super) stands: &'static str,
    until_ms: Option<u64>,
}

impl<'s> Stage<'s> {
    pub(super) fn new(flows: &'s FlowSet, flow: &'s str, rehearsal: &'s Rehearsal) -> Self {
        let linked = Arc::new(Linked::default());
        for link in &rehearsal.links {
            linked.table().link(link, BEGINS_MS);
        }
        Self {
            flows,
            flow,
            rehearsal,
            now_ms: BEGINS_MS,
            moves: 0,
            log: Vec::new(),
            asked: HashMap::new(),
            runs: Vec::new(),
            calls: Vec::new(),
            emitted: Vec::new(),
            tasks: Vec::new(),
            references: linked.clone(),
            linked,
        }
    }

    pub(super) fn play(&mut self, happening: &Happening) -> Result<(), String> {
        match happening {
            Happening::Event {
                kind,
                subject,
                data,
            } => {
                let event = Event {
                    id: (self.log.len() + 1).to_string(),
                    source: "/test".to_owned(),
                    kind: kind.clone(),
                    subject: subject.clone(),
                    time: rfc3339(self.now_ms),
                    data: serde_json::value::RawValue::from_string(data.clone())
                        .map_err(|error| error.to_string())?,
                    hops: 0,
                    cause: None,
                    root: None,
                };
                self.publish(event)
            }
            Happening::After(ms) => self.pass(*ms),
            Happening::Answer {
                answer,
                by,
                comment,
                question,
            } => {
                let said = TaskAnswer {
                    answer: answer.clone(),
                    by: by.clone(),
                    comment: comment.clone(),
                    at_ms: self.now_ms,
                };
                self.answer(said, question.as_deref())
            }
        }
    }

    /// An event comes: of a system, or of the flow itself.
    fn publish(&mut self, event: Event) -> Result<(), String> {
        let seq = i64::try_from(self.log.len()).unwrap_or(i64::MAX) + 1;
        let event = Arc::new(EventDocument::new(seq, event));
        self.log.push(Arc::clone(&event));
        for at in 0..self.runs.len() {
            let listens = self.runs[at].state.listens().unwrap_or_default();
            if self.runs[at].stands == "waiting"
                && listens.iter().any(|listen| listen.kind == event.event.kind)
            {
                let news = News {
                    events: vec![Arc::clone(&event)],
                    looked: true,
                    complete: true,
                    ..News::default()
                };
                self.carry_out(at, Input::Woken(news))?;
            }
        }
        let Some(flow) = self
            .flows
            .get(self.flow)
            .filter(|flow| flow.reacts_to(&event.event.kind))
        else {
            return Ok(());
        };
        let id = format!("{seq}.{}", flow.name);
        let mut state = RunState::default();
        let (stands, key) = match judge(flow, &event, &id, &self.references) {
            Ok(None) => return Ok(()),
            Ok(Some(key)) => ("queued", key),
            Err(message) => {
                state.trace.error = Some(message);
                ("dead", String::new())
            }
        };
        self.runs.push(Played {
            id,
            flow: Arc::clone(flow),
            event,
            key,
            state,
            stands,
            until_ms: None,
        });
        self.begin_queued()
    }

    /// Begins runs that nobody of their lane is before.
    fn begin_queued(&mut self) -> Result<(), String> {
        for at in 0..self.runs.len() {
            let free = |before: &Played| {
                before.key != self.runs[at].key || !matches!(before.stands, "waiting" | "queued")
            };
            let alone = self.runs[at].key.is_empty() || self.runs[..at].iter().all(free);
            if self.runs[at].stands == "queued" && alone {
                self.carry_out(at, Input::Start)?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, ms: u64) -> Result<(), String> {
        let end = self.now_ms.saturating_add(ms);
        loop {
            let waits = |(at, run): (usize, &Played)| Some((run.until_ms?, at));
            let due = self.runs.iter().enumerate().filter_map(waits).min();
            let Some((until, at)) = due.filter(|(until, _)| *until <= end) else {
                break;
            };
            self.now_ms = self.now_ms.max(until);
            let news = News {
                complete: true,
                ..News::default()
            };
            self.carry_out(at, Input::Woken(news))?;
        }
        self.now_ms = end;
        Ok(())
    }

    fn answer(&mut self, said: TaskAnswer, question: Option<&str>) -> Result<(), String> {
        let wanted = |task: &&mut TaskRow| {
            task.closed.is_none() && question.is_none_or(|part| task.question.contains(part))
        };
        let mut open: Vec<&mut TaskRow> = self.tasks.iter_mut().filter(wanted).collect();
        let [task] = open.as_mut_slice() else {
            let count = open.len();
            return Err(format!(
                "answer \"{}\": found {count} open questions, expected one (name it with `question`)",
                said.answer
            ));
        };
        if !task.options.contains(&said.answer) {
            let options = task.options.join(", ");
            return Err(format!(
                "answer \"{}\": expected one of {options}",
                said.answer
            ));
        }
        if let Some(link) = &task.link {
            let words = (&*said.answer, &*said.by, &*said.comment);
            self.linked.table().answered(link, words, self.now_ms)?;
        }
        task.closed = Some(said.clone());
        let (id, run) = (task.id.clone(), task.run.clone());
        let Some(at) = self.runs.iter().position(|played| played.id == run) else {
            return Ok(());
        };
        let news = News {
            answers: vec![(id, said)],
            complete: true,
            ..News::default()
        };
        self.carry_out(at, Input::Woken(news))
    }

    /// Moves a run until it waits or is over.
    fn carry_out(&mut self, at: usize, input: Input) -> Result<(), String> {
        let mut inputs = VecDeque::from([input]);
        let mut emitted = Vec::new();
        while let Some(input) = inputs.pop_front() {
            self.moves += 1;
            if self.moves > MOVES {
                return Err(format!(
                    "found more than {MOVES} moves, expected an end: the flow goes round in circles"
                ));
            }
            let mut outbox = Outbox::default();
            let asked = self.tasks.len();
            let new_task = move |_| format!("task-{asked}");
            let run = &mut self.runs[at];
            let (flow, event, id) = (
                Arc::clone(&run.flow),
                Arc::clone(&run.event),
                run.id.clone(),
            );
            let surroundings = Surroundings {
                flow: &flow,
                event: &event,
                run: &id,
                now_ms: self.now_ms,
                new_task: &new_task,
                references: &self.references,
                take_room: &|| true,
            };
            let decision = run.state.decide(surroundings, input, &mut outbox);
            for wanted in outbox.links.drain(..) {
                let outcome = self.linked.table().link(&wanted.link, self.now_ms);
                inputs.push_back(Input::Linked(wanted.number, outcome));
            }
            emitted.append(&mut outbox.emitted);
            self.tasks.append(&mut outbox.tasks);
            self.withdraw(&outbox.withdrawn);
            let run = &mut self.runs[at];
            run.until_ms = None;
            match decision {
                Decision::Done => run.stands = "done",
                Decision::Dead => run.stands = "dead",
                Decision::Go { calls, until_ms } => {
                    run.stands = "waiting";
                    run.until_ms = until_ms;
                    let looks = !run.state.looks_for().is_empty();
                    inputs.extend(calls.into_iter().map(|wanted| self.call(wanted)));
                    if looks && inputs.is_empty() {
                        let news = News {
                            events: self.log.clone(),
                            looked: true,
                            complete: true,
                            ..News::default()
                        };
                        inputs.push_back(Input::Woken(news));
                    }
                }
            }
        }
        for event in emitted {
            self.emitted.push(event.clone());
            self.publish(event)?;
        }
        self.begin_queued()
    }

    fn withdraw(&mut self, withdrawn: &[String]) {
        for task in self
            .tasks
            .iter_mut()
            .filter(|task| withdrawn.contains(&task.id))
        {
            task.closed = Some(TaskAnswer {
                answer: String::new(),
                by: String::new(),
                comment: "no longer asked".to_owned(),
                at_ms: self.now_ms,
            });
        }
    }

    /// The next of the action's replies; the last stays.
    fn call(&mut self, wanted: Wanted) -> Input {
        let what = format!("{}.{}", wanted.system, wanted.action);
        if wanted.attempt == 1 {
            let input = serde_json::from_str(&wanted.input).unwrap_or(Json::Null);
            self.calls.push((what.clone(), input));
        }
        let mut systems = self.rehearsal.systems.iter();
        let replies = systems.find(|(action, _)| *action == what);
        let asked = self.asked.entry(what).or_default();
        let reply = replies.and_then(|(_, all)| all.get(*asked).or(all.last()));
        *asked += 1;
        let result = match reply {
            None => Ok("{}".to_owned()),
            Some(Reply::Result(result)) => Ok(result.clone()),
            Some(Reply::Fails(failure)) => Err(failure.clone()),
        };
        let called = Called {
            result,
            at_ms: self.now_ms,
            crashed: false,
            outward: Vec::new(),
            outage: false,
            policy: RetryWish::default(),
        };
        Input::Called(wanted.call, called)
    }
}
