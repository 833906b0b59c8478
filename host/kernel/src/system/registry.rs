//! The systems that are connected now: connect, replace, hold back, call.

use std::collections::BTreeMap;
use std::sync::{Arc, Once, Weak};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::breaker::Breaker;
use super::canary::Trial;
use super::leave::Leave;
use super::slot::{Identity, News, Running, Slot, Trouble, resting};
use super::{
    ActionCall, ActionOffer, Actor, ConnectError, Disabled, Inbound, LifeNews, MESSAGE, Outcome,
    Page, Prepared, Reception, Subscribed, SystemSpec, SystemState, SystemStatus, Terms, admit,
    decisions,
};
use crate::audit::SharedAudit;
use crate::capability::broker::Brokers;
use crate::capability::http::HttpClients;
use crate::capability::store::KeyValues;
use crate::capability::{NOT_REACHED, PrepareError};
use crate::clock::SharedClock;
use crate::failure::Failure;
use crate::grant::Grant;
use crate::limits;
use crate::sandbox::{CallState, Cause, Pool, Read, Start};

/// What the systems need of the host around them.
pub struct Surroundings {
    /// Compiles and runs.
    pub engine: Arc<crate::sandbox::Engine>,
    /// Time.
    pub clock: SharedClock,
    /// Where records go.
    pub audit: SharedAudit,
    /// Where adapters' own keys and values are.
    pub key_values: Arc<dyn KeyValues>,
    /// Speaks to brokers.
    pub brokers: Arc<dyn Brokers>,
    /// Systems are only tried: no request or statement leaves, no key is read, other systems do nothing. What is kept and
    /// published is for `key_values` and `brokers` to keep here.
    pub only_tried: bool,
}

/// A version of a system that is loaded and tried, and waits for [`Systems::switch`]. Dropped, it leaves no trace.
pub struct Candidate {
    pub(super) slot: Arc<Slot>,
    pub(super) running: Arc<Running>,
    pub(super) who: String,
    _alone: tokio::sync::OwnedMutexGuard<()>,
}

/// All systems of a site.
pub struct Systems {
    pub(super) surroundings: Surroundings,
    clients: Mutex<Option<Arc<HttpClients>>>,
    pub(super) slots: RwLock<BTreeMap<String, Arc<Slot>>>,
    /// By name, also of systems that are not there now.
    disabled: ArcSwap<BTreeMap<String, Disabled>>,
    news: Arc<News>,
    myself: Weak<Self>,
    reaper: Once,
}

impl Systems {
    /// None yet.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Arc<Self> {
        Arc::new_cyclic(|myself| Self {
            surroundings,
            clients: Mutex::new(None),
            slots: RwLock::new(BTreeMap::new()),
            disabled: ArcSwap::default(),
            news: Arc::default(),
            myself: Weak::clone(myself),
            reaper: Once::new(),
        })
    }

    /// Loads a system beside the one that has its name, tries it, and switches to it.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn connect(
        &self,
        spec: SystemSpec,
        grant: Option<&Grant>,
    ) -> Result<(), ConnectError> {
        let candidate = self.prepare(spec, grant).await?;
        self.switch(vec![candidate], &[], || {});
        Ok(())
    }

    /// Loads a system beside the one that has its name and tries it. Nothing changes for callers before
    /// [`Self::switch`]; held back or failed, the old one keeps running and [`Self::status`] says why the new one does
    /// not. One candidate of a system at a time: the next waits until this one is switched to or dropped.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn prepare(
        &self,
        spec: SystemSpec,
        grant: Option<&Grant>,
    ) -> Result<Candidate, ConnectError> {
        self.start_reaper();
        let slot = Arc::clone(self.slots.write().entry(spec.name.clone()).or_default());
        let alone = Arc::clone(&slot.connecting).lock_owned().await;
        let (name, identity) = (spec.name.clone(), Identity::of(&spec));
        match self.ready(spec, grant, identity.clone()).await {
            Ok(running) => Ok(Candidate {
                slot,
                running: Arc::new(running),
                who: String::new(),
                _alone: alone,
            }),
            Err(error) => {
                let held_back = matches!(error, ConnectError::HeldBack(_));
                let now = self.surroundings.clock.now_ms();
                let record = decisions::held_back(&name, &identity, &error, now);
                self.surroundings.audit.record(Arc::new(record));
                *slot.trouble.lock() = Some(Trouble {
                    identity,
                    held_back,
                    message: error.to_string(),
                });
                Err(error)
            }
        }
    }

    async fn ready(
        &self,
        spec: SystemSpec,
        grant: Option<&Grant>,
        identity: Identity,
    ) -> Result<Running, ConnectError> {
        let active = admit(&spec, grant, self.surroundings.clock.now_ms())
            .map_err(ConnectError::HeldBack)?;
        let package = Arc::clone(&spec.package);
        let name = spec.name.clone();
        let actor: Weak<dyn Actor> = self.myself.clone();
        let reached = !self.surroundings.only_tried;
        let clients = reached.then(|| self.clients()).transpose()?;
        let prepared = Arc::new(Prepared::new(
            spec,
            active,
            clients.as_deref(),
            &self.surroundings,
            actor,
        )?);
        let engine = Arc::clone(&self.surroundings.engine);
        let code = engine.load(&package).await.map_err(|error| {
            ConnectError::Load(format!(
                "the adapter {} of system {name} cannot be loaded: {error}",
                prepared.adapter
            ))
        })?;
        let pool = Pool::new(engine, code, Arc::clone(&prepared));
        let running = Running {
            identity,
            prepared,
            pool,
            breaker: Breaker::default(),
            leave: Leave::default(),
            since_ms: self.surroundings.clock.now_ms(),
            news: Arc::clone(&self.news),
            cut: watch::Sender::new(false),
        };
        let tried = running
            .call(
                Start,
                |call| call,
                Cause::Given(format!("connecting {name}")),
            )
            .await;
        tried
            .result
            .map_err(|failure| ConnectError::Load(failure.to_string()))?;
        Ok(running)
    }

    /// In one step: switches to candidates, forgets systems by name, and runs `along`. A call sees all of it or
    /// nothing; calls under way end in the version they began in, or are cut off after [`limits::SWAP_DRAIN`] and made
    /// again in the new one. The switch does not wait for them, for one slow call would hold up all others; a lane has
    /// one call under way, so that its order stays.
    pub fn switch(&self, candidates: Vec<Candidate>, gone: &[String], along: impl FnOnce()) {
        let mut old = Vec::with_capacity(candidates.len() + gone.len());
        let mut records = Vec::new();
        let mut slots = self.slots.write();
        for Candidate {
            slot, running, who, ..
        } in candidates
        {
            let was = slot.running.swap(Some(Arc::clone(&running)));
            records.push(decisions::began(&running.prepared, was.as_deref()).by(who));
            if let Some(was) = &was {
                slot.replaced(was, &running);
                was.drain();
            }
            old.extend(was);
            *slot.trouble.lock() = None;
        }
        let removed: Vec<_> = gone.iter().filter_map(|name| slots.remove(name)).collect();
        along();
        drop(slots);
        records.extend(removed.iter().filter_map(|slot| decisions::ended(slot)));
        for record in records {
            self.surroundings.audit.record(Arc::new(record));
        }
        // Instances are dropped where nobody waits for the lock.
        drop((old, removed));
    }

    /// Forgets a system; calls under way end.
    pub fn disconnect(&self, system: &str) {
        self.switch(Vec::new(), &[system.to_owned()], || {});
    }

    /// How every system stands, by name.
    #[must_use]
    pub fn status(&self) -> Vec<SystemStatus> {
        let disabled = self.disabled.load();
        self.slots
            .read()
            .iter()
            .filter_map(|(name, slot)| {
                let mut status = slot.status(name)?;
                if let Some(disabled) = disabled.get(name) {
                    status.state = SystemState::Disabled(disabled.clone());
                }
                Some(status)
            })
            .collect()
    }

    /// Takes a system out of service: calls under way end, no other begins.
    pub fn disable(&self, system: &str, disabled: Disabled) {
        self.disabled.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(system.to_owned(), disabled.clone());
            all
        });
    }

    /// Puts a system that is disabled or quarantined back into service. False: it was neither.
    pub fn enable(&self, system: &str) -> bool {
        let before = self.disabled.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.remove(system);
            all
        });
        let released = match self.loaded(system) {
            Ok(running) => running.breaker.release(),
            Err(_) => false,
        };
        before.contains_key(system) || released
    }

    /// Has what systems do by themselves told, once for all systems: only the first of these takes effect.
    pub fn on_news(&self, tell: impl Fn(&str, LifeNews) + Send + Sync + 'static) {
        let _ = self.news.set(Box::new(tell));
    }

    /// Hands over what arrived at a hook.
    pub async fn receive(&self, system: &str, inbound: Inbound) -> Outcome<Reception> {
        let running = match self.running(system) {
            Ok(running) => running,
            Err(failure) => return Outcome::refused(failure),
        };
        // A hook that a broker feeds is not open to whoever can post, nor the other way round.
        let from_broker = inbound.method == MESSAGE;
        let mut subscribed = running.prepared.subscribed.iter();
        if !running.prepared.hooks.contains(&inbound.hook)
            || from_broker != subscribed.any(|subscribed| subscribed.hook == inbound.hook)
        {
            return Outcome::refused(not_offered(system, "hook", &inbound.hook));
        }
        let cause = Cause::Hook(inbound.hook.clone());
        let call = running.call_until_cut(inbound, |call| call, cause);
        call.await
            .unwrap_or_else(|| Outcome::refused(cut_off(system)))
    }

    /// What is to be fetched from brokers for the systems that run now.
    #[must_use]
    pub fn subscribed(&self) -> Vec<Arc<Subscribed>> {
        let slots = self.slots.read();
        let running = slots.values().filter_map(|slot| slot.running.load_full());
        running
            .flat_map(|running| running.prepared.subscribed.clone())
            .collect()
    }

    /// Reads a page of a feed.
    pub async fn read(
        &self,
        system: &str,
        feed: &str,
        cursor: Option<String>,
        limit: u32,
    ) -> Outcome<Page> {
        let running = match self.running(system) {
            Ok(running) => running,
            Err(failure) => return Outcome::refused(failure),
        };
        if !running.prepared.feeds.contains(feed) {
            return Outcome::refused(not_offered(system, "feed", feed));
        }
        let cause = Cause::Feed(feed.to_owned());
        let read = Read {
            feed: feed.to_owned(),
            cursor,
            limit,
        };
        let call = running.call_until_cut(read, |call| call, cause);
        call.await
            .unwrap_or_else(|| Outcome::refused(cut_off(system)))
    }

    /// What takes calls.
    fn running(&self, system: &str) -> Result<Arc<Running>, Failure> {
        if let Some(disabled) = self.disabled.load().get(system) {
            return Err(resting(is_disabled(system, disabled)));
        }
        self.loaded(system)
    }

    /// What is loaded, in service or not.
    fn loaded(&self, system: &str) -> Result<Arc<Running>, Failure> {
        let slots = self.slots.read();
        let Some(slot) = slots.get(system) else {
            if self.surroundings.only_tried {
                return Err(Failure::Unavailable {
                    message: NOT_REACHED.into(),
                    retry_after_ms: None,
                });
            }
            let message =
                format!("there is no system {system} here; the site has none of this name");
            return Err(Failure::NotOffered { message });
        };
        slot.running.load_full().ok_or_else(|| {
            let trouble = slot.trouble.lock();
            let why = trouble
                .as_ref()
                .map_or("it is being connected", |trouble| trouble.message.as_str());
            Failure::Unavailable {
                message: format!("system {system} does not run: {why}"),
                retry_after_ms: Some(5_000),
            }
        })
    }

    fn clients(&self) -> Result<Arc<HttpClients>, PrepareError> {
        let mut clients = self.clients.lock();
        if let Some(clients) = &*clients {
            return Ok(Arc::clone(clients));
        }
        let made = Arc::new(HttpClients::new()?);
        *clients = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Unused instances are dropped by a task that ends with the systems.
    fn start_reaper(&self) {
        self.reaper.call_once(|| {
            let systems = Weak::clone(&self.myself);
            tokio::spawn(async move {
                let mut interval = tokio::time::interval(limits::INSTANCE_IDLE / 2);
                loop {
                    interval.tick().await;
                    let Some(systems) = systems.upgrade() else {
                        return;
                    };
                    systems.surroundings.engine.reap();
                }
            });
        });
    }
}

impl Actor for Systems {
    fn act<'a>(&'a self, system: &'a str, mut call: ActionCall) -> BoxFuture<'a, Outcome<String>> {
        Box::pin(async move {
            let cause = std::mem::take(&mut call.cause);
            loop {
                // Kept for the case that it is cut off: it is made again under the same key.
                let (call, cause) = (call.clone(), Cause::Given(cause.clone()));
                if let Some(outcome) = self.act_once(system, call, cause).await {
                    return outcome;
                }
                tracing::info!(%system, "a call was cut off in a version that was replaced; it is made again in the new one");
            }
        })
    }

    fn rests(&self, system: &str) -> Option<String> {
        if let Some(disabled) = self.disabled.load().get(system) {
            return Some(is_disabled(system, disabled));
        }
        let running = self.loaded(system).ok()?;
        let quarantine = running.breaker.state()?;
        Some(running.crashing(&quarantine))
    }

    fn terms(&self, system: &str, action: &str, lane: Option<u64>) -> Terms {
        let Ok(running) = self.loaded(system) else {
            return Terms::default();
        };
        let (running, _) = self.turn(system, running, action, lane);
        Terms {
            offer: running.prepared.actions.get(action).map(Arc::clone),
            fields: running.prepared.grant.fields.clone(),
        }
    }

    fn offer(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        let running = self.loaded(system).ok()?;
        running.prepared.actions.get(action).map(Arc::clone)
    }
}

impl Systems {
    /// Who takes a call: what runs, or the version on trial beside it.
    fn turn(
        &self,
        system: &str,
        running: Arc<Running>,
        action: &str,
        lane: Option<u64>,
    ) -> (Arc<Running>, Option<Trial>) {
        match self.slots.read().get(system) {
            Some(slot) => slot.turn(running, action, lane),
            None => (running, None),
        }
    }

    /// `None`: it was cut off.
    async fn act_once(
        &self,
        system: &str,
        mut call: ActionCall,
        cause: Cause,
    ) -> Option<Outcome<String>> {
        let running = match self.running(system) {
            Ok(running) => running,
            Err(failure) => return Some(Outcome::refused(failure)),
        };
        let (running, trial) = self.turn(system, running, &call.action, call.lane);
        if !running.prepared.actions.contains_key(&call.action) {
            let failure = not_offered(system, "action", &call.action);
            return Some(Outcome::refused(failure));
        }
        if let Some(fields) = &running.prepared.grant.fields {
            match call.reaching(fields) {
                Ok(input) => call.input = input,
                Err(failure) => return Some(Outcome::refused(failure)),
            }
        }
        let (key, attempt, depth) = (call.idempotency_key.clone(), call.attempt, call.depth);
        let lane = call.lane;
        let with = |state: CallState| state.of_step(key, attempt, depth, lane);
        let outcome = running.call_until_cut(call, with, cause).await;
        if let (Some(trial), Some(outcome)) = (trial, &outcome) {
            trial.ended(outcome);
        }
        outcome
    }
}

fn is_disabled(system: &str, disabled: &Disabled) -> String {
    format!(
        "system {system} is disabled by {}: {}; `tombolo system enable {system}` puts it back",
        disabled.by, disabled.reason
    )
}

/// Whoever asked asks again.
fn cut_off(system: &str) -> Failure {
    Failure::Unavailable {
        message: format!(
            "system {system} was replaced by another version while this was under way; ask again"
        ),
        retry_after_ms: Some(1_000),
    }
}

fn not_offered(system: &str, what: &str, name: &str) -> Failure {
    Failure::NotOffered {
        message: format!(
            "system {system} has no {what} {name}; see its system file and its adapter's manifest"
        ),
    }
}
