//! Moving a run to another version of its flow: only where what it has done is the same in both.

use super::RunState;
use super::strand::{Strand, Waiting};
use crate::definition::{Flow, Kind, Step};
use crate::trace::StepTrace;

impl RunState {
    /// Puts the run at the same step of another version. Nothing is changed when it cannot be.
    ///
    /// # Errors
    /// A step that it has done, or is in the middle of, is another one there.
    pub fn transfer(&mut self, from: &Flow, to: &Flow) -> Result<(), String> {
        if self.root.failing.is_some() {
            return Err("it is taking back what it did; it must finish on its own version".into());
        }
        if self
            .root
            .failed
            .as_ref()
            .is_some_and(|failed| failed.took_back)
        {
            return Err("what it did was taken back; publish its event again instead".into());
        }
        let at = self
            .root
            .failed
            .as_ref()
            .map_or(self.root.at, |failed| failed.at);
        let mut done = Vec::new();
        begun(&self.trace.steps, from, &mut done);
        let here = from.program.get(at);
        let mut last = None;
        for id in done {
            if here.is_some_and(|here| here.id == *id) {
                continue;
            }
            let (Some(old), Some((place, new))) = (step(from, id), step(to, id)) else {
                return Err(format!(
                    "it has done the step \"{id}\", which is not in the new version"
                ));
            };
            if old.1.written != new.written {
                return Err(format!(
                    "it has done the step \"{id}\", which is different in the new version"
                ));
            }
            if last.is_some_and(|last| place < last) {
                return Err(format!(
                    "it has done the step \"{id}\", which comes earlier in the new version"
                ));
            }
            last = Some(place);
        }
        let new_at = match here {
            None => to.closing_at,
            Some(here) => {
                let Some((place, new)) = step(to, &here.id) else {
                    let id = &here.id;
                    return Err(format!(
                        "it is at the step \"{id}\", which is not in the new version"
                    ));
                };
                if last.is_some_and(|last| place < last) {
                    let id = &here.id;
                    return Err(format!(
                        "it is at the step \"{id}\", which comes earlier in the new version"
                    ));
                }
                self.fits(here, new, from, to)?;
                place
            }
        };
        let root: &mut Strand = &mut self.root;
        root.at = new_at;
        if root.failed.take().is_some() {
            root.failure = None;
            root.began_ms = None;
            root.attempts = 0;
        }
        self.trace.error = None;
        Ok(())
    }

    /// A step that is under way must be the same where its beginning counts.
    fn fits(&self, old: &Step, new: &Step, from: &Flow, to: &Flow) -> Result<(), String> {
        let id = &old.id;
        if old.kind.words().0 != new.kind.words().0 {
            let (was, is) = (old.kind.words().0, new.kind.words().0);
            return Err(format!(
                "it is at the step \"{id}\", found `{is}` in the new version, expected `{was}`"
            ));
        }
        let asked = matches!(
            self.root.waiting,
            Some(Waiting::Answer { .. } | Waiting::Event { .. })
        );
        let text = |flow: &Flow| match &old.kind {
            Kind::Flow(call) => flow.parts.get(&call.name).map(|part| part.text.clone()),
            _ => None,
        };
        let inside = self.root.inner.is_some();
        if (asked || inside) && old.written != new.written || inside && text(from) != text(to) {
            return Err(format!(
                "it is in the middle of the step \"{id}\", which is different in the new version"
            ));
        }
        Ok(())
    }
}

/// A step of the flow's own, not one inside an `each`, where places begin anew.
fn step<'f>(flow: &'f Flow, id: &str) -> Option<(usize, &'f Step)> {
    let mut at = 0;
    while let Some(step) = flow.program.get(at) {
        if step.id == id {
            return Some((at, step));
        }
        at = match &step.kind {
            Kind::Each(each) => each.end,
            _ => at + 1,
        };
    }
    None
}

/// The flow's own steps that were begun, in their order.
fn begun<'t>(trace: &'t [StepTrace], flow: &Flow, out: &mut Vec<&'t str>) {
    for one in trace
        .iter()
        .filter(|one| one.kind != "undo" && one.kind != "item")
    {
        out.push(&one.id);
        let own = step(flow, &one.id).is_none_or(|(_, step)| !matches!(step.kind, Kind::Flow(_)));
        if own {
            begun(&one.steps, flow, out);
        }
    }
}
