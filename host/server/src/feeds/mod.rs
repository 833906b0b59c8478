//! Feeds: systems that are read page by page, by the clock or on demand.
//!
//! A page's events and its cursor commit in one transaction, so a crash at any moment neither loses nor doubles. Two
//! readings of one feed never overlap: one process holds the data folder, and here a feed is read by one task. This is
//! part of the server and not of the engine because it knows the site and calls systems outside of any run.

mod reading;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tombolo_flow::engine::Untaken;
use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;
use tombolo_kernel::system::Actor as _;

use self::standing::Standing;
use crate::core::Core;
use crate::host::told_to_stop;
use crate::ingress::made;
use crate::site::{FeedPlan, SystemPlan};
use crate::timing::Timing;

/// Longest sleep between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);
/// Pause after the log could not be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// All feeds of the site.
#[derive(Default)]
pub(crate) struct Feeds {
    feeds: Mutex<BTreeMap<(String, String), Arc<Feed>>>,
    changed: Notify,
}

/// One feed.
pub(crate) struct Feed {
    system: String,
    name: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    plan: FeedPlan,
    standing: Standing,
}

/// How a feed stands, for people.
#[derive(Debug, serde::Serialize)]
pub(crate) struct FeedView {
    system: String,
    feed: String,
    /// `every 5 min`, `0 2 * * * (Europe/Berlin)`, or nothing: on demand.
    when: Option<String>,
    reading: bool,
    due_ms: Option<Millis>,
    /// When it was read last.
    read_ms: Option<Millis>,
    cursor: Option<String>,
    /// New events in all.
    events: u64,
    /// New events of the present reading, or of the last since the host started.
    brought: u64,
    /// Readings that failed in a row.
    failures: u32,
    failed_ms: Option<Millis>,
    failure: Option<String>,
}

/// Why a feed is not read on demand.
#[derive(Debug)]
pub(crate) enum NotNow {
    /// The site has no such feed.
    Unknown,
    /// It is being read.
    Reading,
}

impl Feeds {
    /// Takes over the feeds of a site. One that is being read goes on with the plan it began with.
    pub(crate) fn replace(&self, systems: &BTreeMap<String, SystemPlan>) {
        let mut feeds = self.feeds.lock();
        let planned = |key: &(String, String)| {
            systems
                .get(&key.0)
                .is_some_and(|system| system.feeds.contains_key(&key.1))
        };
        feeds.retain(|key, feed| {
            let standing = &mut feed.inner.lock().standing;
            standing.gone = !planned(key);
            // One that is gone and still being read is kept: if it comes back, no second reading begins beside it.
            !standing.gone || standing.reading
        });
        for (system, plan) in systems {
            for (name, plan) in &plan.feeds {
                let key = (system.clone(), name.clone());
                let feed = feeds.entry(key).or_insert_with(|| {
                    Arc::new(Feed {
                        system: system.clone(),
                        name: name.clone(),
                        inner: Mutex::default(),
                    })
                });
                let mut inner = feed.inner.lock();
                if inner.plan != *plan {
                    inner.plan = plan.clone();
                    inner.standing.known = false;
                }
            }
        }
        drop(feeds);
        self.changed.notify_one();
    }

    /// Has a feed read now, from a cursor if one is given.
    pub(crate) fn demand(
        &self,
        system: &str,
        name: &str,
        from: Option<String>,
        now: Millis,
    ) -> Result<(), NotNow> {
        let key = (system.to_owned(), name.to_owned());
        let feed = self
            .feeds
            .lock()
            .get(&key)
            .cloned()
            .ok_or(NotNow::Unknown)?;
        let mut inner = feed.inner.lock();
        if inner.standing.gone {
            return Err(NotNow::Unknown);
        }
        // Known from here on: being looked up must not take back that it is due.
        inner.standing.known = true;
        if !inner.standing.demand(from, now) {
            return Err(NotNow::Reading);
        }
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// A system may be read again that could not.
    pub(crate) fn look_again(&self) {
        self.changed.notify_one();
    }

    /// How every feed stands, by system and name.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) async fn list(
        &self,
        core: &Core,
    ) -> Result<Vec<FeedView>, tombolo_store::StoreError> {
        let mut views = Vec::new();
        for feed in self.all() {
            let row = core
                .store
                .cursor(&made::source(&feed.system), &feed.name)
                .await?;
            let inner = feed.inner.lock();
            let standing = &inner.standing;
            if standing.gone {
                continue;
            }
            views.push(FeedView {
                system: feed.system.clone(),
                feed: feed.name.clone(),
                when: inner.plan.timing.as_ref().map(Timing::text),
                reading: standing.reading,
                due_ms: standing.due_ms,
                read_ms: row.as_ref().map(|row| row.read_ms),
                events: row.as_ref().map_or(0, |row| row.events),
                cursor: row.and_then(|row| row.cursor),
                brought: standing.brought,
                failures: standing.failures,
                failed_ms: standing.failure.as_ref().map(|(at, _)| *at),
                failure: standing
                    .failure
                    .as_ref()
                    .map(|(_, message)| message.clone()),
            });
        }
        Ok(views)
    }

    fn all(&self) -> Vec<Arc<Feed>> {
        self.feeds.lock().values().cloned().collect()
    }

    /// Looks up when feeds were read last that are new here. False: the log could not be asked.
    async fn learn(&self, core: &Core) -> bool {
        for feed in self.all() {
            if feed.inner.lock().standing.is_settled() {
                continue;
            }
            let owner = made::source(&feed.system);
            let Ok(row) = core.store.cursor(&owner, &feed.name).await else {
                return false;
            };
            let mut inner = feed.inner.lock();
            if !inner.standing.is_settled() {
                let Inner { plan, standing } = &mut *inner;
                standing.learn(plan, row.map(|row| row.read_ms), core.clock.now_ms());
            }
        }
        true
    }
}

impl Feed {
    fn follow(&self, now: Millis) {
        let Inner { plan, standing } = &mut *self.inner.lock();
        standing.follow(plan, now);
    }

    fn begin(&self, now: Millis) -> Option<FeedPlan> {
        let mut inner = self.inner.lock();
        inner.standing.begin(now).then(|| inner.plan.clone())
    }

    /// What there is to wake up for.
    fn due(&self) -> Option<Millis> {
        let standing = &self.inner.lock().standing;
        standing.due_ms.filter(|_| !standing.gone)
    }

    /// Where a person wants the reading to begin.
    fn begins_at(&self) -> Option<String> {
        self.inner.lock().standing.from.clone()
    }

    fn should_end(&self, stopped: &watch::Receiver<bool>) -> bool {
        *stopped.borrow() || self.inner.lock().standing.gone
    }

    fn is_by_the_clock(&self, plan: &FeedPlan) -> bool {
        matches!(plan.timing, Some(Timing::Cron { .. }))
    }

    /// A page is in the log: from here on its cursor says where to go on.
    fn brought(&self, fresh: usize) {
        let standing = &mut self.inner.lock().standing;
        standing.brought += fresh as u64;
        standing.from = None;
    }
}

/// Reads what is due until the host stops. A reading under way is dropped then: the next start goes on behind its last
/// page.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(limits::FEEDS));
    let mut readings = JoinSet::new();
    loop {
        let known = core.feeds.learn(&core).await;
        let now = core.clock.now_ms();
        let mut wait = if known { LOOK } else { AGAIN };
        for feed in core.feeds.all() {
            // It pauses; who puts the system back has the feeds looked at again.
            if core.systems.rests(&feed.system).is_some() {
                continue;
            }
            feed.follow(now);
            if let Some(plan) = feed.begin(now) {
                let (core, places) = (Arc::clone(&core), Arc::clone(&places));
                readings.spawn(carry_out(core, feed, plan, places, stopped.clone()));
            } else if let Some(due) = feed.due() {
                wait = wait.min(Duration::from_millis(due.saturating_sub(now).max(1)));
            }
        }
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = core.feeds.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        while readings.try_join_next().is_some() {}
    }
}

async fn carry_out(
    core: Arc<Core>,
    feed: Arc<Feed>,
    plan: FeedPlan,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
) {
    let outcome = reading::read(&core, &feed, &plan, &places, &stopped).await;
    let now = core.clock.now_ms();
    let (system, name) = (&feed.system, &feed.name);
    let mut inner = feed.inner.lock();
    match outcome {
        Ok(()) => {
            let Inner { plan, standing } = &mut *inner;
            standing.ended_well(plan, now);
            tracing::debug!(%system, feed = %name, events = standing.brought, "feed read");
        }
        Err(Untaken::Rests { why, for_ms }) => {
            tracing::debug!(%system, feed = %name, why, "a feed waits for its system");
            inner.standing.rested(now, for_ms);
        }
        Err(Untaken::Failed(failure)) => {
            if inner.standing.failures == 0 {
                tracing::warn!(%system, feed = %name, %failure, "a feed cannot be read; it is tried again");
            }
            let retry = failure.retry_after_ms();
            inner.standing.failed(now, failure.to_string(), retry);
        }
    }
    drop(inner);
    core.feeds.changed.notify_one();
}
