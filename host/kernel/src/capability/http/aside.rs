//! Calls that leave beside the one that a guest made: requests for its token, and a first try whose token was refused.
//! Each is on record as a call of its own, also one that was cut off.

use std::time::Instant;

use super::exchange::{Raw, Trouble};
use crate::capability::Record;

/// Takes the record of a call that left beside the guest's own.
pub(super) type Tell<'t> = &'t (dyn Fn(Record) + Send + Sync);

/// One such call, told when this goes.
pub(super) struct Aside<'t> {
    tell: Tell<'t>,
    record: Record,
    began: Instant,
}

impl<'t> Aside<'t> {
    /// A call of so many bytes that began then.
    pub(super) fn of(
        tell: Tell<'t>,
        began: Instant,
        connection: &str,
        what: String,
        sent: u64,
    ) -> Self {
        let record = Record {
            target: connection.to_owned(),
            what,
            outcome: "cut off: the call ended before the answer came".to_owned(),
            denied: false,
            micros: 0,
            sent,
            received: 0,
        };
        Self {
            tell,
            record,
            began,
        }
    }

    /// How it ended.
    pub(super) fn end(mut self, result: &Result<Raw, Trouble>) {
        let record = &mut self.record;
        match result {
            Ok(raw) => {
                record.outcome = raw.status.as_u16().to_string();
                record.received = raw.body.len() as u64;
            }
            Err(trouble) => {
                record.outcome = trouble.error.outcome();
                if trouble.refused {
                    (record.denied, record.sent) = (true, 0);
                }
            }
        }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let mut record = self.record.clone();
        record.micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.tell)(record);
    }
}
