//! What the store promises, tried on real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod audit;
mod backups;
mod changed_audit;
mod disk;
mod faults;
mod files;
mod formats;
mod links;
mod listeners;
mod log;
mod people;
mod runs;
mod shim;
mod sweep;

use super::SqliteStore;
use crate::{Advance, RunRow, RunStatus, Store, TaskRow};
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tombolo_kernel::clock::{Clock, Millis};
use tombolo_kernel::event::Event;

const NOW: Millis = 1_763_778_600_000;

struct Fixed;

impl Clock for Fixed {
    fn now_ms(&self) -> Millis {
        NOW
    }
}

/// A store in a folder that goes with it.
struct Place {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("tombolo.db"));
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tombolo.db")
    }

    /// What another program sees in the file right now.
    fn count(&self, query: &str) -> i64 {
        count(&self.path(), query)
    }

    /// The files as a crash now would leave them, in another folder.
    fn as_after_a_crash(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("tombolo.db");
        std::fs::copy(self.path(), &copy).unwrap();
        std::fs::copy(wal(&self.path()), wal(&copy)).unwrap();
        (folder, copy)
    }
}

fn open(path: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(path, Arc::new(Fixed)).unwrap()
}

fn wal(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

fn count(path: &Path, query: &str) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

fn event(id: &str) -> Event {
    Event {
        id: id.into(),
        source: "/systems/plant".into(),
        kind: "device.alarm".into(),
        subject: Some("pump-7".into()),
        time: "2026-11-22T02:30:00Z".into(),
        data: data(r#"{"severity":4}"#),
        hops: 0,
        cause: None,
        root: None,
    }
}

fn data(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap()
}

fn run(seq: i64, flow: &str, lane: &str, status: RunStatus) -> RunRow {
    RunRow {
        id: format!("{seq}.{flow}"),
        seq,
        flow: flow.into(),
        flow_version: "sha256:f1".into(),
        lane: lane.into(),
        status,
        wake_ms: None,
        needs: None,
        started_ms: NOW,
        updated_ms: NOW,
        state: String::new(),
        trace: "{}".into(),
    }
}

fn task(id: &str, run: &str) -> TaskRow {
    TaskRow {
        id: id.into(),
        run: run.into(),
        step: "approval".into(),
        role: "plant-manager".into(),
        question: "Buy 3 of P-7?".into(),
        options: vec!["approve".into(), "reject".into()],
        asked_ms: NOW,
        until_ms: Some(NOW + 1000),
        closed: None,
        link: None,
    }
}

fn advance(run: RunRow) -> Advance {
    Advance {
        run,
        emitted: Vec::new(),
        tasks: Vec::new(),
        withdrawn: Vec::new(),
        queued: Vec::new(),
        hearing: None,
        links: Vec::new(),
    }
}

async fn all_ids(store: &SqliteStore) -> Vec<(i64, String)> {
    let events = store.events_after(0, 10_000).await.unwrap();
    events
        .into_iter()
        .map(|stored| (stored.seq, stored.event.id))
        .collect()
}
