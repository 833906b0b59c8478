//! New versions tried on a share of the lanes: begun at a reload, ended by people, by their time, or because they do worse.
//! The version that ran before is the one that the host kept, so that a trial goes on after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::clock::Millis;
use tombolo_kernel::grant::Grant;

use super::book::{Begun, RolledBack};
use super::rollback::follow;
use super::version::Version;
use super::{LifeError, known};
use crate::core::Core;
use crate::host::told_to_stop;
use crate::secrets::SecretSource;
use crate::site::{CanaryPlan, SystemPlan};

/// How often it is looked for trials whose time is over.
const EVERY: Duration = Duration::from_secs(1);

/// The site's version of a system, to be tried.
#[derive(Debug, Clone)]
pub(crate) struct OnTrial {
    pub(crate) plan: SystemPlan,
    pub(crate) grant: Grant,
    pub(crate) canary: CanaryPlan,
}

/// Begins the trials that are due, and ends those that the site has no more.
pub(crate) async fn begin(core: &Core, trials: &BTreeMap<String, OnTrial>, source: &SecretSource) {
    for (system, book) in core.books.all().await {
        if book.canary.is_some() && !trials.contains_key(&system) {
            core.systems.end_canary(&system);
            keep(core, &system, |book| book.canary = None).await;
        }
    }
    for (system, trial) in trials {
        if let Err(error) = begin_one(core, system, trial, source).await {
            tracing::error!(%system, %error, "the new version cannot be tried; the version before has all lanes");
        }
    }
}

async fn begin_one(
    core: &Core,
    system: &str,
    trial: &OnTrial,
    source: &SecretSource,
) -> Result<(), String> {
    let digest = &trial.plan.bare.package.digest;
    let under_way = core.systems.canary(system);
    let ready = core.connections.ready(&trial.plan, &trial.grant, source)?;
    if under_way.is_some_and(|canary| canary.digest == *digest)
        && core.connections.is_tried(system, &ready.1)
    {
        return Ok(());
    }
    let (candidate, fingerprint) = core
        .connections
        .prepare_one(&core.systems, ready, &trial.grant)
        .await?;
    let begun = core.books.of(system).await.canary;
    let begun = begun.filter(|begun| begun.digest == *digest);
    let begun = begun.unwrap_or_else(|| Begun {
        digest: digest.clone(),
        share: trial.canary.share,
        since_ms: core.clock.now_ms(),
    });
    let kept = begun.clone();
    let change = core.books.change(system, |book| {
        book.goes_on();
        book.canary = Some(kept);
    });
    change.await.map_err(|error| error.to_string())?;
    core.connections.tries(system, fingerprint);
    core.systems.begin_canary(candidate, begun.share);
    tracing::info!(%system, share = begun.share, %digest, "a share of the lanes tries a new version");
    Ok(())
}

/// Promotes what was tried long enough, until the host stops.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let standing = core.standing.load_full();
        for (system, trial) in &standing.canaries {
            let Some(begun) = core.books.of(system).await.canary else {
                continue;
            };
            if until(&begun, trial) > core.clock.now_ms() {
                continue;
            }
            match promote(&core, system, "").await {
                Ok(()) => {
                    let record = AuditRecord::new(Kind::Canary, core.clock.now_ms())
                        .of(system, &begun.digest, "")
                        .about("promoted: its time is over, and it does as well");
                    core.note(record);
                }
                Err(error) => tracing::error!(%system, %error, "the canary cannot be promoted"),
            }
        }
    }
}

/// When a trial ends.
pub(crate) fn until(begun: &Begun, trial: &OnTrial) -> Millis {
    let time = Millis::try_from(trial.canary.time.as_millis()).unwrap_or(Millis::MAX);
    begun.since_ms.saturating_add(time)
}

/// Gives it more lanes.
///
/// # Errors
/// There is none, or it has as many.
pub(crate) async fn grow(core: &Arc<Core>, system: String, share: u32) -> Result<(), LifeError> {
    known(core, &system)?;
    let _alone = core.reloading.lock().await;
    let Some(canary) = core.systems.canary(&system) else {
        return Err(none(&system));
    };
    if share <= canary.share {
        return Err(LifeError::Conflict(format!(
            "the canary of system {system} has {}% of the lanes already; lanes are not taken back from it but by --stop",
            canary.share / 100
        )));
    }
    core.books
        .change(&system, |book| {
            if let Some(begun) = &mut book.canary {
                begun.share = share;
            }
        })
        .await?;
    core.systems.grow_canary(&system, share);
    Ok(())
}

/// Has it take all lanes in the place of the version before, which can be rolled back to.
///
/// # Errors
/// There is none, or it cannot be kept.
pub(crate) async fn promote(core: &Arc<Core>, system: &str, who: &str) -> Result<(), LifeError> {
    known(core, system)?;
    let alone = core.reloading.lock().await;
    let standing = core.standing.load_full();
    let (Some(trial), Some(canary)) = (standing.canaries.get(system), core.systems.canary(system))
    else {
        return Err(none(system));
    };
    let _turn = core.books.turn().await;
    let version = Version::of(&trial.plan, &trial.grant, core.clock.now_ms());
    let bytes = Arc::clone(&trial.plan.bare.package.bytes);
    core.books.keep(&version.digest, bytes).await?;
    core.books
        .change(system, |book| {
            book.canary = None;
            book.runs(version, true);
        })
        .await?;
    if !core.systems.promote_canary(system, who) {
        return Err(none(system));
    }
    core.connections.promoted(system);
    core.books.tidy().await;
    tracing::info!(%system, now = %canary.adapter, calls = canary.calls, failed = canary.failed, "the canary is promoted: it takes all calls");
    drop((alone, _turn));
    follow(core).await;
    Ok(())
}

/// Ends it: the version before has all lanes again, and the site's is not tried again.
///
/// # Errors
/// There is none, or the decision cannot be kept.
pub(crate) async fn stop(
    core: &Arc<Core>,
    system: String,
    by: String,
    reason: String,
) -> Result<(), LifeError> {
    known(core, &system)?;
    let Some(canary) = core.systems.canary(&system) else {
        return Err(none(&system));
    };
    fall_back(core, &system, canary.digest, by, reason).await
}

/// The version before has all lanes from now on.
pub(super) async fn fall_back(
    core: &Arc<Core>,
    system: &str,
    digest: String,
    by: String,
    reason: String,
) -> Result<(), LifeError> {
    let alone = core.reloading.lock().await;
    let rolled_back = RolledBack {
        by,
        reason,
        since_ms: core.clock.now_ms(),
        from: digest,
    };
    core.books
        .change(system, |book| {
            book.canary = None;
            book.rolled_back = Some(rolled_back);
        })
        .await?;
    core.systems.end_canary(system);
    drop(alone);
    follow(core).await;
    Ok(())
}

async fn keep(core: &Core, system: &str, change: impl FnOnce(&mut super::Book)) {
    if let Err(error) = core.books.change(system, change).await {
        tracing::error!(%system, %error, "what became of a canary could not be kept");
    }
}

fn none(system: &str) -> LifeError {
    LifeError::Conflict(format!(
        "system {system} has no canary; `canary: {{ share: 10%, for: 15m }}` in its file has every new version begin as one"
    ))
}
