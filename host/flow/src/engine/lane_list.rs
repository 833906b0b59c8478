//! Lanes as people see them: how long, how old, and why the head waits.

use serde::Serialize;
use tombolo_store::{LaneRow, RunStatus, StoreError};

use super::{Engine, lanes};

/// A lane with unfinished runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneStatus {
    /// Its flow.
    pub flow: String,
    /// Its key.
    pub lane: String,
    /// Unfinished runs in it.
    pub length: u64,
    /// Since when its head is there, milliseconds since the epoch.
    pub since_ms: u64,
    /// The head's run; none where only memory knows it yet.
    pub head: Option<String>,
    /// Why it stands still, for people.
    pub why: String,
}

impl Engine {
    /// Lanes whose head is oldest, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn lanes(&self, limit: u32) -> Result<Vec<LaneStatus>, StoreError> {
        let stored = self.parts.store.lanes(limit).await?;
        let mut all: Vec<LaneStatus> = stored.into_iter().map(|row| self.lane_of(row)).collect();
        let behind = self.lanes.lock().behind();
        for (name, length, since_ms) in behind {
            let (flow, key) = lanes::parts(&name);
            match all
                .iter_mut()
                .find(|lane| lane.flow == flow && lane.lane == key)
            {
                Some(lane) => lane.length += length,
                None => all.push(LaneStatus {
                    flow: flow.to_owned(),
                    lane: key.to_owned(),
                    // The head is in no store as long as it has not waited.
                    length: length + 1,
                    since_ms,
                    head: None,
                    why: "its head is being carried out".to_owned(),
                }),
            }
        }
        all.sort_by_key(|lane| lane.since_ms);
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    fn lane_of(&self, row: LaneRow) -> LaneStatus {
        let head = row.head;
        let why = match (head.status, &head.needs, head.wake_ms) {
            (RunStatus::Waiting, Some(system), _) => {
                let outage = self.gates.of(system).breaker.outage();
                match outage {
                    Some(outage) => format!("the system {system} is down: {}", outage.why),
                    None => format!("the system {system} has more to do"),
                }
            }
            (RunStatus::Waiting, None, Some(_)) => {
                "its head waits for its next attempt or a timeout".to_owned()
            }
            (RunStatus::Waiting, None, None) => "its head waits for an answer".to_owned(),
            (RunStatus::Queued, ..) => "its head is about to begin".to_owned(),
            _ => "its head is being carried out".to_owned(),
        };
        LaneStatus {
            flow: head.flow,
            lane: head.lane,
            length: row.length,
            since_ms: head.started_ms,
            head: Some(head.id),
            why,
        }
    }
}
