//! What the fake store keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tombolo_kernel::event::Event;
use tombolo_store::{
    Appended, CursorRow, Hearing, LinkTable, Listen, RunRow, RunStatus, StoredEvent, TaskRow,
};

#[derive(Default)]
pub(super) struct Kept {
    /// In the order of their places, which begin at 1 and have no gap.
    pub(super) events: Vec<StoredEvent>,
    /// Places by source and id.
    places: HashMap<(String, String), i64>,
    pub(super) runs: BTreeMap<(i64, String), RunRow>,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) links: LinkTable,
    pub(super) flows: HashMap<String, String>,
    pub(super) cursors: Vec<CursorRow>,
    pub(super) checkpoint: i64,
    /// By run.
    pub(super) listens: BTreeMap<String, Vec<Listen>>,
    pub(super) heard: BTreeSet<(String, i64)>,
}

impl Kept {
    pub(super) fn append(&mut self, events: Vec<Event>, now: u64) -> Vec<Appended> {
        let mut appended = Vec::new();
        for event in events {
            let next = i64::try_from(self.events.len()).unwrap() + 1;
            let identity = (event.source.clone(), event.id.clone());
            let seq = *self.places.entry(identity).or_insert(next);
            if seq < next {
                appended.push(Appended { seq, fresh: false });
                continue;
            }
            self.events.push(StoredEvent {
                seq,
                stored_ms: now,
                event,
            });
            appended.push(Appended { seq, fresh: true });
        }
        appended
    }

    pub(super) fn hearing(&mut self, id: &str, hearing: Hearing) {
        self.heard
            .retain(|(run, event)| run != id || !hearing.judged.contains(event));
        if hearing.listens.is_empty() {
            self.listens.remove(id);
            self.heard.retain(|(run, _)| run != id);
            return;
        }
        self.listens.insert(id.to_owned(), hearing.listens);
        let left = self.heard.iter().any(|(run, _)| run == id);
        let mine = |row: &&mut RunRow| row.id == id && row.status == RunStatus::Waiting && left;
        self.runs
            .values_mut()
            .filter(mine)
            .for_each(|row| row.wake_ms = Some(row.updated_ms));
    }

    pub(super) fn unfinished(&self) -> impl Iterator<Item = &RunRow> {
        self.runs.values().filter(|row| !row.status.is_final())
    }
}
