//! `link`: ids of different systems are of one entity. The machine says which; the store makes the link together with the
//! run's state and answers before the next step is decided. What contradicts other links becomes a question to a person,
//! whose answer makes the link or leaves it.

use tombolo_store::{KEEP, LinkOutcome, Maker, REPLACE, SystemId, TaskAnswer, TaskRow, question};

use super::WantedLink;
use super::make::{Fault, Made, Move};
use super::strand::{Ground, Strand};
use crate::definition::{Kind, Link, Step};
use crate::json::write_string;
use crate::trace::{StepStatus, cut};

impl Move<'_, '_> {
    pub(super) fn link(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        link: &Link,
    ) -> Result<Made, Fault> {
        let wanted = self.wanted_link(strand, ground, step, link)?;
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Running;
            trace.input = cut(&ids_json(&wanted.ids));
        }
        self.counted.calls += 1;
        let number = self.counted.calls;
        strand.calling = Some(number);
        self.calling = true;
        self.outbox.links.push(WantedLink {
            number,
            link: wanted,
        });
        Ok(Made::Wait)
    }

    /// The link with its ids written out.
    fn wanted_link(
        &self,
        strand: &Strand,
        ground: &Ground<'_>,
        step: &Step,
        link: &Link,
    ) -> Result<tombolo_store::Link, Fault> {
        let mut ids = Vec::with_capacity(link.ids.len());
        for (system, template, _) in &link.ids {
            let mut id = String::new();
            template.write_text(&self.scope(strand, ground), &mut id)?;
            ids.push(SystemId {
                system: system.clone(),
                id,
            });
        }
        let wanted = tombolo_store::Link {
            kind: link.kind.clone(),
            ids,
            maker: Maker {
                cause: format!("{}/{}", self.around.run, ground.address(step)),
                ..Maker::default()
            },
        };
        let checked = wanted.check();
        checked.map_err(|message| Fault::Message(format!("link.ids: {message}")))?;
        Ok(wanted)
    }

    /// Goes on with what came of a link.
    pub(super) fn linked(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        outcome: LinkOutcome,
    ) -> Made {
        let found = ground.flow.program.get(strand.at);
        let Some((step, Kind::Link(link))) = found.map(|step| (step, &step.kind)) else {
            return Made::On;
        };
        let made = match outcome {
            LinkOutcome::Linked | LinkOutcome::Known => {
                return self.waited(strand, ground, step, result(true, None, false), false);
            }
            // An item beside it failed: nobody is asked, it stops.
            LinkOutcome::Conflict(_) if ground.stop => return Made::On,
            LinkOutcome::Refused(message) => Err(Fault::Message(format!("link: {message}"))),
            LinkOutcome::Conflict(conflict) => self
                .wanted_link(strand, ground, step, link)
                .map(|wanted| self.ask_about(strand, ground, step, link, &wanted, &conflict)),
        };
        made.unwrap_or_else(|fault| self.fail(strand, ground, fault))
    }

    fn ask_about(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        link: &Link,
        wanted: &tombolo_store::Link,
        conflict: &tombolo_store::Conflict,
    ) -> Made {
        let task = TaskRow {
            id: (self.around.new_task)(self.around.now_ms),
            run: self.around.run.to_owned(),
            step: ground.address(step),
            role: link.role.clone(),
            question: question(wanted, conflict),
            options: vec![KEEP.to_owned(), REPLACE.to_owned()],
            asked_ms: self.around.now_ms,
            until_ms: self.deadline(strand, step),
            closed: None,
            link: Some(Box::new(wanted.to_ask(conflict))),
        };
        if let Some(trace) = strand.step_trace(step.depth) {
            // It names the ids, too.
            trace.input = cut(&task.question);
        }
        self.open_task(strand, step, task)
    }

    /// The step's result, now that somebody answered, or nobody did.
    pub(super) fn link_result(answer: &TaskAnswer, timed_out: bool) -> String {
        result(answer.answer == REPLACE, Some(answer), timed_out)
    }
}

fn result(linked: bool, conflict: Option<&TaskAnswer>, timed_out: bool) -> String {
    let said = |text: fn(&TaskAnswer) -> &str| conflict.map_or("", text);
    let mut result = format!("{{\"linked\":{linked},\"conflict\":{}", conflict.is_some());
    for (name, value) in [
        ("answer", said(|answer| &answer.answer)),
        ("by", said(|answer| &answer.by)),
        ("comment", said(|answer| &answer.comment)),
    ] {
        result.push_str(&format!(",\"{name}\":"));
        write_string(value, &mut result);
    }
    result.push_str(&format!(",\"timed_out\":{timed_out}}}"));
    result
}

fn ids_json(ids: &[SystemId]) -> String {
    let mut out = String::from("{");
    for (index, id) in ids.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(&id.system, &mut out);
        out.push(':');
        write_string(&id.id, &mut out);
    }
    out.push('}');
    out
}
