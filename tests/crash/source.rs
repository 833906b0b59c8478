//! The table that a feed reads: rows with growing numbers, in several lanes. A row that was handed out is in the journal,
//! as an event that was acknowledged is: it must become an event, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::journal::{Entry, Journal};
use crate::loads::{LOADS, Load, Way};
use crate::record::Record;
use crate::sender::data;

/// The table.
pub(crate) struct Source {
    load: &'static Load,
    journal: Arc<Journal>,
    record: Arc<Record>,
    /// Rows that exist.
    rows: Mutex<u64>,
    closed: AtomicBool,
}

impl Source {
    pub(crate) fn new(journal: &Arc<Journal>, record: &Arc<Record>) -> Self {
        let load = LOADS
            .iter()
            .find(|load| load.way == Way::Feed)
            .expect("a load that is fed");
        Self {
            load,
            journal: Arc::clone(journal),
            record: Arc::clone(record),
            rows: Mutex::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// From now on it does not grow.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// The rows behind a number. It grows while it is read, as far as the sink keeps up.
    pub(crate) fn page(&self, after: u64, limit: u64) -> String {
        let mut rows = self.rows.lock().unwrap();
        let last = (after + limit).min(self.reach(*rows));
        for no in *rows + 1..=last {
            self.journal.note(&[self.entry(no)]);
        }
        *rows = last.max(*rows);
        let page: Vec<_> = (after + 1..=last)
            .map(|no| {
                let entry = self.entry(no);
                let mut row = data(self.load, &entry);
                row["no"] = json!(no);
                row["key"] = json!(entry.key);
                row
            })
            .collect();
        json!(page).to_string()
    }

    /// How many rows there may be.
    fn reach(&self, rows: u64) -> u64 {
        if self.closed.load(Ordering::SeqCst) {
            return rows;
        }
        let slowest = (0..self.load.keys)
            .map(|key| self.record.seen(self.load.flow, &format!("k{key}")))
            .min();
        (slowest.unwrap_or(0) + self.load.ahead) * u64::from(self.load.keys)
    }

    fn entry(&self, no: u64) -> Entry {
        let keys = u64::from(self.load.keys);
        Entry {
            flow: self.load.flow.to_owned(),
            key: format!("k{}", (no - 1) % keys),
            n: (no - 1) / keys + 1,
        }
    }
}
