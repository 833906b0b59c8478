//! From a recorded event to the calls of the system that is tried: through each flow that means it, step by step. What
//! nobody recorded is not guessed: where a step depends on it, the flow is not gone on with, and the report says so.

use std::sync::Arc;

use tombolo_flow::Flow;
use tombolo_flow::expression::{Counterparts, EventDocument, NoCounterparts};
use tombolo_flow::trace::RunTrace;
use tombolo_flow::walk::{Blocked, Ground, Stop, Walk, calls_of, is_meant};
use tombolo_kernel::clock::{Clock as _, MachineClock};
use tombolo_kernel::event::Event;

use super::{Trial, TriedCall};

impl Trial<'_> {
    /// Goes through every flow that reacts to the event and calls the system.
    pub(super) async fn event(&self, seq: i64, event: Event) -> (Vec<TriedCall>, Vec<String>) {
        let (mut calls, mut notes) = (Vec::new(), Vec::new());
        let reacting = self.site.flows.reacting_to(&event.kind);
        let calling = reacting
            .into_iter()
            .filter(|flow| !calls_of(flow, self.name).is_empty());
        let flows: Vec<Arc<Flow>> = calling.collect();
        if flows.is_empty() {
            notes.push(format!(
                "no flow that reacts to {} calls {}",
                event.kind, self.name
            ));
        }
        let event = EventDocument::new(seq, event);
        for flow in &flows {
            let run = format!("{seq}.{}", flow.name);
            self.walk(
                flow,
                &event,
                &run,
                &RunTrace::default(),
                &mut calls,
                &mut notes,
            )
            .await;
        }
        (calls, notes)
    }

    /// Goes through the flow of a run again, with the answers that it got.
    pub(super) async fn run(
        &self,
        run: &str,
        flow: &str,
        seq: i64,
        event: Event,
        trace: &RunTrace,
    ) -> (Vec<TriedCall>, Vec<String>) {
        let (mut calls, mut notes) = (Vec::new(), Vec::new());
        match self.site.flows.get(flow) {
            Some(flow) => {
                let event = EventDocument::new(seq, event);
                self.walk(flow, &event, run, trace, &mut calls, &mut notes)
                    .await;
            }
            None => notes.push(format!("the site has no flow {flow} now")),
        }
        (calls, notes)
    }

    async fn walk(
        &self,
        flow: &Arc<Flow>,
        event: &EventDocument,
        run: &str,
        before: &RunTrace,
        calls: &mut Vec<TriedCall>,
        notes: &mut Vec<String>,
    ) {
        let references: Arc<dyn Counterparts> = Arc::new(NoCounterparts);
        let ground = Ground {
            flow,
            event,
            run,
            before,
            references: &references,
            now_ms: MachineClock.now_ms(),
        };
        match is_meant(ground) {
            Ok(true) => {}
            Ok(false) => {
                notes.push(format!("the flow {} does not mean it (`when`)", flow.name));
                return;
            }
            Err(message) => {
                notes.push(format!("the flow {} cannot judge it: {message}", flow.name));
                return;
            }
        }
        let mut walk = Walk::new(ground);
        let mut made = Vec::new();
        let (blocked, end) = loop {
            match walk.go_on() {
                Stop::End(end) => break (walk.blocked(end.starts_with("dead")), end),
                Stop::Call(wanted) => {
                    if let Some(blocked) = walk.blocked(false) {
                        break (Some(blocked), String::new());
                    }
                    if wanted.system != self.name {
                        walk.as_recorded(&wanted);
                        continue;
                    }
                    let step = format!("{run}/{}", wanted.step);
                    let sources = [event.event.data.get().to_owned(), walk.known()];
                    let input = wanted.input.clone();
                    let (call, result) = self.act(&wanted.action, input, &sources, &step).await;
                    made.push(wanted.step.clone());
                    // What it made of no answer is not what it would answer.
                    if call.reaches.iter().any(|reach| reach.unanswered) {
                        walk.as_recorded(&wanted);
                    } else {
                        walk.answer(&wanted, result);
                    }
                    calls.push(call);
                }
            }
        };
        let left = calls_of(flow, self.name).into_iter();
        let left: Vec<String> = left
            .filter(|(step, _)| !made.iter().any(|made| is_of(made, step)))
            .map(|(step, action)| format!("{step} ({action})"))
            .collect();
        let name = &flow.name;
        match blocked {
            Some(Blocked { step, needs }) => {
                let left = match left.as_slice() {
                    [] => String::new(),
                    left => format!("; not tried: {}", left.join(", ")),
                };
                notes.push(format!(
                    "the flow {name} cannot be gone on with at the step {step}: it needs what {needs} answered, which is not recorded; give the run (`tombolo run show ID --json`) instead of the event{left}"
                ));
            }
            None if end == "done" => {}
            None => notes.push(format!("the flow {name} ends: {end}")),
        }
    }
}

/// Whether a step's name in the run is this step's: `lines[3].reserve` is `reserve`'s.
fn is_of(name: &str, step: &str) -> bool {
    let before = name.strip_suffix(step);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
