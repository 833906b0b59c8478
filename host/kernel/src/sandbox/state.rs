//! What one instance's store holds: the system it belongs to, its limits, and the call under way.

use std::sync::Arc;

use tokio::time::Instant;

use super::limiter::Limiter;
use super::meter::{Meter, waiting};
use crate::audit::{AuditRecord, Kind};
use crate::capability::Record;
use crate::capability::log::LogBudget;
use crate::limits;
use crate::system::Prepared;

/// The store's data. It is reachable only from this instance.
pub(crate) struct StoreState {
    pub(super) system: Arc<Prepared>,
    pub(super) meter: Arc<Meter>,
    pub(super) limiter: Limiter,
    pub(super) call: CallState,
}

/// The call under way.
#[derive(Debug)]
pub(crate) struct CallState {
    /// What caused it, for records.
    cause: Cause,
    /// Carried on to the actions it calls.
    pub(super) idempotency_key: Option<String>,
    pub(super) attempt: u32,
    /// How many `actions.call` are above it.
    pub(super) depth: u8,
    /// Carried on, so that a lane is whole in the systems that it reaches through others.
    pub(super) lane: Option<u64>,
    /// The coarse clock: the same during one call.
    pub(super) now_ms: u64,
    /// When it is ended.
    pub(crate) deadline: Instant,
    pub(super) host_calls: u32,
    pub(super) log: LogBudget,
    /// What left or was denied so far. The audit has it already.
    pub(super) outward: Vec<Arc<AuditRecord>>,
    /// Denials so far, and of what the last one was that has no record of its own.
    denials: u32,
    unrecorded: Option<Kind>,
}

/// What caused a call.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// A run and its step, or whatever the caller said.
    Given(String),
    /// A hook.
    Hook(String),
    /// A feed.
    Feed(String),
}

/// A call that the guest made too many of.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it made more than {} host calls", limits::HOST_CALLS)]
pub(super) struct TooManyHostCalls;

/// A use of a capability that is under way; it leaves a record even if the call is cut off.
pub(super) struct Open<'s> {
    state: &'s mut StoreState,
    meter: Arc<Meter>,
    capability: Kind,
    target: String,
    what: String,
    at_ms: u64,
    began: std::time::Instant,
    closed: bool,
}

impl CallState {
    pub(crate) fn new(cause: Cause, now_ms: u64, deadline: Instant) -> Self {
        Self {
            cause,
            idempotency_key: None,
            attempt: 1,
            depth: 0,
            lane: None,
            now_ms,
            deadline,
            host_calls: 0,
            log: LogBudget::default(),
            outward: Vec::new(),
            denials: 0,
            unrecorded: None,
        }
    }

    /// Carries on what the caller of an action said.
    pub(crate) fn of_step(
        self,
        idempotency_key: String,
        attempt: u32,
        depth: u8,
        lane: Option<u64>,
    ) -> Self {
        Self {
            idempotency_key: Some(idempotency_key),
            attempt,
            depth,
            lane,
            ..self
        }
    }

    /// Time until the deadline, but for the last of it: whoever waited in vain can still say for what.
    pub(super) fn left(&self) -> std::time::Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.checked_sub(limits::LAST_WORDS).unwrap_or(left)
    }

    pub(super) fn take_outward(&mut self) -> Vec<Arc<AuditRecord>> {
        std::mem::take(&mut self.outward)
    }
}

impl Cause {
    fn text(&self, system: &str) -> String {
        match self {
            Self::Given(cause) => cause.clone(),
            Self::Hook(hook) => format!("hooks/{system}/{hook}"),
            Self::Feed(feed) => format!("feeds/{system}/{feed}"),
        }
    }
}

impl StoreState {
    /// Counts one host call.
    ///
    /// # Errors
    /// There were too many in this call.
    pub(super) fn count(&mut self) -> Result<(), TooManyHostCalls> {
        self.call.host_calls = self.call.host_calls.saturating_add(1);
        if self.call.host_calls > limits::HOST_CALLS {
            Err(TooManyHostCalls)
        } else {
            Ok(())
        }
    }

    /// Begins a use of a capability.
    pub(super) fn open(&mut self, capability: Kind, target: String, what: String) -> Open<'_> {
        let at_ms = self.system.clock.now_ms();
        let meter = Arc::clone(&self.meter);
        Open {
            state: self,
            meter,
            capability,
            target,
            what,
            at_ms,
            began: std::time::Instant::now(),
            closed: false,
        }
    }

    /// Records what leaves beside a use of a capability, at once: under the same cause.
    pub(super) fn aside(&self, capability: Kind) -> impl Fn(Record) + Send + Sync + use<> {
        let (system, cause) = (Arc::clone(&self.system), self.cause_text());
        move |record| {
            let began = system.clock.now_ms().saturating_sub(record.micros / 1_000);
            let record = system.outward(capability, began, record, cause.clone());
            system.audit.record(Arc::new(record));
        }
    }

    /// Records a refusal: nothing left.
    pub(super) fn denied(&mut self, capability: Kind, target: &str, what: String, why: &str) {
        let at_ms = self.system.clock.now_ms();
        let record = Record {
            target: target.to_owned(),
            what,
            outcome: format!("denied: {why}"),
            denied: true,
            micros: 0,
            sent: 0,
            received: 0,
        };
        self.record(capability, at_ms, record);
    }

    /// What caused the call, as records name it.
    pub(super) fn cause_text(&self) -> String {
        self.call.cause.text(&self.system.name)
    }

    /// At once, not when the call ends: its caller may go away before.
    fn record(&mut self, capability: Kind, at_ms: u64, record: Record) {
        if record.denied {
            self.call.denials = self.call.denials.saturating_add(1);
            if self.call.denials > limits::AUDIT_DENIALS {
                self.call.unrecorded = Some(capability);
                return;
            }
        }
        let record = self
            .system
            .outward(capability, at_ms, record, self.cause_text());
        let record = Arc::new(record);
        self.system.audit.record(Arc::clone(&record));
        self.call.outward.push(record);
    }

    /// How many denials have no record of their own: a guest that is denied again and again fills no disk.
    pub(super) fn sum_up(&mut self) {
        let Some(capability) = self.call.unrecorded.take() else {
            return;
        };
        let more = self.call.denials.saturating_sub(limits::AUDIT_DENIALS);
        self.call.denials = 0;
        let at_ms = self.system.clock.now_ms();
        let what = format!("{more} more in this call");
        let record = Record {
            target: String::new(),
            what,
            outcome: "denied".to_owned(),
            denied: true,
            micros: 0,
            sent: 0,
            received: 0,
        };
        self.record(capability, at_ms, record);
    }
}

impl Drop for StoreState {
    fn drop(&mut self) {
        // The caller went away during the call.
        self.sum_up();
    }
}

impl Open<'_> {
    /// Waits for what the capability does; the guest is not charged.
    pub(super) async fn waiting<F: Future>(&self, future: F) -> F::Output {
        waiting(&self.meter, future).await
    }

    /// The records so far.
    pub(super) fn outward(&mut self) -> &mut Vec<Arc<AuditRecord>> {
        &mut self.state.call.outward
    }

    /// Ends it with the capability's own record.
    pub(super) fn close(mut self, record: Record) {
        self.closed = true;
        self.state.record(self.capability, self.at_ms, record);
    }

    /// Ends it with a record of what is known here.
    pub(super) fn close_with(mut self, outcome: String, sent: usize, received: usize) {
        let record = self.own(outcome, sent as u64, received as u64);
        self.close(record);
    }

    fn own(&mut self, outcome: String, sent: u64, received: u64) -> Record {
        Record {
            target: std::mem::take(&mut self.target),
            what: std::mem::take(&mut self.what),
            outcome,
            denied: false,
            micros: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            sent,
            received,
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.closed {
            let record = self.own(
                "cut off: the call ended before the answer came".into(),
                0,
                0,
            );
            self.state.record(self.capability, self.at_ms, record);
        }
    }
}
