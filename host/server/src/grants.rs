//! Grants that end while the host runs: revoked, removed or expired. What runs by them is stopped at once, calls under
//! way included, whatever the rest of the site looks like; a reload is not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tombolo_kernel::audit::Kind;
use tombolo_kernel::clock::{Millis, rfc3339};
use tombolo_kernel::event::Event;
use tombolo_kernel::grant::Grant;
use tombolo_kernel::system::{Reason, Withdrawn};

use crate::core::Core;
use crate::host::told_to_stop;
use crate::reviewed::Look;
use crate::site::{GrantFound, grant_of, granted};

/// How often expiry is looked for. Calls under way end at the very moment anyway.
const EVERY: Duration = Duration::from_secs(1);
/// A grant file that is gone is looked for again after this: whoever replaces files may remove them first.
const AGAIN: Duration = Duration::from_millis(40);

/// A grant whose end is near is told of again after this.
const TOLD_AGAIN_MS: Millis = 24 * 3_600_000;
/// The type of event that says that a grant ends soon.
const EXPIRING: &str = "tombolo.grant-expiring";

/// Looks for expired grants, and those that will be soon, until the host stops.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let mut told = BTreeMap::new();
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = core.grants_changed.notified() => {
                // Not waited for: the next to be stopped has nothing to do with the last calls of this one.
                let core = Arc::clone(&core);
                tokio::spawn(async move { core.withdraw().await });
                continue;
            }
            () = tokio::time::sleep(EVERY) => {}
        }
        let now = core.clock.now_ms();
        core.stopped(core.systems.withdraw(|grant| over(grant, now)));
        for grant in core.systems.grants() {
            if let Some(end) = grant.ends_soon(now) {
                tell(&core, &mut told, &grant.system, end, now).await;
            }
        }
    }
}

/// Says in the log, once a day, and to flows, once, that a grant ends soon.
async fn tell(
    core: &Core,
    told: &mut BTreeMap<(String, Millis), Millis>,
    system: &str,
    end: Millis,
    now: Millis,
) {
    let last = told.get(&(system.to_owned(), end));
    if last.is_some_and(|last| now.saturating_sub(*last) < TOLD_AGAIN_MS) {
        return;
    }
    tracing::warn!(%system, expires = %rfc3339(end), "the system's grant expires soon, and it stops then");
    let data = json!({ "system": system, "expires": rfc3339(end), "seconds": end.saturating_sub(now) / 1_000 });
    let Ok(data) = serde_json::value::to_raw_value(&data) else {
        return;
    };
    let event = Event {
        // The same for the same end, also after a restart: the log takes it once.
        id: format!("{EXPIRING}/{end}"),
        source: format!("/systems/{system}"),
        kind: EXPIRING.to_owned(),
        subject: Some(system.to_owned()),
        time: rfc3339(now),
        data,
        hops: 0,
        cause: None,
        root: None,
    };
    // Where the store refuses writes it says so itself; the next look tells again.
    if core.publish(vec![event]).await.is_ok() {
        told.insert((system.to_owned(), end), now);
    }
}

impl Core {
    /// Looks at the grants as they lie in the site now, stops those running systems that have none any more, and puts on
    /// record what reviewers decided since. Returns who was stopped and why, after the last of their calls has ended.
    pub(crate) async fn withdraw(self: &Arc<Self>) -> Vec<(String, String)> {
        // Before the look: whoever finds them stopped sees that somebody waits for their calls.
        let _under_way = UnderWay::new(&self.withdrawing);
        let mut look = self.look().await;
        if look.has_gone() {
            tokio::time::sleep(AGAIN).await;
            look = self.look().await;
        }
        let withdrawn = self.act_on(look);
        for one in &withdrawn {
            crate::life::withdrawn(self, &one.system, &one.why).await;
        }
        let mut ended = Vec::new();
        for one in withdrawn {
            ended.push((one.system.clone(), one.why.clone()));
            one.ended().await;
        }
        ended
    }

    /// Waits until nothing leaves on behalf of any system that was stopped before, by whomever.
    pub(crate) async fn all_withdrawn(&self) {
        let mut under_way = self.withdrawing.subscribe();
        // Fails only when there is no host any more.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Forgets what was in force, so that a good grant connects the system again.
    pub(crate) fn stopped(self: &Arc<Self>, withdrawn: Vec<Withdrawn>) -> Vec<Withdrawn> {
        for one in &withdrawn {
            self.connections.forget(&one.system);
        }
        if !withdrawn.is_empty() {
            self.subscriptions.replace(self);
        }
        withdrawn
    }

    /// The grants that lie in the site, and what lies there for running systems.
    async fn look(&self) -> Look {
        let (folder, at_ms) = (self.folder.clone(), self.clock.now_ms());
        let number = self.reviewed.lock().begin();
        let running = self.systems.grants().into_iter();
        let running: BTreeSet<String> = running.map(|grant| grant.system).collect();
        let look = move || {
            let systems = running.into_iter().chain(granted(&folder));
            let systems: BTreeSet<String> = systems.collect();
            let find = |system: String| {
                let found = grant_of(&folder, &system);
                (system, found)
            };
            let found = systems.into_iter().map(find).collect();
            Look {
                number,
                at_ms,
                found,
            }
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Puts on record what reviewers decided of the grants that the host starts with.
    pub(crate) fn begin_reviewed(&self, grants: BTreeMap<String, Grant>) {
        let found = grants.into_iter();
        let look = Look {
            at_ms: self.clock.now_ms(),
            found: found
                .map(|(system, grant)| (system, GrantFound::Grant(Box::new(grant))))
                .collect(),
            ..Look::default()
        };
        for record in self.reviewed.lock().news(look, |_| false) {
            self.note(record);
        }
    }

    /// Stops who has no grant any more. One look at a time, so that every decision is on record once.
    fn act_on(self: &Arc<Self>, look: Look) -> Vec<Withdrawn> {
        let mut reviewed = self.reviewed.lock();
        let withdrawn = self.systems.withdraw(|grant| look.over(&grant.system));
        let stopped = |system: &str| withdrawn.iter().any(|one| one.system == system);
        for record in reviewed.news(look, stopped) {
            self.note(record);
        }
        drop(reviewed);
        self.stopped(withdrawn)
    }
}

/// Counted while it lives.
struct UnderWay<'a>(&'a watch::Sender<usize>);

impl<'a> UnderWay<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Look {
    /// Whether a running system's grant is gone.
    fn has_gone(&self) -> bool {
        let mut found = self.found.values();
        found.any(|found| matches!(found, GrantFound::Nothing))
    }

    /// Why a system has no grant any more.
    fn over(&self, system: &str) -> Option<Reason> {
        match self.found.get(system)? {
            GrantFound::Nothing => Some(Reason {
                kind: Kind::Revoke,
                who: String::new(),
                why: format!("its grant, grants/{system}.yaml, was removed"),
            }),
            GrantFound::Grant(grant) => over(grant, self.at_ms),
            GrantFound::Unreadable(_) => None,
        }
    }
}

/// Why a grant is over: revoked, or at its end.
fn over(grant: &Grant, now: Millis) -> Option<Reason> {
    let why = grant.over(now).ok().flatten()?;
    let (kind, who) = match &grant.revoked {
        Some(revoked) => (Kind::Revoke, revoked.by.clone()),
        None => (Kind::Expiry, String::new()),
    };
    Some(Reason { kind, who, why })
}
