//! What people do to a run: mend a step, move it to the flow's present version.

use std::sync::Arc;
use std::time::Duration;

use tombolo_store::{Advance, Hearing, RunRow, RunStatus, StoreError};

use super::drive::row_of;
use super::{Engine, Run, lanes};
use crate::run::{Mend, Surroundings};
use crate::trace::Repair;

/// A run that is in hands for a moment is waited for this often, with this pause: two seconds in all.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Changes the step at which a run waits or died, as a person says; then the run goes on. A dead run takes
    /// its place in its lane again.
    ///
    /// # Errors
    /// No such run or step, the run is being carried out, or the store could not write.
    pub async fn mend(self: &Arc<Self>, id: &str, mend: Mend) -> Result<(), StoreError> {
        self.change(id, |engine, run| {
            let surroundings = Surroundings {
                flow: &run.flow,
                event: &run.event,
                run: &run.id,
                now_ms: engine.now(),
                new_task: &tombolo_kernel::clock::new_id,
                references: &engine.plain_references(),
                take_room: &|| false,
            };
            run.state.mend(surroundings, &mend, &mut run.outbox)
        })
        .await
    }

    /// Moves a run that waits or died to the present version of its flow; then it goes on there. Returns the version.
    ///
    /// # Errors
    /// The steps it has done are others in that version; no such run; it is being carried out; the store could not
    /// write.
    pub async fn move_run(
        self: &Arc<Self>,
        id: &str,
        by: &str,
        reason: &str,
    ) -> Result<String, StoreError> {
        let mut version = String::new();
        self.change(id, |engine, run| {
            let flows = engine.flows.load();
            let Some(to) = flows.get(&run.flow.name) else {
                return Err(format!(
                    "there is no flow \"{}\" in the site now",
                    run.flow.name
                ));
            };
            if to.version == run.flow.version {
                return Err("it runs on the flow's present version already".to_owned());
            }
            run.state.transfer(&run.flow, to)?;
            run.state.trace.repaired(Repair {
                what: "moved".to_owned(),
                step: String::new(),
                value: to.version.clone(),
                by: by.to_owned(),
                reason: reason.to_owned(),
                at_ms: engine.now(),
            });
            version.clone_from(&to.version);
            run.flow = Arc::clone(to);
            Ok(())
        })
        .await?;
        Ok(version)
    }

    pub(super) async fn change(
        self: &Arc<Self>,
        id: &str,
        change: impl FnOnce(&Self, &mut Run) -> Result<(), String> + Send,
    ) -> Result<(), StoreError> {
        let busy = || {
            StoreError::Conflict(format!(
                "the run `{id}` is being carried out; expected one that waits or is dead: try again"
            ))
        };
        let mut tries = 0;
        while !self.held.lock().insert(id.to_owned()) {
            tries += 1;
            if tries > TRIES {
                return Err(busy());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let outcome = self.change_held(id, change, busy).await;
        self.held.lock().remove(id);
        let row = outcome?;
        match row.status {
            RunStatus::Queued => self.requeued(lanes::name(&row.flow, &row.lane)),
            RunStatus::Active => {
                self.take_up(row.id, None);
            }
            _ => self.timer.hint(0),
        }
        Ok(())
    }

    async fn change_held(
        self: &Arc<Self>,
        id: &str,
        change: impl FnOnce(&Self, &mut Run) -> Result<(), String> + Send,
        busy: impl Fn() -> StoreError,
    ) -> Result<RunRow, StoreError> {
        let row: RunRow = self.parts.store.run(id).await?.ok_or_else(|| {
            StoreError::NotFound(format!(
                "there is no run `{id}`; `tombolo run list` shows those there are"
            ))
        })?;
        match row.status {
            RunStatus::Waiting | RunStatus::Dead => {}
            RunStatus::Done | RunStatus::Discarded => {
                let is = match row.status {
                    RunStatus::Done => "done",
                    _ => "discarded",
                };
                return Err(StoreError::Conflict(format!(
                    "the run `{id}` is {is}; expected one that waits or is dead"
                )));
            }
            RunStatus::Active | RunStatus::Queued => return Err(busy()),
        }
        let stopped = || StoreError::Unavailable("the host is stopping".to_owned());
        let mut run = self
            .read_row(&row)
            .await
            .ok_or_else(stopped)?
            .map_err(StoreError::Conflict)?;
        let tasks = run.state.tasks();
        let _guards = self.nobody_answers(&tasks).await;
        for task in &tasks {
            let task = self.parts.store.task(task).await?;
            if task.is_some_and(|task| task.closed.is_some()) {
                return Err(StoreError::Conflict(
                    "its question has just been answered; look at the run again".to_owned(),
                ));
            }
        }
        change(self, &mut run).map_err(|message| {
            StoreError::Conflict(format!("the run `{id}` cannot be changed so: {message}"))
        })?;
        if !self.keep_version(&run).await {
            return Err(stopped());
        }
        let hearing = run.state.listens().map(|listens| Hearing {
            listens,
            judged: Vec::new(),
        });
        self.listen(hearing.as_ref());
        let now = self.now();
        let (status, wake_ms) = match (row.status, run.lane.is_empty()) {
            (RunStatus::Dead, true) => (RunStatus::Active, None),
            (RunStatus::Dead, false) => (RunStatus::Queued, None),
            _ => (RunStatus::Waiting, Some(now)),
        };
        let changed = row_of(&run, status, wake_ms, now);
        self.parts
            .store
            .advance(Advance {
                run: changed.clone(),
                emitted: std::mem::take(&mut run.outbox.emitted),
                tasks: Vec::new(),
                withdrawn: std::mem::take(&mut run.outbox.withdrawn),
                queued: Vec::new(),
                hearing,
                links: Vec::new(),
            })
            .await?;
        if let Some(system) = &row.needs {
            self.gates.of(system).unpark();
        }
        if let Some(system) = &changed.needs {
            self.gates.of(system).park(1);
        }
        Ok(changed)
    }
}
