//! Pulling runs out of the store that wait for a system: one probes while it is down, all follow when it is back, oldest
//! first, and no more at a time than the system can take.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use tombolo_kernel::event::Event;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::{ActionCall, Outcome};

use super::Engine;
use super::gate::breaker::{Leave, Outage};
use super::gate::{Ahead, Gate};
use super::outage_event;

/// Names of runs read at once.
const PAGE: u32 = 512;
/// How long it sleeps when all that waits is in hands already.
const SHORT: Duration = Duration::from_millis(50);
/// How long at most: also how soon an outage without a known end is looked at.
const LONG: Duration = Duration::from_secs(60);

/// How calls to one system go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryStatus {
    /// The system.
    #[serde(skip)]
    pub system: String,
    /// It is down.
    pub outage: Option<Outage>,
    /// Runs in the store that wait for it.
    pub parked: u64,
    /// Runs in memory that call it or are about to.
    pub inside: usize,
}

/// How a delivery went.
pub(super) enum Delivered {
    /// The call ended; `outage`: because the system is down.
    Ended {
        outcome: Outcome<String>,
        outage: bool,
    },
    /// It was not made, or only to probe: the run waits for the system.
    Parked,
}

impl Engine {
    /// How calls to every system go that one went to since the start.
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryStatus> {
        let of = |gate: &Arc<Gate>| DeliveryStatus {
            system: gate.system.clone(),
            outage: gate.breaker.outage(),
            parked: gate.parked(),
            inside: gate.inside(),
        };
        self.gates.all().iter().map(of).collect()
    }

    /// A system may take calls again that [rested](tombolo_kernel::system::Actor::rests): its runs go on.
    pub fn look_again(&self, system: &str) {
        self.gates.of(system).wake.notify_one();
    }

    /// Makes a call when its turn comes. `was_parked`: the run's row says already that it waits for this system.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        gate: &Gate,
        ahead: Option<&Ahead>,
        was_parked: bool,
        call: ActionCall,
        left: Option<Duration>,
    ) -> Delivered {
        if self.parts.actor.rests(&gate.system).is_some() {
            return Delivered::Parked;
        }
        let crowded = self.is_crowded();
        let entering = gate.enter(&*self.parts.clock, ahead, crowded);
        let began = tokio::time::Instant::now();
        let turn = match left {
            None => entering.await,
            Some(left) => match tokio::time::timeout(left, entering).await {
                Ok(turn) => turn,
                Err(_) => return Delivered::Parked, // Its time has passed; woken, the run says so.
            },
        };
        let Some(turn) = turn else {
            return Delivered::Parked;
        };
        let acting = self.parts.actor.act(&gate.system, call);
        let outcome = match left {
            None => acting.await,
            Some(left) => {
                let still = left.saturating_sub(began.elapsed());
                tokio::time::timeout(still, acting)
                    .await
                    .unwrap_or_else(|_| timed_out(left))
            }
        };
        let is_unavailable = matches!(outcome.result, Err(Failure::Unavailable { .. }));
        if is_unavailable && self.parts.actor.rests(&gate.system).is_some() {
            // It was taken out of service on the way: no fault of the call.
            return Delivered::Parked;
        }
        let outage = self.judge(gate, &outcome.result, turn.is_probe);
        if outage && turn.is_probe && was_parked {
            // The row stays as it is: a probe that failed costs the store nothing but the audit's record.
            return Delivered::Parked;
        }
        Delivered::Ended { outcome, outage }
    }

    /// Learns from a call whether its system is down.
    pub(super) fn judge<T>(
        self: &Arc<Self>,
        gate: &Gate,
        result: &Result<T, Failure>,
        was_probe: bool,
    ) -> bool {
        let system = gate.system.as_str();
        match result {
            Err(failure @ Failure::Unavailable { .. }) => {
                let was_down = gate.breaker.outage().is_some();
                let is_down = gate
                    .breaker
                    .failed(self.now(), &failure.to_string(), was_probe);
                if is_down && !was_down {
                    tracing::warn!(system, %failure, "the system is down; runs that need it wait in the store");
                    let outage = gate.breaker.outage();
                    self.alert(outage.and_then(|outage| outage_event::down(system, &outage)));
                }
                if was_probe {
                    gate.wake.notify_one();
                }
                is_down
            }
            Err(
                failure @ Failure::RateLimited {
                    retry_after_ms: Some(told_ms),
                    ..
                },
            ) => {
                let ended = gate
                    .breaker
                    .limited(self.now(), *told_ms, &failure.to_string());
                self.is_back(gate, ended);
                gate.wake.notify_one();
                false
            }
            _ => {
                if let Some(ended) = gate.breaker.answered(was_probe) {
                    let outage = Some(ended).filter(|outage| !outage.limited);
                    self.is_back(gate, outage);
                    gate.wake.notify_one();
                }
                false
            }
        }
    }

    /// Tells people that an outage ended.
    fn is_back(self: &Arc<Self>, gate: &Gate, ended: Option<Outage>) {
        let Some(ended) = ended else { return };
        let (system, now) = (gate.system.as_str(), self.now());
        let (seconds, parked) = (now.saturating_sub(ended.since_ms) / 1_000, gate.parked());
        tracing::info!(
            system,
            seconds,
            parked,
            "the system is back; its runs go on"
        );
        self.alert(outage_event::up(system, &ended, parked, now));
    }

    /// Puts an event of the host's own into the log, behind what goes on.
    fn alert(self: &Arc<Self>, event: Option<Event>) {
        let (engine, Some(event)) = (Arc::clone(self), event) else {
            return;
        };
        tokio::spawn(async move {
            // A store that is down is reported where it was met; the outage itself is in the host's log.
            let _ = engine.publish(vec![event]).await;
        });
    }

    /// A run waits in the store for the system: somebody must pull it out.
    pub(super) fn pull(self: &Arc<Self>, gate: &Arc<Gate>) {
        if gate.is_pulling.swap(true, Ordering::SeqCst) {
            return;
        }
        let (engine, gate) = (Arc::clone(self), Arc::clone(gate));
        tokio::spawn(async move { engine.pull_all(&gate).await });
    }

    async fn pull_all(self: Arc<Self>, gate: &Arc<Gate>) {
        let mut after: Option<String> = None;
        while !self.is_stopping() {
            if gate.parked() == 0 {
                gate.is_pulling.store(false, Ordering::SeqCst);
                // One may have come between the two lines.
                if gate.parked() == 0 || gate.is_pulling.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
            if self.parts.actor.rests(&gate.system).is_some() {
                // Told by `look_again`; the pause is for what nobody tells.
                self.pause(gate, LONG).await;
                continue;
            }
            let probe = match gate.breaker.ask(self.now()) {
                Leave::Go => false,
                Leave::Probe => true,
                Leave::Rest => {
                    let rest = gate.breaker.rests_for(self.now()).unwrap_or(0).max(1);
                    self.pause(gate, Duration::from_millis(rest).min(LONG))
                        .await;
                    continue;
                }
            };
            if !self.has_room().await {
                return;
            }
            let limit = if probe { 1 } else { PAGE };
            let Some(page) = self.parked_page(gate, &mut after, limit).await else {
                return;
            };
            let mut taken = 0usize;
            for id in page {
                let Ok(place) = Arc::clone(&gate.pulled).acquire_owned().await else {
                    return;
                };
                if !probe && gate.breaker.rests_for(self.now()).is_some() {
                    break; // It went down again; the rest is found again.
                }
                taken += usize::from(self.take_up(id, Some(Ahead::new(place, probe))));
            }
            if taken == 0 && !probe {
                self.pause(gate, SHORT).await;
            }
        }
    }

    /// The next of them; after the last the first again.
    async fn parked_page(
        &self,
        gate: &Gate,
        after: &mut Option<String>,
        limit: u32,
    ) -> Option<Vec<String>> {
        loop {
            let page = self
                .insist("reading runs that wait for a system", || {
                    self.parts
                        .store
                        .parked(&gate.system, after.as_deref(), limit)
                })
                .await?;
            let was_end = page.is_empty() && after.is_some();
            *after = page.last().cloned();
            if !was_end {
                return Some(page);
            }
        }
    }

    async fn pause(&self, gate: &Gate, longest: Duration) {
        tokio::select! {
            () = gate.wake.notified() => {}
            () = self.stop.notified() => {}
            () = tokio::time::sleep(longest) => {}
        }
    }
}

fn timed_out<T>(after: Duration) -> Outcome<T> {
    let message = format!(
        "the step's timeout passed: no answer within {} ms",
        after.as_millis()
    );
    Outcome::refused(Failure::Unavailable {
        message,
        retry_after_ms: None,
    })
}
