//! Memory and tables of one instance, and the memory of all instances together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

use crate::limits;

/// Linear memory of all instances, bytes.
#[derive(Debug, Default)]
pub(crate) struct MemoryOfAll(AtomicU64);

/// Which bound a guest ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It wanted this many bytes of memory in all.
    Memory(u64),
    /// The memory of all instances together is used up.
    MemoryOfAll,
    /// It wanted a table of this many elements.
    Table(usize),
}

/// One instance's share.
#[derive(Debug)]
pub(crate) struct Limiter {
    most: u64,
    has: u64,
    last: u64,
    all: Arc<MemoryOfAll>,
    /// The last refusal of the present call, which explains the trap that usually follows.
    pub(crate) refusal: Option<Refusal>,
}

impl Limiter {
    pub(crate) fn new(most: u64, all: Arc<MemoryOfAll>) -> Self {
        Self {
            most,
            has: 0,
            last: 0,
            all,
            refusal: None,
        }
    }

    /// Bytes of linear memory that it has.
    pub(crate) fn has(&self) -> u64 {
        self.has
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let wanted = self.has.saturating_add(more);
        if wanted > self.most {
            self.refusal = Some(Refusal::Memory(wanted));
            return Ok(false);
        }
        if !self.all.take(more) {
            self.refusal = Some(Refusal::MemoryOfAll);
            return Ok(false);
        }
        self.has = wanted;
        self.last = more;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.has -= self.last;
        self.all.give_back(self.last);
        self.last = 0;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= limits::TABLE_ELEMENTS;
        if !fits {
            self.refusal = Some(Refusal::Table(desired));
        }
        Ok(fits)
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.all.give_back(self.has);
    }
}

impl MemoryOfAll {
    fn take(&self, more: u64) -> bool {
        let taken = self
            .0
            .fetch_add(more, Ordering::Relaxed)
            .saturating_add(more);
        let fits = taken <= limits::MEMORY_OF_ALL;
        if !fits {
            self.give_back(more);
        }
        fits
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}
