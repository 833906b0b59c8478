//! [`Store`] by one SQLite file: writes go to the writer, reads to the readers.

use super::command::Command;
use super::pairs::{self, SetPair};
use super::{SqliteStore, cursors, events, lanes, listeners, parked, runs, sweep, tasks};
use crate::{
    Advance, Advanced, Appended, CursorRow, EventFilter, LaneRow, PageIn, Recovery, RunFilter,
    RunRow, Store, StoreError, StoredEvent, Sweep, Swept, TaskAnswer, TaskRow,
};
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use tombolo_kernel::capability::store::KeyValueError;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits::{FLOW_TEXTS, LISTING, STORE_ANSWER};

/// Definitions of flows are kept among the pairs, under a name that no system can have.
const FLOWS: &str = "/flows";

impl Store for SqliteStore {
    fn id(&self) -> &str {
        &self.id
    }

    fn append(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            if events.is_empty() {
                return Ok(Vec::new());
            }
            self.ask(Command::append(events)).await
        })
    }

    fn append_page(&self, page: PageIn) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move { self.ask(Command::page(page)).await })
    }

    fn cursor(
        &self,
        owner: &str,
        name: &str,
    ) -> BoxFuture<'_, Result<Option<CursorRow>, StoreError>> {
        let (owner, name) = (owner.to_owned(), name.to_owned());
        Box::pin(
            self.engine
                .read(move |connection| cursors::get(connection, &owner, &name)),
        )
    }

    fn advance(&self, advance: Advance) -> BoxFuture<'_, Result<Advanced, StoreError>> {
        Box::pin(async move {
            check(&advance)?;
            self.ask(Command::advance(advance)).await
        })
    }

    fn checkpoint(&self, seq: i64) {
        self.queue
            .record(|records| records.checkpoint = records.checkpoint.max(Some(seq)));
    }

    fn recover(&self) -> BoxFuture<'_, Result<Recovery, StoreError>> {
        Box::pin(self.engine.read(recover))
    }

    fn events_after(
        &self,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(
            self.engine
                .read(move |connection| events::after(connection, after, limit, STORE_ANSWER)),
        )
    }

    fn events(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        let limit = listing(filter.limit);
        Box::pin(
            self.people
                .read(move |connection| events::filtered(connection, &filter, limit, STORE_ANSWER)),
        )
    }

    fn event(&self, seq: i64) -> BoxFuture<'_, Result<Option<StoredEvent>, StoreError>> {
        Box::pin(
            self.engine
                .read(move |connection| events::one(connection, seq)),
        )
    }

    fn descendants(&self, root: i64, most: u32) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(
            self.engine
                .read(move |connection| events::descendants(connection, root, most)),
        )
    }

    fn known_runs(
        &self,
        from: i64,
        to: i64,
    ) -> BoxFuture<'_, Result<Vec<(i64, String)>, StoreError>> {
        Box::pin(
            self.engine
                .read(move |connection| runs::known(connection, from, to)),
        )
    }

    fn run(&self, id: &str) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        let id = id.to_owned();
        Box::pin(
            self.engine
                .read(move |connection| runs::one(connection, &id)),
        )
    }

    fn runs(&self, filter: RunFilter) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        let limit = listing(filter.limit);
        Box::pin(
            self.people
                .read(move |connection| runs::filtered(connection, &filter, limit, STORE_ANSWER)),
        )
    }

    fn lane(
        &self,
        flow: &str,
        lane: &str,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        let (flow, lane) = (flow.to_owned(), lane.to_owned());
        Box::pin(
            self.engine
                .read(move |connection| runs::lane(connection, &flow, &lane, limit, STORE_ANSWER)),
        )
    }

    fn due(&self, now: u64, limit: u32) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>> {
        Box::pin(
            self.engine
                .read(move |connection| runs::due(connection, now, limit, STORE_ANSWER)),
        )
    }

    fn parked(
        &self,
        system: &str,
        after: Option<&str>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let (system, after) = (system.to_owned(), after.map(str::to_owned));
        Box::pin(
            self.engine
                .read(move |connection| parked::ids(connection, &system, after.as_deref(), limit)),
        )
    }

    fn lanes(&self, limit: u32) -> BoxFuture<'_, Result<Vec<LaneRow>, StoreError>> {
        Box::pin(
            self.people
                .read(move |connection| lanes::list(connection, listing(limit))),
        )
    }

    fn next_replay(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(self.engine.read(runs::next_replay))
    }

    fn next_wake(&self) -> BoxFuture<'_, Result<Option<u64>, StoreError>> {
        Box::pin(self.engine.read(runs::next_wake))
    }

    fn tasks(
        &self,
        open_only: bool,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<TaskRow>, StoreError>> {
        Box::pin(
            self.people
                .read(move |connection| tasks::list(connection, open_only, listing(limit))),
        )
    }

    fn task(&self, id: &str) -> BoxFuture<'_, Result<Option<TaskRow>, StoreError>> {
        let id = id.to_owned();
        Box::pin(
            self.engine
                .read(move |connection| tasks::one(connection, &id)),
        )
    }

    fn answer(&self, id: &str, answer: TaskAnswer) -> BoxFuture<'_, Result<TaskRow, StoreError>> {
        let asked = Command::answer(id, answer);
        Box::pin(self.ask(asked))
    }

    fn hear(
        &self,
        kind: &str,
        keys: Vec<String>,
        event: i64,
        now_ms: u64,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let asked = Command::hear((kind.to_owned(), keys, event, now_ms));
        Box::pin(self.ask(asked))
    }

    fn heard(&self, run: &str) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        let run = run.to_owned();
        Box::pin(
            self.engine
                .read(move |connection| listeners::heard(connection, &run, STORE_ANSWER)),
        )
    }

    fn listened(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, StoreError>> {
        Box::pin(self.engine.read(listeners::all))
    }

    fn events_of(
        &self,
        kinds: Vec<String>,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(self.engine.read(move |connection| {
            events::of_kinds(connection, &kinds, after, limit, STORE_ANSWER)
        }))
    }

    fn keep_flow(&self, version: &str, text: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let asked = Command::set(SetPair {
            system: FLOWS.to_owned(),
            key: version.to_owned(),
            value: text.as_bytes().to_vec(),
            expected: None,
            quota: FLOW_TEXTS,
        });
        Box::pin(async move {
            self.ask(asked).await.map_err(|error| match error {
                KeyValueError::Unavailable(message) => StoreError::Unavailable(message),
                other => StoreError::Conflict(format!("the flow's text cannot be kept: {other:?}")),
            })
        })
    }

    fn flow(&self, version: &str) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        let version = version.to_owned();
        Box::pin(async move {
            let text = self
                .engine
                .read(move |connection| pairs::get(connection, FLOWS, &version))
                .await?;
            Ok(text.and_then(|text| String::from_utf8(text).ok()))
        })
    }

    fn sweep(&self, sweep: Sweep) -> BoxFuture<'_, Result<Swept, StoreError>> {
        let asked = Command::sweep(sweep);
        Box::pin(self.ask(asked))
    }

    fn unneeded_flows(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(
            self.people
                .read(|connection| sweep::unneeded_flows(connection, FLOWS)),
        )
    }

    fn forget_flow(&self, version: &str) -> BoxFuture<'_, Result<(), StoreError>> {
        let asked = Command::delete(FLOWS, version);
        Box::pin(async move {
            self.ask(asked).await.map_err(|error| match error {
                KeyValueError::Unavailable(message) => StoreError::Unavailable(message),
                other => StoreError::Conflict(format!("the text stays: {other:?}")),
            })
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(writer) = self.begin_close() {
                // A panic of the thread has been reported where it happened.
                let _ = tokio::task::spawn_blocking(move || writer.join()).await;
            }
        })
    }
}

/// Refuses what could never be found again, before it meets its neighbours in a commit.
fn check(advance: &Advance) -> Result<(), StoreError> {
    runs::check(&advance.run)?;
    advance.queued.iter().try_for_each(runs::check)?;
    match advance.tasks.iter().find(|task| task.run != advance.run.id) {
        None => Ok(()),
        Some(task) => Err(StoreError::Conflict(format!(
            "task `{}` names run `{}`; expected `{}`, the run that opens it",
            task.id, task.run, advance.run.id
        ))),
    }
}

fn recover(connection: &Connection) -> rusqlite::Result<Recovery> {
    // One snapshot for all of them.
    let snapshot = connection.unchecked_transaction()?;
    let checkpoint = snapshot.query_row(
        "SELECT value FROM site WHERE key = 'checkpoint'",
        [],
        |row| row.get(0),
    )?;
    Ok(Recovery {
        checkpoint,
        last_seq: events::last_seq(&snapshot)?,
        lanes: runs::lanes(&snapshot)?,
        parked: parked::counts(&snapshot)?,
    })
}

/// Rows of a listing for people.
pub(super) fn listing(limit: u32) -> u32 {
    if limit == 0 { 50 } else { limit.min(LISTING) }
}
