//! Read-only connections, off the reactor. The engine, adapters and people have their own, so that a slow search
//! of one starves no other.

use super::{error, schema};
use crate::StoreError;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tombolo_kernel::limits;

/// SQLite's steps between two looks at the clock.
const STEPS: i32 = 10_000;

/// Some connections to one file.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Longest query; none for the engine's own, which are bounded by what they ask.
    longest: Option<Duration>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens nothing yet.
    pub(crate) fn new(path: PathBuf, longest: Option<Duration>) -> Self {
        let permits = Arc::new(Semaphore::new(limits::STORE_READERS));
        Self {
            inner: Arc::new(Inner {
                path,
                longest,
                idle: Mutex::default(),
                permits,
            }),
        }
    }

    /// Runs one query.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.inner.permits)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let result = inner.run(query);
            // Held until here also when nobody waits for the answer any more.
            drop(permit);
            result
        });
        task.await.map_err(|_| closed())?
    }

    /// Runs one short query on the caller's thread; as many run at a time as there are threads that ask.
    pub(crate) fn read_here<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if self.inner.permits.is_closed() {
            return Err(closed());
        }
        self.inner.run(query)
    }

    /// Refuses further queries and closes what is idle.
    pub(crate) fn close(&self) {
        self.inner.permits.close();
        self.inner.idle.lock().clear();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed: the host is stopping".into())
}

impl Inner {
    fn run<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.path).map_err(|error| error::read(&error))?,
        };
        if let Some(longest) = self.longest {
            let end = Instant::now() + longest;
            connection
                .progress_handler(STEPS, Some(move || Instant::now() > end))
                .map_err(|error| error::read(&error))?;
        }
        let result = query(&connection);
        // One that failed may be of a file that is gone: the next query opens its own.
        if result.is_ok() && !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
        result.map_err(|error| error::read(&error))
    }
}
