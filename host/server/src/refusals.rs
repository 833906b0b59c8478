//! Requests that were refused for their token, their right or their signature: on record, and bounded. The first of a
//! kind is recorded at once; of those that follow within a minute only how many there were. Nobody can fill the disk by
//! knocking.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};

use crate::core::Core;
use crate::host::told_to_stop;

/// How long refusals of one kind are counted together.
const TOGETHER: Duration = Duration::from_secs(60);
/// Kinds that are told apart at a time: places are few, and known tokens too. Beyond it the rest count as one.
const APART: usize = 256;

/// What tells refusals apart: why, with which known token, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refused {
    /// Status and reason: `401 no valid token`.
    pub(crate) why: &'static str,
    /// The token's name, if it is known.
    pub(crate) token: String,
    /// The way in: `/api`, `/events`, a hook of the site. Never what only the sender says.
    pub(crate) place: String,
}

/// Those of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Refused, Counted>>);

#[derive(Debug)]
struct Counted {
    since_ms: u64,
    more: u64,
}

impl Refusals {
    /// Takes note of one. The first of its kind is a record.
    pub(crate) fn note(&self, refused: Refused, now_ms: u64) -> Option<AuditRecord> {
        let mut counted = self.0.lock();
        let refused = match counted.len() < APART || counted.contains_key(&refused) {
            true => refused,
            false => Refused {
                why: "401 or 403",
                token: String::new(),
                place: "elsewhere".to_owned(),
            },
        };
        if let Some(known) = counted.get_mut(&refused) {
            known.more += 1;
            return None;
        }
        let record = record(&refused, now_ms, refused.why.to_owned());
        let since_ms = now_ms;
        counted.insert(refused, Counted { since_ms, more: 0 });
        Some(record)
    }

    /// Forgets those whose minute is over, or all; what was counted is a record.
    pub(crate) fn summed_up(&self, now_ms: u64, all: bool) -> Vec<AuditRecord> {
        let minute = u64::try_from(TOGETHER.as_millis()).unwrap_or(u64::MAX);
        let mut records = Vec::new();
        self.0.lock().retain(|refused, counted| {
            let is_over = all || now_ms.abs_diff(counted.since_ms) >= minute;
            if is_over && counted.more > 0 {
                let words = format!("{}; {} more within a minute", refused.why, counted.more);
                records.push(record(refused, counted.since_ms, words));
            }
            !is_over
        });
        records
    }
}

fn record(refused: &Refused, at_ms: u64, status: String) -> AuditRecord {
    AuditRecord::new(Kind::Refusal, at_ms)
        .about(refused.place.clone())
        .through(refused.token.clone())
        .ended(Outcome::Denied, status)
}

/// Sums up every minute until the host stops, and then what is left.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        let stops = tokio::select! {
            () = told_to_stop(&mut stopped) => true,
            () = tokio::time::sleep(TOGETHER) => false,
        };
        // Tokens that nobody came with yet go on record, too.
        core.kept.current();
        for record in core.refusals.summed_up(core.clock.now_ms(), stops) {
            core.note(record);
        }
        if stops {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(place: &str) -> Refused {
        Refused {
            why: "401 no valid token",
            token: String::new(),
            place: place.to_owned(),
        }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_by_their_number() {
        let refusals = Refusals::default();
        let first = refusals
            .note(refused("/api"), 1_000)
            .map(|record| record.status);
        assert_eq!(first.as_deref(), Some("401 no valid token"));
        for n in 0..10_000 {
            assert_eq!(refusals.note(refused("/api"), 1_000 + n), None);
        }
        assert!(refusals.note(refused("/events"), 2_000).is_some());
        assert_eq!(refusals.summed_up(60_999, false), []);
        let told: Vec<_> = refusals
            .summed_up(61_000, false)
            .into_iter()
            .map(|record| (record.what, record.status))
            .collect();
        let words = "401 no valid token; 10000 more within a minute";
        assert_eq!(told, [("/api".to_owned(), words.to_owned())]);
        assert!(refusals.note(refused("/api"), 61_001).is_some());
        assert_eq!(refusals.summed_up(61_002, true), [], "nothing more came");
    }

    #[test]
    fn many_kinds_of_refusals_take_bounded_room() {
        let refusals = Refusals::default();
        let records = (0..10_000).filter_map(|n| refusals.note(refused(&format!("/{n}")), 0));
        assert_eq!(records.count(), APART + 1);
        let summed_up = refusals.summed_up(0, true);
        assert_eq!(summed_up.len(), 1);
        assert!(summed_up[0].status.contains("9743 more"), "{summed_up:?}");
    }
}
