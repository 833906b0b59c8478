//! Moves of the state machine, with what their expressions look up in the store. A look-up that the store cannot answer
//! now fails no run: the move is undone, the store is waited for, and the move is made again.
//!
//! What was looked up may be another thing after a crash. So a run that looked something up is kept before its next call:
//! it goes on from there and judges nothing again that it acted upon.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use futures_util::future::ready;
use parking_lot::Mutex;
use tombolo_kernel::limits;
use tombolo_store::{Store, StoreError};

use super::dispatch::judge;
use super::{Engine, Run};
use crate::definition::Flow;
use crate::expression::{Counterparts, EventDocument, NoCounterparts};
use crate::run::{Decision, Input, Surroundings};

/// Kind, system, id, other system.
type Question = (String, String, String, String);

/// Of flows that look up nothing.
static NOTHING: LazyLock<Arc<dyn Counterparts>> = LazyLock::new(|| Arc::new(NoCounterparts));

/// What a flow makes of an event.
pub(super) struct Judged {
    /// The key of its lane; `None`: it does not mean the event; an error where it cannot say.
    pub(super) key: Result<Option<String>, String>,
    /// Whether that was looked up.
    pub(super) looked_up: bool,
}

/// What one move looks up: each thing once, so that a move sees one answer to one question.
struct Looked {
    store: Arc<dyn Store>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    answers: HashMap<Question, Option<String>>,
    /// The first that the store could not answer.
    unanswered: Option<Question>,
}

impl Looked {
    fn new(store: &Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            seen: Mutex::default(),
        })
    }

    /// Whether anything was looked up.
    fn any(&self) -> bool {
        !self.seen.lock().answers.is_empty()
    }

    fn unanswered(&self) -> Option<Question> {
        self.seen.lock().unanswered.take()
    }
}

impl Counterparts for Looked {
    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, String> {
        let question: Question = (kind.into(), system.into(), id.into(), other.into());
        let mut seen = self.seen.lock();
        if let Some(answer) = seen.answers.get(&question) {
            return Ok(answer.clone());
        }
        if seen.answers.len() >= limits::LOOKUPS {
            let most = limits::LOOKUPS;
            return Err(format!(
                "more than {most} cross-references are looked up at once, expected at most that: emit an event per item"
            ));
        }
        match self.store.counterpart(kind, system, id, other) {
            Ok(answer) => {
                seen.answers.insert(question, answer.clone());
                Ok(answer)
            }
            Err(error) => {
                if matches!(error, StoreError::Unavailable(_)) {
                    seen.unanswered.get_or_insert(question);
                }
                Err(error.to_string())
            }
        }
    }
}

impl Engine {
    /// For what is asked once and shown to a person, who can ask again.
    pub(super) fn plain_references(&self) -> Arc<dyn Counterparts> {
        Looked::new(&self.parts.store)
    }

    /// Makes a move. `None`: the engine stops before the store can answer.
    pub(super) async fn decide(&self, run: &mut Run, input: Input) -> Option<Decision> {
        // What is given up now could be found after a restart, when what follows has begun already.
        run.dirty |= matches!(input, Input::Woken(_)) && run.state.gives_up(self.now());
        if let Some(count) = &run.count {
            self.know(count).await?;
        }
        if !run.flow.looks_up() {
            return Some(self.move_on(run, input, &NOTHING));
        }
        loop {
            let before = (run.state.clone(), run.outbox.clone());
            let looked = Looked::new(&self.parts.store);
            let references: Arc<dyn Counterparts> = looked.clone();
            let decision = self.move_on(run, input.clone(), &references);
            let Some(unanswered) = looked.unanswered() else {
                run.dirty |= looked.any();
                return Some(decision);
            };
            if let Some(count) = &run.count {
                count.give_back(run.outbox.emitted.len() - before.1.emitted.len());
            }
            (run.state, run.outbox) = before;
            self.until_answered(unanswered).await?;
        }
    }

    fn move_on(&self, run: &mut Run, input: Input, references: &Arc<dyn Counterparts>) -> Decision {
        let count = run.count.as_ref();
        let surroundings = Surroundings {
            flow: &run.flow,
            event: &run.event,
            run: &run.id,
            now_ms: self.now(),
            new_task: &tombolo_kernel::clock::new_id,
            references,
            take_room: &|| count.is_none_or(|count| count.take(limits::DESCENDANTS)),
        };
        let decision = run.state.decide(surroundings, input, &mut run.outbox);
        // What was refused now could hold after a restart, when undos or an `on-failure` have begun already.
        run.dirty |= run.state.fails();
        if run.outbox.withdrawn.is_empty() {
            run.exclusive.clear();
        }
        decision
    }

    /// Whether a run waits for this event.
    pub(super) async fn hears(&self, run: &mut Run, event: &Arc<EventDocument>) -> bool {
        loop {
            let looked = Looked::new(&self.parts.store);
            let references: Arc<dyn Counterparts> = looked.clone();
            let surroundings = Surroundings {
                flow: &run.flow,
                event: &run.event,
                run: &run.id,
                now_ms: self.now(),
                new_task: &tombolo_kernel::clock::new_id,
                references: &references,
                take_room: &|| false,
            };
            let hears = run.state.hears(surroundings, event);
            match looked.unanswered() {
                None => return hears,
                // Stopping: it is looked for again at the next start.
                Some(unanswered) => {
                    if self.until_answered(unanswered).await.is_none() {
                        return false;
                    }
                }
            }
        }
    }

    /// Whether a flow means an event, and in which lane. `None`: the engine stops before the store can answer; the event is
    /// judged at the next start.
    pub(super) async fn judge_event(
        &self,
        flow: &Flow,
        event: &EventDocument,
        run: &str,
    ) -> Option<Judged> {
        if !flow.looks_up() {
            return Some(Judged {
                key: judge(flow, event, run, &NOTHING),
                looked_up: false,
            });
        }
        loop {
            let looked = Looked::new(&self.parts.store);
            let references: Arc<dyn Counterparts> = looked.clone();
            let judged = judge(flow, event, run, &references);
            match looked.unanswered() {
                None => {
                    return Some(Judged {
                        key: judged,
                        looked_up: looked.any(),
                    });
                }
                Some(unanswered) => self.until_answered(unanswered).await?,
            }
        }
    }

    async fn until_answered(&self, (kind, system, id, other): Question) -> Option<()> {
        let ask = || -> futures_util::future::BoxFuture<'_, Result<(), StoreError>> {
            let found = self.parts.store.counterpart(&kind, &system, &id, &other);
            Box::pin(ready(found.map(drop)))
        };
        self.insist("looking up a cross-reference", ask).await
    }
}
