//! Moves the write-ahead log into the file beside the writer, so that no commit waits for it.
//!
//! A second thread copies what is there (a passive checkpoint blocks nobody). The writer keeps adding meanwhile;
//! when the copy is done it moves the short rest itself, and its next commit starts the log from the front.

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Pages in the log at which the next copy starts: 4 MiB of 4 KiB pages. Longer copies are fewer, but a commit that
/// meets the sync of one waits for all of it: at 16 MiB that was the slowest hundredth of all events.
const PAGES: i32 = 1_000;

/// The second thread, as the writer sees it.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    start: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    copied: Arc<AtomicBool>,
    running: bool,
    /// Pages at which the next copy starts; beyond [`PAGES`] while a reader keeps the log from starting anew.
    next: i32,
}

impl Checkpointer {
    /// Starts the thread; it opens its connection with the first copy.
    pub(crate) fn start(path: PathBuf) -> Self {
        let (start, wanted) = sync_channel::<()>(1);
        let copied = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&copied);
        let thread = std::thread::Builder::new().name("store-checkpoint".into()).spawn(move || {
            let mut connection = None;
            while wanted.recv().is_ok() {
                if let Err(error) = copy(&path, &mut connection) {
                    tracing::warn!(store = %path.display(), %error, "the write-ahead log could not be moved; it grows until it can");
                    connection = None;
                }
                done.store(true, Ordering::Release);
            }
        });
        // Without the thread the writer moves the log itself.
        let thread = thread.ok();
        Self {
            start: thread.is_some().then_some(start),
            thread,
            pages: Arc::default(),
            copied,
            running: false,
            next: PAGES,
        }
    }

    /// Counts the log's pages on the writer's connection.
    pub(crate) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let counted = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Starts a copy when the log is long; finishes it when the copy is done.
    pub(crate) fn after_commit(&mut self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if self.running {
            if self.copied.swap(false, Ordering::Acquire) {
                self.running = false;
                self.finish(connection, pages);
            }
        } else if pages < PAGES {
            self.next = PAGES;
        } else if pages >= self.next {
            match &self.start {
                Some(start) => self.running = start.try_send(()).is_ok(),
                None => self.finish(connection, pages),
            }
        }
    }

    fn finish(&mut self, connection: &Connection, pages: i32) {
        self.next = pages + PAGES;
        // A failure shows with the next copy; the log keeps everything meanwhile.
        let _ = passive(connection);
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        self.start = None;
        if let Some(thread) = self.thread.take() {
            // Its panic would have been reported by the hook; there is nothing left to do here.
            let _ = thread.join();
        }
    }
}

fn copy(path: &std::path::Path, connection: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(super::schema::reopen(path)?),
    };
    passive(connection)
}

fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |_| Ok(()))
}
