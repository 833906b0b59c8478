//! What the host acknowledged, as its senders saw it: a file of the driver's own, one line per event, written before the
//! sender goes on. The host knows nothing of it. What is killed is the host, never the driver, so it needs no sync.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::sync::watch;

/// The file while it grows.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: Mutex<File>,
    count: watch::Sender<u64>,
}

/// One acknowledged event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// Which kind of load: also the flow's name.
    pub(crate) flow: String,
    /// The key of its lane.
    pub(crate) key: String,
    /// Its number in the lane, from 1.
    pub(crate) n: u64,
}

impl Entry {
    /// The event's id, where it has one.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}-{}", self.flow, self.key, self.n)
    }
}

impl Journal {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(File::create(path)?),
            count: watch::Sender::new(0),
        })
    }

    /// Writes down what was acknowledged.
    pub(crate) fn note(&self, entries: &[Entry]) {
        let lines: String = entries
            .iter()
            .map(|entry| format!("{} {} {}\n", entry.flow, entry.key, entry.n))
            .collect();
        let mut file = self.file.lock().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        self.count
            .send_modify(|count| *count += entries.len() as u64);
    }

    /// How many were acknowledged, as it changes.
    pub(crate) fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }
}

/// Reads the whole file back.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    std::fs::read_to_string(path)?
        .lines()
        .map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let entry = (|| {
                Some(Entry {
                    flow: words.next()?,
                    key: words.next()?,
                    n: words.next()?.parse().ok()?,
                })
            })();
            entry.ok_or_else(|| anyhow::anyhow!("the journal has the line {line:?}"))
        })
        .collect()
}
