//! Links in memory, for rehearsals of flows and tests: the same decisions as the store's, kept nowhere.

use super::{Changes, Entity, Link, LinkOutcome, LinkedId, Plan, SystemId, TaskLink, plan};
use std::collections::BTreeMap;

/// Entities by number.
#[derive(Debug, Clone, Default)]
pub struct LinkTable {
    entities: BTreeMap<i64, Entity>,
}

impl LinkTable {
    /// Makes a link, or says why not.
    pub fn link(&mut self, link: &Link, now_ms: u64) -> LinkOutcome {
        self.make(link, false, now_ms)
    }

    /// Makes a link in the place of what contradicts it.
    pub fn replace(&mut self, link: &Link, now_ms: u64) -> LinkOutcome {
        self.make(link, true, now_ms)
    }

    /// Does what the answer to a task does.
    ///
    /// # Errors
    /// The question no longer tells the truth.
    pub fn answered(
        &mut self,
        task: &TaskLink,
        (answer, by, comment): (&str, &str, &str),
        now_ms: u64,
    ) -> Result<(), String> {
        let Some(link) = task.answered(answer, by, comment) else {
            return Ok(());
        };
        if let Plan::Change(changes) = plan(&link, &self.touched(&link), true) {
            task.still_true(&changes)?;
            self.apply(&link, changes, now_ms);
        }
        Ok(())
    }

    /// The id in `other` of the entity that has `id` in `system`.
    #[must_use]
    pub fn counterpart(&self, kind: &str, system: &str, id: &str, other: &str) -> Option<String> {
        let is = |entity: &&Entity| entity.kind == kind && entity.id_in(system) == Some(id);
        let entity = self.entities.values().find(is)?;
        entity.id_in(other).map(str::to_owned)
    }

    /// All there are, by number.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    fn make(&mut self, link: &Link, replace: bool, now_ms: u64) -> LinkOutcome {
        if let Err(message) = link.check() {
            return LinkOutcome::Refused(message);
        }
        match plan(link, &self.touched(link), replace) {
            Plan::Known => LinkOutcome::Known,
            Plan::Conflict(conflict) => LinkOutcome::Conflict(conflict),
            Plan::Change(changes) => {
                self.apply(link, changes, now_ms);
                LinkOutcome::Linked
            }
        }
    }

    fn touched(&self, link: &Link) -> Vec<Entity> {
        let is =
            |entity: &&Entity| entity.kind == link.kind && link.ids.iter().any(|id| entity.has(id));
        self.entities.values().filter(is).cloned().collect()
    }

    fn apply(&mut self, link: &Link, changes: Changes, now_ms: u64) {
        let last = self.entities.keys().last().copied().unwrap_or(0);
        let base = changes.base.unwrap_or(last + 1);
        for id in changes.removes.iter().chain(&changes.puts) {
            self.take_out(&link.kind, id);
        }
        let entity = self.entities.entry(base).or_insert_with(|| Entity {
            number: base,
            kind: link.kind.clone(),
            ids: Vec::new(),
        });
        entity
            .ids
            .extend(changes.puts.into_iter().map(|id| LinkedId {
                id,
                at_ms: now_ms,
                maker: link.maker.clone(),
            }));
        entity.ids.sort_by(|one, other| one.id.cmp(&other.id));
        self.entities.retain(|_, entity| !entity.ids.is_empty());
    }

    fn take_out(&mut self, kind: &str, id: &SystemId) {
        for entity in self.entities.values_mut().filter(|one| one.kind == kind) {
            entity.ids.retain(|linked| linked.id != *id);
        }
    }
}
