//! SQLite in WAL mode with full sync: one writer thread, group commit, a few readers.
//!
//! ```text
//! append, advance, ... ─▶ queue ─▶ writer: one transaction for all that waits ─▶ synced ─▶ replies
//! audit, checkpoint ─────▶  └ go along, or follow within 100 ms
//! queries ─▶ readers (own connections, blocking threads)
//! ```
//!
//! Two hosts never have one file open: [`lock`] is taken before anything is read.

mod apply;
mod audit;
mod backup;
mod checkpointer;
mod command;
mod cursors;
mod error;
mod events;
mod identity;
mod lanes;
mod link_lists;
mod links;
mod listeners;
mod lock;
mod migrations;
mod names;
mod pairs;
mod parked;
mod queue;
mod readers;
mod references;
mod rows;
mod runs;
mod schema;
mod side;
mod store;
mod sweep;
mod tasks;
#[cfg(test)]
mod tests;
mod writer;

pub use audit::AuditFile;
pub use backup::{Contents, backup, restore, verify};

use crate::StoreError;
use command::{Asked, Command};
use parking_lot::Mutex;
use queue::Queue;
use readers::Readers;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;
use tombolo_kernel::clock::SharedClock;
use tombolo_kernel::limits;
use writer::Writer;

/// The embedded store: a [`crate::Store`], a [`tombolo_kernel::capability::store::KeyValues`] and a
/// [`tombolo_kernel::audit::AuditSink`] in one file.
///
/// Dropping it writes what waits, as [`crate::Store::close`] does.
#[derive(Debug)]
pub struct SqliteStore {
    id: String,
    queue: Arc<Queue>,
    /// For the engine.
    engine: Readers,
    /// For adapters' keys and values.
    adapters: Readers,
    /// For listings and searches.
    people: Readers,
    /// For what expressions look up.
    lookups: Readers,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the store at `path`, or makes it, its folder included.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another host has it open, [`StoreError::Format`] when the file is another
    /// program's or a newer host's, [`StoreError::Unavailable`] when the disk does not allow it.
    pub fn open(path: impl AsRef<Path>, clock: SharedClock) -> Result<Arc<Self>, StoreError> {
        Self::open_bounded(path.as_ref(), clock, Arc::default())
    }

    fn open_bounded(
        path: &Path,
        clock: SharedClock,
        most_pages: Arc<AtomicU32>,
    ) -> Result<Arc<Self>, StoreError> {
        let (lock, connection, id) = schema::open(path, clock.now_ms())?;
        let queue = Arc::new(Queue::new());
        let writer = Writer::new(
            path.to_owned(),
            Arc::clone(&queue),
            clock,
            connection,
            lock,
            most_pages,
        )?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| {
                StoreError::Unavailable(format!("the writer's thread could not start: {error}"))
            })?;
        let readers = |longest| Readers::new(path.to_owned(), longest);
        Ok(Arc::new(Self {
            id,
            queue,
            engine: readers(None),
            adapters: readers(None),
            people: readers(Some(limits::STORE_SEARCH)),
            lookups: readers(None),
            writer: Mutex::new(Some(thread)),
        }))
    }

    /// Hands a command to the writer and waits for its reply.
    async fn ask<O, E: From<StoreError>>(&self, (command, reply): Asked<O, E>) -> Result<O, E> {
        self.queue.push(command).await?;
        match reply.await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(StoreError::Unavailable("the writer ended before it replied".into()).into())
            }
        }
    }

    /// Waits until everything asked before, records included, is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it could not be written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.ask(Command::flush()).await
    }

    /// Stops taking commands, writes those that wait, and returns the thread to wait for.
    fn begin_close(&self) -> Option<JoinHandle<()>> {
        for readers in [&self.engine, &self.adapters, &self.people, &self.lookups] {
            readers.close();
        }
        self.queue.close();
        self.writer.lock().take()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(writer) = self.begin_close() {
            // One commit long. A panic of the thread has been reported where it happened.
            let _ = writer.join();
        }
    }
}
