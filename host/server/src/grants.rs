//! Grants that end while the host runs: revoked, removed or expired. What runs by them is stopped at once, calls under
//! way included, whatever the rest of the site looks like; a reload is not waited for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tombolo_kernel::clock::{Millis, rfc3339};
use tombolo_kernel::event::Event;
use tombolo_kernel::grant::Grant;
use tombolo_kernel::system::Withdrawn;

use crate::core::Core;
use crate::host::told_to_stop;
use crate::site::{GrantFound, grant_of};

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
        let over = |grant: &Grant| grant.over(now).ok().flatten();
        core.stopped(core.systems.withdraw(over));
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
    };
    // Where the store refuses writes it says so itself; the next look tells again.
    if core.publish(vec![event]).await.is_ok() {
        told.insert((system.to_owned(), end), now);
    }
}

impl Core {
    /// Looks at the grants of the running systems as they lie in the site now, and stops those that have none any more.
    /// Returns which and why, after the last of their calls has ended.
    pub(crate) async fn withdraw(self: &Arc<Self>) -> Vec<(String, String)> {
        // Before the look: whoever finds them stopped sees that somebody waits for their calls.
        let _under_way = UnderWay::new(&self.withdrawing);
        let mut over = self.over().await;
        if over.values().any(|found| found.gone) {
            tokio::time::sleep(AGAIN).await;
            over = self.over().await;
        }
        if over.is_empty() {
            return Vec::new();
        }
        let why = |grant: &Grant| over.get(&grant.system).map(|over| over.why.clone());
        let withdrawn = self.stopped(self.systems.withdraw(why));
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

    async fn over(&self) -> BTreeMap<String, Over> {
        let (folder, now) = (self.folder.clone(), self.clock.now_ms());
        let systems: Vec<String> = self
            .systems
            .grants()
            .into_iter()
            .map(|grant| grant.system)
            .collect();
        let look = move || {
            let over =
                |system: String| Over::find(&folder, &system, now).map(|over| (system, over));
            systems.into_iter().filter_map(over).collect()
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
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

/// Why a grant is over.
struct Over {
    why: String,
    gone: bool,
}

impl Over {
    fn find(folder: &Path, system: &str, now: Millis) -> Option<Self> {
        match grant_of(folder, system) {
            GrantFound::Nothing => Some(Self {
                why: format!("its grant, grants/{system}.yaml, was removed"),
                gone: true,
            }),
            GrantFound::Grant(grant) => {
                let why = grant.over(now).ok().flatten()?;
                Some(Self { why, gone: false })
            }
            GrantFound::Unreadable(_) => None,
        }
    }
}
