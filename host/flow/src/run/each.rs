//! `each`: its steps for every item of a list, some at a time, in the order of the list.
//!
//! An item that fails takes back what it did. Unless the `each` keeps going, no other begins then, those under way
//! stop after the call they are at and take back what they did, too; the step fails and names the items.

use std::sync::Arc;

use tombolo_kernel::limits;

use super::failing::{Note, STOPPED};
use super::make::{Ended, Fault, Made, Move};
use super::strand::{Ground, Inner, Items, Strand, item_node};
use crate::definition::{Each, Kind, Step};
use crate::expression::Item;
use crate::json::{Document, Shape};
use crate::trace::{StepStatus, cut};

/// Failed items that the failure of the `each` tells in full.
const TOLD: usize = 5;

impl Items {
    /// An item of the list, for its steps.
    pub(super) fn item(&self, index: usize) -> Item {
        let raw = self.list.json().item(index);
        let raw = raw.map_or("null", |item| item.raw()).to_owned();
        let number = |text: String| Document::new(text).unwrap_or_default();
        Item {
            value: number(raw),
            index: number(index.to_string()),
        }
    }
}

impl Move<'_, '_> {
    pub(super) fn each(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        each: &Each,
    ) -> Result<Made, Fault> {
        let mut items = match strand.inner.take().map(|inner| *inner) {
            Some(Inner::Items(items)) => items,
            _ => self.list(strand, ground, step, each)?,
        };
        let total = items.list.json().items().len();
        let mut at = 0;
        let mut stuck = None;
        loop {
            let failed =
                ground.stop || stuck.is_some() || !(each.keep_going || items.failed.is_empty());
            if at == items.live.len() {
                if failed || items.next == total || items.live.len() >= each.at_most {
                    break;
                }
                items.live.push((items.next, Strand::at(strand.at + 1)));
                items.next += 1;
            }
            let (index, mut live) = items.live.remove(at);
            let ended = self.item(strand, ground, step, (&items, index), &mut live, failed);
            match ended {
                None => {
                    items.live.insert(at, (index, live));
                    at += 1;
                }
                Some(Ended::Stuck(message)) => {
                    items.live.insert(at, (index, live));
                    stuck.get_or_insert(message);
                    at += 1;
                }
                Some(ended) => {
                    let begins_to_fail = !each.keep_going && items.failed.is_empty();
                    self.item_ended(strand, step, &mut items, index, live, ended);
                    if begins_to_fail && !items.failed.is_empty() {
                        // Those before it are to stop as well.
                        at = 0;
                    }
                }
            }
        }
        let waits = items.live.iter().any(|(_, live)| live.stuck.is_none());
        if waits || stuck.is_some() {
            strand.inner = Some(Box::new(Inner::Items(items)));
            return Ok(match stuck {
                Some(message) if !waits => Made::Over(Ended::Stuck(message)),
                _ => Made::Wait,
            });
        }
        strand.undo.append(&mut items.undo);
        if (ground.stop || !each.keep_going) && !items.failed.is_empty() {
            return Err(Fault::Message(told(&items.failed, total)));
        }
        let result = step.kept.then(|| result(&mut items, each.keep_going));
        let words = result.unwrap_or_else(|| {
            let failed = items.failed.len();
            format!("{{\"items\":{total},\"failed\":{failed}}}")
        });
        self.end(strand, ground, step, step.next, Some(words))?;
        Ok(Made::On)
    }

    fn list(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        each: &Each,
    ) -> Result<Items, Fault> {
        let mut text = String::new();
        each.over
            .write_json(&self.scope(strand, ground), &mut text)?;
        let list = Document::new(text).map_err(|error| Fault::Message(format!("each: {error}")))?;
        let most = limits::EACH_ITEMS;
        let wrong = match (list.json().shape(), list.json().items().len()) {
            (Shape::List, count) if count <= most => None,
            (Shape::List, count) => Some(format!(
                "each: `{}` has {count} items, expected at most {most}: emit an event per item instead",
                each.over.source()
            )),
            _ => Some(format!(
                "each: `{}` is {}, expected a list",
                each.over.source(),
                cut(list.raw().get())
            )),
        };
        if let Some(message) = wrong {
            return Err(Fault::Message(message));
        }
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.input = cut(list.raw().get());
        }
        Ok(Items {
            list,
            next: 0,
            live: Vec::new(),
            results: Vec::new(),
            failed: Vec::new(),
            undo: Vec::new(),
        })
    }

    fn item(
        &mut self,
        strand: &Strand,
        ground: &Ground<'_>,
        step: &Step,
        (items, index): (&Items, usize),
        live: &mut Strand,
        stop: bool,
    ) -> Option<Ended> {
        let item = match &live.item {
            Some(item) => Arc::clone(item),
            None => Arc::new(items.item(index)),
        };
        live.item = Some(Arc::clone(&item));
        let prefix = Self::item_prefix(ground, step, index);
        let mut inside = Self::item_ground(strand, ground, step, &item, &prefix);
        inside.stop |= stop;
        self.visit(live, &inside)
    }

    pub(super) fn item_prefix(ground: &Ground<'_>, step: &Step, index: usize) -> String {
        format!("{}[{index}].", ground.address(step))
    }

    pub(super) fn item_ground<'g>(
        strand: &'g Strand,
        ground: &'g Ground<'_>,
        step: &Step,
        item: &'g Item,
        prefix: &'g str,
    ) -> Ground<'g> {
        let mut around = vec![(&strand.steps, &strand.vars)];
        around.extend(ground.around.iter().copied());
        Ground {
            flow: ground.flow,
            event: ground.event,
            prefix,
            around,
            item: Some(item),
            failure: strand.failure.as_ref().or(ground.failure),
            end: match &step.kind {
                Kind::Each(each) => each.end,
                _ => step.next,
            },
            stop: ground.stop,
            is_flow: false,
            is_root: false,
        }
    }

    fn item_ended(
        &mut self,
        strand: &mut Strand,
        step: &Step,
        items: &mut Items,
        index: usize,
        mut live: Strand,
        ended: Ended,
    ) {
        items.undo.append(&mut live.undo);
        let status = match ended {
            Ended::Badly(note) => {
                let status = if note.kind == STOPPED {
                    StepStatus::Stopped
                } else {
                    StepStatus::Failed
                };
                items.failed.push((index, note.document()));
                status
            }
            Ended::Well(result) => {
                if step.kept {
                    items.results.push((index, result.unwrap_or_default()));
                }
                StepStatus::Done
            }
            Ended::Stuck(_) => StepStatus::Failed,
        };
        let traced = limits::EACH_TRACED;
        if let Some(trace) = strand.step_trace(step.depth)
            && (status != StepStatus::Done || trace.steps.len() < traced)
        {
            let mut node = item_node(index, &live, status);
            node.ended_ms = Some(self.around.now_ms);
            node.what = cut(live.item.as_ref().map_or("", |item| item.value.raw().get()));
            trace.steps.push(node);
        }
    }
}

/// `2 of 10 items failed: [3] step "lines[3].reserve": ...`
fn told(failed: &[(usize, Document)], total: usize) -> String {
    let (count, word) = (failed.len(), if total == 1 { "item" } else { "items" });
    let mut words: Vec<String> = failed
        .iter()
        .take(TOLD)
        .map(|(index, failure)| format!("[{index}] {}", Note::words_of(failure)))
        .collect();
    if count > TOLD {
        let rest: Vec<String> = failed[TOLD..]
            .iter()
            .map(|(index, _)| index.to_string())
            .collect();
        words.push(format!("and {}", rest.join(", ")));
    }
    format!("{count} of {total} {word} failed: {}", words.join("; "))
}

/// Results in the order of the list; where failures may be among them, each says which it is.
fn result(items: &mut Items, keep_going: bool) -> String {
    let mut all: Vec<(usize, String)> = Vec::new();
    for (index, result) in items.results.drain(..) {
        let raw = result.raw().get();
        let text = if keep_going {
            format!("{{\"result\":{raw}}}")
        } else {
            raw.to_owned()
        };
        all.push((index, text));
    }
    for (index, failure) in &items.failed {
        all.push((*index, format!("{{\"failure\":{}}}", failure.raw())));
    }
    all.sort_by_key(|(index, _)| *index);
    let texts: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    format!("[{}]", texts.join(","))
}
