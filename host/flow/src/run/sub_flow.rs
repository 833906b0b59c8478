//! `call: flow.NAME`: another flow's steps as part of this run. They see their own data, results and variables only.

use std::sync::{Arc, OnceLock};

use super::Surroundings;
use super::make::{Ended, Fault, Made, Move};
use super::strand::{Called, Ground, Inner, Strand};
use crate::definition::{Flow, Kind, Step, SubFlow};
use crate::json::Document;
use crate::trace::cut;

impl Move<'_, '_> {
    pub(super) fn sub_flow(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        flow: &SubFlow,
    ) -> Result<Made, Fault> {
        let mut called = match strand.inner.take().map(|inner| *inner) {
            Some(Inner::Flow(called)) => called,
            _ => {
                let mut data = String::new();
                flow.with
                    .write_json(&self.scope(strand, ground), &mut data)?;
                if let Some(trace) = strand.step_trace(step.depth) {
                    trace.input = cut(&data);
                }
                let data = Document::new(data)
                    .map_err(|error| Fault::Message(format!("with: {error}")))?;
                Called {
                    data,
                    strand: Strand::at(0),
                    event: OnceLock::new(),
                }
            }
        };
        let mut inside = std::mem::take(&mut called.strand);
        let prefix = Self::flow_prefix(ground, step);
        let ended = match Self::flow_ground(self.around, ground, step, &called, &prefix) {
            Some(there) => self.visit(&mut inside, &there),
            None => {
                let message = format!(
                    "there is no flow \"{}\" in the version that this run began with",
                    flow.name
                );
                return Err(Fault::Message(message));
            }
        };
        called.strand = inside;
        let Some(ended) = ended else {
            strand.inner = Some(Box::new(Inner::Flow(called)));
            return Ok(Made::Wait);
        };
        if let Ended::Stuck(message) = ended {
            strand.inner = Some(Box::new(Inner::Flow(called)));
            return Ok(Made::Over(Ended::Stuck(message)));
        }
        strand.undo.append(&mut called.strand.undo);
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.steps = std::mem::take(&mut called.strand.trace);
        }
        match ended {
            Ended::Badly(note) => Err(Fault::Inside(note)),
            Ended::Well(result) => {
                let result = result.map_or("null".to_owned(), |result| result.raw().to_string());
                self.end(strand, ground, step, step.next, Some(result))?;
                Ok(Made::On)
            }
            Ended::Stuck(message) => Ok(Made::Over(Ended::Stuck(message))),
        }
    }

    pub(super) fn flow_prefix(ground: &Ground<'_>, step: &Step) -> String {
        format!("{}.", ground.address(step))
    }

    /// `None`: the run's version has no such flow.
    pub(super) fn flow_ground<'g>(
        around: Surroundings<'g>,
        ground: &'g Ground<'_>,
        step: &Step,
        called: &'g Called,
        prefix: &'g str,
    ) -> Option<Ground<'g>> {
        let Kind::Flow(flow) = &step.kind else {
            return None;
        };
        let part: &Flow = around.flow.parts.get(&flow.name)?;
        let event = called
            .event
            .get_or_init(|| Arc::new(ground.event.with_data(called.data.raw().to_owned())));
        Some(Ground {
            flow: part,
            event,
            prefix,
            around: Vec::new(),
            item: None,
            failure: None,
            end: part.closing_at,
            is_flow: true,
            is_root: false,
            stop: ground.stop,
        })
    }
}
