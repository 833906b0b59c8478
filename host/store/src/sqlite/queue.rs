//! What waits for the writer: commands, bounded by number and by bytes, and the records nobody waits for.
//!
//! Commands that find it full wait outside, in order. Records (audit, checkpoint) never wait: beyond
//! [`limits::AUDIT_WAITING`] the oldest are dropped and counted.

use super::command::Command;
use crate::StoreError;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{AcquireError, Semaphore};
use tombolo_kernel::audit::AuditRecord;
use tombolo_kernel::limits;

/// Bytes that one permit stands for: with [`limits::STORE_QUEUE`] permits, 128 MiB may wait.
const PERMIT_BYTES: usize = 16 << 10;
/// Permits in one group commit, about 16 MiB: a larger one makes the first in it wait for the last.
const GROUP_PERMITS: usize = (16 << 20) / PERMIT_BYTES;
/// How long a record waits for a commit to go along with.
const RECORDS_WAIT: Duration = Duration::from_millis(100);
/// How long records rest after a failed commit, if no command tries sooner.
const RECORDS_REST: Duration = Duration::from_secs(1);

/// The queue of one store.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct Inner {
    commands: VecDeque<(Command, u32)>,
    records: Records,
    /// When the oldest record came.
    since: Option<Instant>,
    closed: bool,
    waiting: Waiting,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    #[default]
    No,
    /// Records will be picked up by time.
    ForCommands,
    ForAnything,
}

/// What goes along with the next commit.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) audits: VecDeque<Arc<AuditRecord>>,
    /// Dropped since the last commit.
    pub(crate) lost: u64,
    pub(crate) checkpoint: Option<i64>,
    /// How far collectors of the audit are.
    pub(crate) exported: BTreeMap<String, i64>,
}

impl Records {
    fn is_empty(&self) -> bool {
        self.audits.is_empty() && self.checkpoint.is_none() && self.exported.is_empty()
    }

    fn bound(&mut self) {
        while self.audits.len() > limits::AUDIT_WAITING {
            self.audits.pop_front();
            self.lost += 1;
        }
    }
}

/// What the writer takes at once.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) commands: Vec<Command>,
    pub(crate) records: Records,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            wake: Condvar::new(),
            room: Semaphore::new(limits::STORE_QUEUE),
        }
    }

    /// Hands a command to the writer; waits while the queue is full.
    pub(crate) async fn push(&self, command: Command) -> Result<(), StoreError> {
        let permits = (1 + command.bytes() / PERMIT_BYTES).min(limits::STORE_QUEUE);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let closed = |_: AcquireError| {
            StoreError::Unavailable("the store is closed: the host is stopping".into())
        };
        self.room
            .acquire_many(permits)
            .await
            .map_err(closed)?
            .forget();
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(StoreError::Unavailable(
                "the store is closed: the host is stopping".into(),
            ));
        }
        inner.commands.push_back((command, permits));
        if inner.waiting != Waiting::No {
            inner.waiting = Waiting::No;
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Keeps a record for the next commit. Never waits.
    pub(crate) fn record(&self, keep: impl FnOnce(&mut Records)) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return;
        }
        keep(&mut inner.records);
        inner.records.bound();
        if inner.since.is_none() {
            inner.since = Some(Instant::now());
        }
        if inner.waiting == Waiting::ForAnything {
            inner.waiting = Waiting::No;
            self.wake.notify_one();
        }
    }

    /// Takes what waits, up to one group. Blocks until there is a command, or a record has waited long enough; gathers
    /// until `gather` unless a group is full. `None` when the queue is closed and empty.
    pub(crate) fn take(&self, gather: Option<Instant>) -> Option<Group> {
        let mut inner = self.inner.lock();
        loop {
            let now = Instant::now();
            let overdue = inner
                .since
                .is_some_and(|since| now.duration_since(since) >= RECORDS_WAIT);
            if !inner.commands.is_empty() || overdue {
                let full = inner.commands.len() >= limits::GROUP_COMMIT;
                if let Some(until) = gather.filter(|until| now < *until && !full && !inner.closed) {
                    self.wake.wait_until(&mut inner, until);
                    continue;
                }
                return Some(self.drain(&mut inner));
            }
            if inner.closed {
                return (!inner.records.is_empty()).then(|| self.drain(&mut inner));
            }
            if let Some(since) = inner.since {
                inner.waiting = Waiting::ForCommands;
                self.wake.wait_until(&mut inner, since + RECORDS_WAIT);
            } else {
                inner.waiting = Waiting::ForAnything;
                self.wake.wait(&mut inner);
            }
            inner.waiting = Waiting::No;
        }
    }

    fn drain(&self, inner: &mut Inner) -> Group {
        let mut commands = Vec::with_capacity(inner.commands.len().min(limits::GROUP_COMMIT));
        let mut freed = 0;
        while commands.len() < limits::GROUP_COMMIT && freed < GROUP_PERMITS {
            let Some((command, permits)) = inner.commands.pop_front() else {
                break;
            };
            freed += permits as usize;
            commands.push(command);
        }
        self.room.add_permits(freed);
        inner.since = None;
        Group {
            commands,
            records: std::mem::take(&mut inner.records),
        }
    }

    /// Puts records back after a failed commit, before those that came since.
    pub(crate) fn put_back(&self, mut records: Records) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return;
        }
        let newer = std::mem::take(&mut inner.records);
        records.audits.extend(newer.audits);
        records.lost += newer.lost;
        records.checkpoint = records.checkpoint.max(newer.checkpoint);
        records.exported.extend(newer.exported);
        records.bound();
        inner.records = records;
        inner.since = Some(Instant::now() + RECORDS_REST);
    }

    /// Takes no more. What is in it is still written.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.room.close();
        self.wake.notify_one();
    }

    /// The writer is gone: what is left is dropped, and whoever waits for it is told.
    pub(crate) fn abandon(&self) {
        self.close();
        self.inner.lock().commands.clear();
    }
}
