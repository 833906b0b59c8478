//! `wait`: for an event that another system, a person or another flow brings.
//!
//! Events count from the run's own event on: one that came while an earlier step was still under way is found, too. An
//! event that one `wait` of a run found is not found by another. An event over which `when` has no value is not meant.

use std::sync::Arc;

use tombolo_kernel::limits;

use super::make::{Fault, Made, Move};
use super::strand::{Ground, Inner, Strand, Waiting};
use crate::definition::{Kind, Step, Wait};
use crate::expression::{EventDocument, Scope};
use crate::trace::StepStatus;

impl Move<'_, '_> {
    pub(super) fn wait(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        wait: &Wait,
    ) -> Result<Made, Fault> {
        if self.counted.found.len() >= limits::WAITS_PER_RUN {
            let most = limits::WAITS_PER_RUN;
            return Err(Fault::Message(format!(
                "the run has waited for {most} events, expected at most that: let a flow of its own react to each"
            )));
        }
        let (mut path, mut key) = (String::new(), String::new());
        if let Some(equal) = &wait.equal {
            let found = equal.key(&self.scope(strand, ground)).map_err(|message| {
                let source = wait.when.as_ref().map_or("", |when| when.source());
                Fault::Message(format!("wait.when `{source}`: {message}"))
            })?;
            if let Some(found) = found {
                (path, key) = (equal.path(), found);
            }
        }
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Waiting;
        }
        let until_ms = self.deadline(strand, step);
        strand.waiting = Some(Waiting::Event {
            on: wait.on.clone(),
            path,
            key,
            until_ms,
            looked: false,
        });
        self.counted.listened = true;
        self.must_look = true;
        Ok(Made::Wait)
    }

    /// Goes on with the event, or when it is given up.
    pub(super) fn await_event(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        until_ms: Option<u64>,
        looked: bool,
    ) -> Made {
        let Some((step, Kind::Wait(wait))) = ground
            .flow
            .program
            .get(strand.at)
            .map(|step| (step, &step.kind))
        else {
            return Made::On;
        };
        let meant = |event: &&Arc<EventDocument>| self.is_meant(strand, ground, wait, event);
        if let Some(event) = self.news.events.iter().find(meant).cloned() {
            self.counted.found.push(event.seq);
            let fields = event.whole().raw();
            let fields = fields.strip_prefix('{').unwrap_or("}");
            let result = format!("{{\"timed_out\":false,{fields}");
            return self.waited(strand, ground, step, result, false);
        }
        if !looked && !self.news.looked {
            self.must_look = true;
            return Made::Wait;
        }
        if let Some(Waiting::Event { looked, .. }) = &mut strand.waiting {
            *looked = true;
        }
        if !self.news.complete || until_ms.is_none_or(|until| self.around.now_ms < until) {
            if let Some(until_ms) = until_ms {
                self.wake_at(until_ms);
            }
            return Made::Wait;
        }
        let result = "{\"timed_out\":true}".to_owned();
        self.waited(strand, ground, step, result, true)
    }

    fn is_meant(
        &self,
        strand: &Strand,
        ground: &Ground<'_>,
        wait: &Wait,
        event: &EventDocument,
    ) -> bool {
        let fresh = event.seq > self.around.event.seq && !self.counted.found.contains(&event.seq);
        if !fresh || !wait.on.contains(&event.event.kind) {
            return false;
        }
        let mut scope: Scope<'_> = self.scope(strand, ground);
        scope.event = event;
        wait.when
            .as_ref()
            .is_none_or(|when| when.condition(&scope).unwrap_or(false))
    }

    /// Whether this strand or one inside it waits for this event.
    pub(super) fn hears_at(
        &self,
        strand: &Strand,
        ground: &Ground<'_>,
        event: &Arc<EventDocument>,
    ) -> bool {
        let step = ground.flow.program.get(strand.at);
        if let (Some(Waiting::Event { .. }), Some(Kind::Wait(wait))) =
            (&strand.waiting, step.map(|step| &step.kind))
        {
            return self.is_meant(strand, ground, wait, event);
        }
        let (Some(step), Some(inner)) = (step, strand.inner.as_deref()) else {
            return false;
        };
        match inner {
            Inner::Items(items) => items.live.iter().any(|(index, live)| {
                let item = items.item(*index);
                let prefix = Self::item_prefix(ground, step, *index);
                let inside = Self::item_ground(strand, ground, step, &item, &prefix);
                self.hears_at(live, &inside, event)
            }),
            Inner::Flow(called) => {
                let prefix = Self::flow_prefix(ground, step);
                Self::flow_ground(self.around, ground, step, called, &prefix)
                    .is_some_and(|inside| self.hears_at(&called.strand, &inside, event))
            }
        }
    }
}
