//! A fake of the store, in memory, for tests on paused time: the real one answers from a thread, which tokio's paused
//! clock takes for idleness and jumps ahead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use tombolo_kernel::clock::SharedClock;
use tombolo_kernel::event::Event;
use tombolo_store::{
    Advance, Advanced, Appended, CursorRow, EventFilter, LaneRow, Listen, PageIn, Recovery,
    RunFilter, RunRow, RunStatus, Store, StoreError, StoredEvent, Sweep, Swept, TaskAnswer,
    TaskRow,
};

use super::kept::Kept;

#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) kept: Mutex<Kept>,
    clock: Mutex<Option<SharedClock>>,
    pub(super) down: AtomicBool,
    advances: AtomicUsize,
    counted: AtomicUsize,
}

impl FakeStore {
    pub(super) fn set_clock(&self, clock: SharedClock) {
        *self.clock.lock() = Some(clock);
    }

    /// From now on every write fails, or none.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Transactions of runs so far.
    pub(super) fn advances(&self) -> usize {
        self.advances.load(Ordering::SeqCst)
    }

    /// How often it was asked what came of an event.
    pub(super) fn counted(&self) -> usize {
        self.counted.load(Ordering::SeqCst)
    }

    pub(super) fn checkpoint_now(&self) -> i64 {
        self.kept.lock().checkpoint
    }

    /// As if the host had ended before it was written.
    pub(super) fn forget_checkpoint(&self) {
        self.kept.lock().checkpoint = 0;
    }

    pub(super) fn write<'a, T: Send + 'a>(
        &self,
        write: impl FnOnce(&mut Kept) -> Result<T, StoreError>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(ready(Err(StoreError::Unavailable("no space left".into()))));
        }
        let outcome = write(&mut self.kept.lock());
        Box::pin(async move {
            tokio::task::yield_now().await;
            outcome
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.lock().as_ref().map_or(0, |clock| clock.now_ms())
    }

    pub(super) fn read<'a, T: Send + 'a>(
        &self,
        read: impl FnOnce(&Kept) -> T,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let outcome = read(&self.kept.lock());
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(outcome)
        })
    }
}

impl Store for FakeStore {
    fn id(&self) -> &str {
        "site"
    }

    fn append(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>> {
        let now = self.now();
        self.write(|kept| Ok(kept.append(events, now)))
    }

    fn append_page(&self, page: PageIn) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>> {
        let now = self.now();
        self.write(|kept| {
            let PageIn { events, cursor } = page;
            kept.cursors
                .retain(|row| (&row.owner, &row.name) != (&cursor.owner, &cursor.name));
            kept.cursors.push(cursor);
            Ok(kept.append(events, now))
        })
    }

    fn cursor(
        &self,
        owner: &str,
        name: &str,
    ) -> BoxFuture<'_, Result<Option<CursorRow>, StoreError>> {
        self.read(|kept| {
            kept.cursors
                .iter()
                .find(|row| row.owner == owner && row.name == name)
                .cloned()
        })
    }

    fn advance(&self, advance: Advance) -> BoxFuture<'_, Result<Advanced, StoreError>> {
        let now = self.now();
        self.write(|kept| {
            self.advances.fetch_add(1, Ordering::SeqCst);
            let id = advance.run.id.clone();
            for row in std::iter::once(advance.run).chain(advance.queued) {
                kept.runs.insert((row.seq, row.id.clone()), row);
            }
            if let Some(hearing) = advance.hearing {
                kept.hearing(&id, hearing);
            }
            kept.tasks.extend(advance.tasks);
            for task in kept
                .tasks
                .iter_mut()
                .filter(|task| advance.withdrawn.contains(&task.id) && task.closed.is_none())
            {
                let (answer, by, comment) =
                    (String::new(), String::new(), "no longer asked".into());
                task.closed = Some(TaskAnswer {
                    answer,
                    by,
                    comment,
                    at_ms: now,
                });
            }
            let mut link = |link| kept.links.link(link, now);
            let linked = advance.links.iter().map(&mut link).collect();
            let appended = kept.append(advance.emitted, now);
            Ok(Advanced { appended, linked })
        })
    }

    fn checkpoint(&self, seq: i64) {
        let mut kept = self.kept.lock();
        kept.checkpoint = kept.checkpoint.max(seq);
    }

    fn recover(&self) -> BoxFuture<'_, Result<Recovery, StoreError>> {
        self.read(|kept| {
            let mut lanes: Vec<(String, String, RunStatus)> = Vec::new();
            let mut parked: BTreeMap<String, u64> = BTreeMap::new();
            for row in kept.unfinished() {
                if let Some(system) = &row.needs {
                    *parked.entry(system.clone()).or_default() += 1;
                }
                let same = |(flow, lane, _): &&mut (String, String, RunStatus)| {
                    *flow == row.flow && *lane == row.lane
                };
                match lanes.iter_mut().find(same) {
                    _ if row.lane.is_empty() => {}
                    Some((_, _, head)) if *head == RunStatus::Queued => *head = row.status,
                    Some(_) => {}
                    None => lanes.push((row.flow.clone(), row.lane.clone(), row.status)),
                }
            }
            let last_seq = kept.events.last().map_or(0, |stored| stored.seq);
            Recovery {
                checkpoint: kept.checkpoint,
                last_seq,
                lanes,
                parked: parked.into_iter().collect(),
            }
        })
    }

    fn events_after(
        &self,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        self.read(|kept| {
            let from = usize::try_from(after).unwrap().min(kept.events.len());
            kept.events[from..]
                .iter()
                .take(limit as usize)
                .cloned()
                .collect()
        })
    }

    fn events(&self, _filter: EventFilter) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        self.read(|kept| kept.events.clone())
    }

    fn event(&self, seq: i64) -> BoxFuture<'_, Result<Option<StoredEvent>, StoreError>> {
        self.read(|kept| {
            let at = usize::try_from(seq - 1).ok()?;
            kept.events.get(at).cloned()
        })
    }

    fn descendants(&self, root: i64, most: u32) -> BoxFuture<'_, Result<u32, StoreError>> {
        self.counted.fetch_add(1, Ordering::SeqCst);
        self.read(|kept| {
            let of_root = kept.events.iter().map(|stored| stored.event.root);
            let count = of_root.filter(|of| *of == Some(root)).count();
            u32::try_from(count).unwrap().min(most)
        })
    }

    fn known_runs(
        &self,
        from: i64,
        to: i64,
    ) -> BoxFuture<'_, Result<Vec<(i64, String)>, StoreError>> {
        self.read(|kept| {
            kept.runs
                .values()
                .filter(|row| (from..=to).contains(&row.seq) && !row.id.contains(".replay-"))
                .map(|row| (row.seq, row.flow.clone()))
                .collect()
        })
    }

    fn run(&self, id: &str) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        self.read(|kept| kept.runs.values().find(|row| row.id == id).cloned())
    }

    fn runs(&self, filter: RunFilter) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        self.read(|kept| {
            let wanted = |row: &&RunRow| {
                filter.status.is_none_or(|status| row.status == status)
                    && filter.flow.as_ref().is_none_or(|flow| row.flow == *flow)
                    && filter.seq.is_none_or(|seq| row.seq == seq)
            };
            let is_after = |row: &&RunRow| filter.after.as_ref() != Some(&row.id);
            kept.runs
                .values()
                .rev()
                .skip_while(|row| filter.after.is_some() && is_after(row))
                .filter(is_after)
                .filter(wanted)
                .take(if filter.limit == 0 {
                    50
                } else {
                    filter.limit as usize
                })
                .cloned()
                .collect()
        })
    }

    fn lane(
        &self,
        flow: &str,
        lane: &str,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        self.read(|kept| {
            let of_lane = |row: &&RunRow| row.flow == flow && row.lane == lane;
            kept.unfinished()
                .filter(of_lane)
                .take(limit as usize)
                .cloned()
                .collect()
        })
    }

    fn due(&self, now: u64, limit: u32) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        self.read(|kept| {
            let mut due: Vec<RunRow> = kept
                .unfinished()
                .filter(|row| row.wake_ms.is_some_and(|wake| wake <= now))
                .cloned()
                .collect();
            due.sort_by_key(|row| row.wake_ms);
            due.truncate(limit as usize);
            due
        })
    }

    fn parked(
        &self,
        system: &str,
        after: Option<&str>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.read(|kept| {
            let rows = kept.unfinished();
            rows.skip_while(|row| after.is_some_and(|after| row.id != after))
                .filter(|row| row.needs.as_deref() == Some(system))
                .filter(|row| after != Some(row.id.as_str()))
                .take(limit as usize)
                .map(|row| row.id.clone())
                .collect()
        })
    }

    fn lanes(&self, limit: u32) -> BoxFuture<'_, Result<Vec<LaneRow>, StoreError>> {
        self.read(|kept| {
            let mut lanes: Vec<LaneRow> = Vec::new();
            for row in kept.unfinished().filter(|row| !row.lane.is_empty()) {
                let same =
                    |lane: &&mut LaneRow| lane.head.flow == row.flow && lane.head.lane == row.lane;
                match lanes.iter_mut().find(same) {
                    Some(lane) => lane.length += 1,
                    None => lanes.push(LaneRow {
                        head: row.clone(),
                        length: 1,
                    }),
                }
            }
            lanes.truncate(limit as usize);
            lanes
        })
    }

    fn next_replay(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        self.read(|kept| {
            let number = |id: &str| id.split_once(".replay-")?.1.parse().ok();
            let highest = kept.runs.values().filter_map(|row| number(&row.id)).max();
            highest.unwrap_or(0) + 1
        })
    }

    fn next_wake(&self) -> BoxFuture<'_, Result<Option<u64>, StoreError>> {
        self.read(|kept| kept.unfinished().filter_map(|row| row.wake_ms).min())
    }

    fn tasks(
        &self,
        open_only: bool,
        _limit: u32,
    ) -> BoxFuture<'_, Result<Vec<TaskRow>, StoreError>> {
        self.read(|kept| {
            kept.tasks
                .iter()
                .filter(|task| !open_only || task.closed.is_none())
                .cloned()
                .collect()
        })
    }

    fn task(&self, id: &str) -> BoxFuture<'_, Result<Option<TaskRow>, StoreError>> {
        self.read(|kept| kept.tasks.iter().find(|task| task.id == id).cloned())
    }

    fn answer(&self, id: &str, answer: TaskAnswer) -> BoxFuture<'_, Result<TaskRow, StoreError>> {
        self.write(|kept| {
            let Some(task) = kept.tasks.iter_mut().find(|task| task.id == id) else {
                return Err(StoreError::NotFound(format!("no task {id}")));
            };
            if task.closed.is_some() {
                return Err(StoreError::Conflict(format!("task {id} is closed")));
            }
            if let Some(link) = &task.link {
                let said = (&*answer.answer, &*answer.by, &*answer.comment);
                let done = kept.links.answered(link, said, answer.at_ms);
                done.map_err(StoreError::Conflict)?;
            }
            task.closed = Some(answer.clone());
            let task = task.clone();
            let waiting =
                |row: &&mut RunRow| row.id == task.run && row.status == RunStatus::Waiting;
            kept.runs
                .values_mut()
                .filter(waiting)
                .for_each(|row| row.wake_ms = Some(answer.at_ms));
            Ok(task)
        })
    }

    fn hear(
        &self,
        kind: &str,
        keys: Vec<String>,
        event: i64,
        now_ms: u64,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let kind = kind.to_owned();
        self.write(|kept| {
            let wants = |listen: &Listen| listen.kind == kind && keys.contains(&listen.key);
            let told: Vec<String> = kept
                .listens
                .iter()
                .filter(|(_, listens)| listens.iter().any(wants))
                .map(|(run, _)| run.clone())
                .collect();
            for id in &told {
                kept.heard.insert((id.clone(), event));
                let waits = |row: &&mut RunRow| row.id == *id && row.status == RunStatus::Waiting;
                kept.runs
                    .values_mut()
                    .filter(waits)
                    .for_each(|row| row.wake_ms = Some(now_ms));
            }
            Ok(told.len())
        })
    }

    fn heard(&self, run: &str) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        self.read(|kept| {
            let told = |stored: &&StoredEvent| kept.heard.contains(&(run.to_owned(), stored.seq));
            kept.events.iter().filter(told).cloned().collect()
        })
    }

    fn listened(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, StoreError>> {
        self.read(|kept| {
            let all = kept.listens.values().flatten();
            all.map(|listen| (listen.kind.clone(), listen.path.clone()))
                .collect()
        })
    }

    fn events_of(
        &self,
        kinds: Vec<String>,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        self.read(|kept| {
            let wanted =
                |stored: &&StoredEvent| stored.seq > after && kinds.contains(&stored.event.kind);
            let found = kept.events.iter().filter(wanted);
            found.take(limit as usize).cloned().collect()
        })
    }

    fn keep_flow(&self, version: &str, text: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(|kept| {
            kept.flows.insert(version.to_owned(), text.to_owned());
            Ok(())
        })
    }

    fn flow(&self, version: &str) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        self.read(|kept| kept.flows.get(version).cloned())
    }

    fn sweep(&self, _sweep: Sweep) -> BoxFuture<'_, Result<Swept, StoreError>> {
        self.write(|_| Ok(Swept::default()))
    }

    fn unneeded_flows(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.read(|kept| {
            let needed = |version: &&String| {
                let rows = kept.runs.values();
                rows.filter(|row| !matches!(row.status, RunStatus::Done | RunStatus::Discarded))
                    .any(|row| row.flow_version == **version)
            };
            let versions = kept.flows.keys();
            versions
                .filter(|version| !needed(version))
                .cloned()
                .collect()
        })
    }

    fn forget_flow(&self, version: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(|kept| {
            kept.flows.remove(version);
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}
