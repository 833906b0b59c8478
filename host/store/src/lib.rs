//! The log and all that must commit with it: events, runs, tasks, cross-references, adapters' keys and values, audit.
//!
//! One narrow trait, [`Store`], in terms of what the host needs; [`sqlite`] is the embedded default. Every future
//! that resolves `Ok` has its data on disk, synced. An I/O error fails the writes that met it, never pretends.

mod audit;
mod links;
pub mod sqlite;
mod types;

pub use audit::{
    Anchor, AuditCheck, AuditFilter, AuditPage, AuditProblem, AuditTrail, NotAnAnchor, StoredAudit,
};
pub use links::{
    ChangeFilter, Conflict, CrossReferences, Entity, EntityFilter, KEEP, Link, LinkChange,
    LinkOrder, LinkOutcome, LinkTable, LinkedId, Maker, OnConflict, REPLACE, SystemId, TaskLink,
    Unlink, contradiction, displaced, question,
};
pub use types::*;

use futures_util::future::BoxFuture;
use tombolo_kernel::event::Event;

/// Where a site's past and present are kept.
pub trait Store: CrossReferences {
    /// A random id made when the store was: part of every idempotency key.
    fn id(&self) -> &str;

    /// Appends events in order; each is new or, by `(source, id)`, known already. Synced when it resolves.
    fn append(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>>;

    /// Appends a page's events and moves its cursor, in one transaction: a crash leaves both or neither. Synced.
    fn append_page(&self, page: PageIn) -> BoxFuture<'_, Result<Vec<Appended>, StoreError>>;

    /// How far a feed or schedule has been read; `None`: never.
    fn cursor(
        &self,
        owner: &str,
        name: &str,
    ) -> BoxFuture<'_, Result<Option<CursorRow>, StoreError>>;

    /// Moves a run forward: its state, events it emitted, tasks it opened or withdrew, links it makes, in one
    /// transaction. Synced.
    fn advance(&self, advance: Advance) -> BoxFuture<'_, Result<Advanced, StoreError>>;

    /// Says that every run of every event up to `seq` is in `runs`, finished or not: recovery starts after it.
    /// Written with the next commit.
    fn checkpoint(&self, seq: i64);

    /// What recovery needs: the checkpoint and the lanes with unfinished runs.
    fn recover(&self) -> BoxFuture<'_, Result<Recovery, StoreError>>;

    /// Events by sequence, ascending, from `after`.
    fn events_after(
        &self,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

    /// The newest events first, filtered, for people.
    fn events(&self, filter: EventFilter) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

    /// One event by sequence number.
    fn event(&self, seq: i64) -> BoxFuture<'_, Result<Option<StoredEvent>, StoreError>>;

    /// How many events have this one as their root, at most `most`.
    fn descendants(&self, root: i64, most: u32) -> BoxFuture<'_, Result<u32, StoreError>>;

    /// Which of these `(seq, flow)` pairs have a row in `runs`.
    fn known_runs(
        &self,
        from: i64,
        to: i64,
    ) -> BoxFuture<'_, Result<Vec<(i64, String)>, StoreError>>;

    /// One run.
    fn run(&self, id: &str) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>>;

    /// Runs, newest first, filtered, for people.
    fn runs(&self, filter: RunFilter) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>>;

    /// Unfinished runs of one lane, oldest first.
    fn lane(
        &self,
        flow: &str,
        lane: &str,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>>;

    /// Runs whose `wake_ms` is at or before `now`, oldest first.
    fn due(&self, now: u64, limit: u32) -> BoxFuture<'_, Result<Vec<RunRow>, StoreError>>;

    /// Ids of runs that wait for a system, oldest first, from the one after `after`.
    fn parked(
        &self,
        system: &str,
        after: Option<&str>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// Lanes with unfinished runs, those with the oldest head first, for people.
    fn lanes(&self, limit: u32) -> BoxFuture<'_, Result<Vec<LaneRow>, StoreError>>;

    /// A number that no replay has: one more than the highest.
    fn next_replay(&self) -> BoxFuture<'_, Result<u32, StoreError>>;

    /// The next `wake_ms` of any run.
    fn next_wake(&self) -> BoxFuture<'_, Result<Option<u64>, StoreError>>;

    /// Tasks, newest first.
    fn tasks(&self, open_only: bool, limit: u32)
    -> BoxFuture<'_, Result<Vec<TaskRow>, StoreError>>;

    /// One task.
    fn task(&self, id: &str) -> BoxFuture<'_, Result<Option<TaskRow>, StoreError>>;

    /// Answers an open task, once, does what the answer does to links, and makes its waiting run due at the answer's time.
    /// Synced. A task that is closed is [`StoreError::Conflict`] with its answer.
    fn answer(&self, id: &str, answer: TaskAnswer) -> BoxFuture<'_, Result<TaskRow, StoreError>>;

    /// Tells an event to the runs that wait for one of its type with one of these keys (the empty one for those that
    /// wait for any), and makes them due. Synced; again is no error. Returns how many were told.
    fn hear(
        &self,
        kind: &str,
        keys: Vec<String>,
        event: i64,
        now_ms: u64,
    ) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Events that were told to a run and not judged by it, ascending.
    fn heard(&self, run: &str) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

    /// Types and fields that runs wait for.
    fn listened(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, StoreError>>;

    /// Events of these types by sequence, ascending, from `after`.
    fn events_of(
        &self,
        kinds: Vec<String>,
        after: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;

    /// Keeps the text of a flow's definition under its version, so that a run that waits on it can go on after a
    /// restart, whatever the site has become. Synced; again is no error.
    fn keep_flow(&self, version: &str, text: &str) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The text of a kept definition.
    fn flow(&self, version: &str) -> BoxFuture<'_, Result<Option<String>, StoreError>>;

    /// Forgets a little of what is old enough, and where the next step begins. Never what is unfinished, a dead letter, or
    /// the newest event. An event's identity goes with it: the same event sent again later is a new one.
    fn sweep(&self, sweep: Sweep) -> BoxFuture<'_, Result<Swept, StoreError>>;

    /// Versions of kept definitions that no run needs.
    fn unneeded_flows(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// Forgets a kept definition.
    fn forget_flow(&self, version: &str) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Writes everything that waits, then closes.
    fn close(&self) -> BoxFuture<'_, ()>;
}
