//! One system's place among the connected ones: what runs there, and what is wrong with what should.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::breaker::{Breaker, Quarantine};
use super::canary::Canary;
use super::leave::Leave;
use super::{LifeNews, Outcome, Prepared, SystemSpec, SystemState, SystemStatus};
use crate::audit::{self, Kind};
use crate::failure::Failure;
use crate::package::Signer;
use crate::sandbox::{CallState, Cause, Ended, Export, Pool};

/// A version that takes calls. The one before it lives on until its last call has ended.
pub(super) struct Running {
    pub(super) identity: Identity,
    pub(super) prepared: Arc<Prepared>,
    pub(super) pool: Arc<Pool>,
    pub(super) breaker: Breaker,
    /// By whose leave it goes on.
    pub(super) leave: Leave,
    /// Since when it takes calls.
    pub(super) since_ms: u64,
    pub(super) news: Arc<News>,
    /// Whether calls that are still under way are cut off.
    pub(super) cut: watch::Sender<bool>,
}

/// Who is told of what systems do by themselves.
pub(super) type News = OnceLock<Box<dyn Fn(&str, LifeNews) + Send + Sync>>;

/// Where a system stands.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) running: ArcSwapOption<Running>,
    /// A newer version beside it that has a share of the lanes.
    pub(super) canary: ArcSwapOption<Canary>,
    /// Versions before it whose last calls may be under way.
    pub(super) ending: Mutex<Vec<Weak<Running>>>,
    /// Why the newest version does not run, if it does not.
    pub(super) trouble: Mutex<Option<Trouble>>,
    /// Held while a version is made ready: one at a time.
    pub(super) connecting: Arc<tokio::sync::Mutex<()>>,
}

/// Why a version does not run.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) identity: Identity,
    pub(super) held_back: bool,
    pub(super) message: String,
}

/// Which version.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) adapter: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) signer: Signer,
}

impl Identity {
    pub(super) fn of(spec: &SystemSpec) -> Self {
        let identity = &spec.package.manifest.adapter;
        Self {
            adapter: identity.name.clone(),
            version: identity.version.clone(),
            digest: spec.package.digest.clone(),
            signer: spec.signer.clone(),
        }
    }
}

impl Running {
    /// Carries out one call, unless the system rests. `None`: it was cut off because another version had taken this
    /// one's place for [`limits::SWAP_DRAIN`](crate::limits::SWAP_DRAIN); what left is on record.
    pub(super) async fn call_until_cut<E: Export>(
        &self,
        export: E,
        make: impl FnOnce(CallState) -> CallState,
        cause: Cause,
    ) -> Option<Outcome<E::Output>> {
        let mut cut = self.cut.subscribe();
        tokio::select! {
            biased;
            outcome = self.call(export, make, cause) => Some(outcome),
            // The sender lives as long as this.
            _ = cut.wait_for(|cut| *cut) => None,
        }
    }

    /// Cuts off what is still under way after the time that calls are given.
    pub(super) fn drain(self: &Arc<Self>) {
        let running = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(crate::limits::SWAP_DRAIN).await;
            if let Some(running) = running.upgrade() {
                running.cut.send_replace(true);
            }
        });
    }

    /// Carries out one call, unless the system rests.
    pub(super) async fn call<E: Export>(
        &self,
        export: E,
        make: impl FnOnce(CallState) -> CallState,
        cause: Cause,
    ) -> Outcome<E::Output> {
        let Prepared { clock, limits, .. } = &*self.prepared;
        let now = clock.now_ms();
        if let Some(quarantine) = self.breaker.state() {
            return Outcome::refused(resting(self.crashing(&quarantine)));
        }
        // A call that is under way when the grant expires is cut as by a revocation.
        let granted = self.prepared.grant.expires_ms();
        let granted = granted.map(|end| Duration::from_millis(end.saturating_sub(now)));
        if granted == Some(Duration::ZERO) {
            return Outcome::refused(self.stopped("its grant expired"));
        }
        let granted = granted.filter(|left| *left < limits.deadline);
        let deadline = tokio::time::Instant::now() + limits.deadline;
        let call = make(CallState::new(cause, now, deadline));
        let Ended {
            result,
            reached,
            crashed,
            outward,
            guest_micros,
        } = tokio::select! {
            biased;
            why = self.leave.taken() => return Outcome::refused(self.stopped(&why)),
            () = after(granted) => return Outcome::refused(self.stopped("its grant expired")),
            ended = self.pool.call(export, call) => ended,
        };
        if reached {
            self.judge(&result, crashed);
        }
        Outcome {
            result,
            crashed,
            outward,
            guest_micros,
        }
    }

    fn judge<T>(&self, result: &Result<T, Failure>, crashed: bool) {
        match result {
            Err(failure) if crashed => {
                let Prepared {
                    name, clock, audit, ..
                } = &*self.prepared;
                if let Some(quarantine) = self.breaker.crashed(clock.now_ms(), &failure.to_string())
                {
                    tracing::error!(
                        system = %name,
                        "the system crashed {} times in its last {} calls and rests until it is enabled or replaced; the last: {}",
                        crate::limits::CRASHES,
                        crate::limits::CRASHES_OF,
                        quarantine.message
                    );
                    let record = self
                        .prepared
                        .record(Kind::Quarantine, self.prepared.adapter.clone())
                        .ended(audit::Outcome::Failed, quarantine.message.clone());
                    audit.record(Arc::new(record));
                    if let Some(tell) = self.news.get() {
                        tell(name, LifeNews::Quarantined(quarantine));
                    }
                }
            }
            _ => self.breaker.kept(),
        }
    }

    /// What was under way, or would begin, when the leave to run is gone: as of a system that is held back.
    fn stopped(&self, why: &str) -> Failure {
        Failure::Unavailable {
            message: format!("system {} is stopped: {why}", self.prepared.name),
            retry_after_ms: Some(5_000),
        }
    }

    /// That it is quarantined, in words.
    pub(super) fn crashing(&self, quarantine: &Quarantine) -> String {
        let name = &self.prepared.name;
        format!(
            "system {name} kept crashing and rests until `tombolo system enable {name}` or another version; the last crash: {}",
            quarantine.message
        )
    }
}

/// A call that must wait for a person.
pub(super) fn resting(message: String) -> Failure {
    Failure::Unavailable {
        message,
        retry_after_ms: u64::try_from(crate::limits::RESTING_AGAIN.as_millis()).ok(),
    }
}

impl Slot {
    /// How it stands, or nothing if nothing was ever there.
    pub(super) fn status(&self, system: &str) -> Option<SystemStatus> {
        let running = self.running.load();
        let trouble = self.trouble.lock().clone();
        let (identity, state) = match (&*running, trouble) {
            (running, Some(trouble)) => {
                let state = match trouble.held_back {
                    true => SystemState::HeldBack {
                        message: trouble.message,
                        older_running: running.is_some(),
                    },
                    false => SystemState::Failed {
                        message: trouble.message,
                    },
                };
                (trouble.identity, state)
            }
            (Some(running), None) => {
                let state = match running.breaker.state() {
                    Some(Quarantine { since_ms, message }) => {
                        SystemState::Quarantined { since_ms, message }
                    }
                    None => SystemState::Running,
                };
                (running.identity.clone(), state)
            }
            (None, None) => return None,
        };
        let (under_way, instances) = running.as_ref().map_or((0, 0), |running| {
            (running.pool.under_way(), running.pool.instances())
        });
        let Identity {
            adapter,
            version,
            digest,
            signer,
        } = identity;
        Some(SystemStatus {
            system: system.to_owned(),
            adapter,
            version,
            digest,
            signer,
            state,
            expires_ms: running
                .as_ref()
                .and_then(|running| running.prepared.grant.expires_ms()),
            running_since_ms: running.as_ref().map(|running| running.since_ms),
            under_way,
            instances,
        })
    }
}

/// Ends after this time; never without one.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
