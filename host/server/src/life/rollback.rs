//! Back to the last good version, and forward again. The kept version is made ready beside the one that runs, the
//! decision is put on disk, and both switch at once; neither the site nor a registry is asked for anything but the grant
//! that is in force now and whose signatures count.

use std::sync::Arc;

use tombolo_kernel::grant::Grant;
use tombolo_kernel::system::admit;

use super::book::{Book, RolledBack};
use super::version::Version;
use super::{LifeError, known};
use crate::core::Core;
use crate::secrets::SecretSource;
use crate::site::{GrantFound, Settings, SystemPlan, grant_of, settings};

/// Puts the version before into the place of the one that runs. Gives its name.
///
/// # Errors
/// There is none, it may not run, or the decision cannot be kept; what ran keeps running.
pub(crate) async fn rollback(
    core: &Arc<Core>,
    system: String,
    by: String,
    reason: String,
) -> Result<String, LifeError> {
    known(core, &system)?;
    let alone = core.reloading.lock().await;
    let book = core.books.of(&system).await;
    if let Some(RolledBack { by, reason, .. }) = &book.rolled_back {
        return Err(LifeError::Conflict(format!(
            "system {system} was rolled back by {by} already: {reason}; `tombolo system forward {system}` goes to the site's version"
        )));
    }
    if let Some(canary) = core.systems.canary(&system) {
        return Err(LifeError::Conflict(format!(
            "system {system} tries {} on a share of its lanes; `tombolo system canary {system} --stop` ends that",
            canary.adapter
        )));
    }
    let (Some(left), Some(version)) = (book.running, book.last) else {
        return Err(LifeError::Conflict(format!(
            "system {system} has no version to roll back to: none was in force before the one that runs"
        )));
    };
    let refused = |why: String| {
        LifeError::Conflict(format!(
            "system {system} is not rolled back to {}: {why}",
            version.adapter
        ))
    };
    let (settings, plan) = ready(core, &system, &version).await.map_err(refused)?;
    let source = SecretSource::new(&core.folder, settings.secrets);
    let ready = core.connections.ready(&plan, &version.grant, &source);
    let (candidate, fingerprint) = core
        .connections
        .prepare_one(&core.systems, ready.map_err(refused)?, &version.grant)
        .await
        .map_err(refused)?;
    let candidate = candidate.asked_for_by(&by);
    let rolled_back = RolledBack {
        by,
        reason,
        since_ms: core.clock.now_ms(),
        from: left.digest,
    };
    core.books
        .change(&system, |book| book.rolled_back = Some(rolled_back))
        .await?;
    core.connections.put(&system, fingerprint);
    core.systems.switch(vec![candidate], &[], || {});
    tracing::warn!(%system, to = %version.adapter, from = %left.adapter, "the system was rolled back");
    drop(alone);
    follow(core).await;
    Ok(version.adapter)
}

/// Ends a rollback: the site's version runs again.
///
/// # Errors
/// It is not rolled back, the site's version may not run, or the decision cannot be kept.
pub(crate) async fn forward(core: &Arc<Core>, system: String) -> Result<(), LifeError> {
    known(core, &system)?;
    let before = core.books.of(&system).await.rolled_back;
    if before.is_none() {
        return Err(LifeError::Conflict(format!(
            "system {system} is not rolled back: it runs the site's version"
        )));
    }
    core.books.change(&system, Book::forward).await?;
    let result = core.reload("a system goes forward", "").await;
    let problem = match result {
        Ok(changes) if changes.connected.contains(&system) => return Ok(()),
        Ok(_) => format!(
            "the site's version does not start; `tombolo system status` after `tombolo check {}` tells why",
            core.folder.display()
        ),
        Err(problems) => match problems.first() {
            Some(problem) => format!("the site does not check: {problem}"),
            None => "the site does not check".to_owned(),
        },
    };
    core.books
        .change(&system, |book| {
            (book.rolled_back, book.whole) = (before, None)
        })
        .await?;
    follow(core).await;
    Err(LifeError::Conflict(format!(
        "system {system} stays rolled back: {problem}"
    )))
}

/// Feeds, subscriptions and how calls go out follow the version that runs. A site that does not check changes nothing of
/// them, and says so as at any reload.
pub(super) async fn follow(core: &Arc<Core>) {
    core.subscriptions.replace(core);
    if let Err(problems) = core.reload("another version of a system runs", "").await {
        tracing::warn!(
            problems = problems.len(),
            "the site does not check; its feeds stay as they were"
        );
    }
}

/// The kept version, held against what counts now.
async fn ready(
    core: &Core,
    system: &str,
    version: &Version,
) -> Result<(Settings, SystemPlan), String> {
    if let Some(why) = &version.withdrawn {
        return Err(format!(
            "{why}; a reviewer can approve it again, once the site names it"
        ));
    }
    let (kept, name, folder) = (version.clone(), system.to_owned(), core.folder.clone());
    let read = tokio::task::spawn_blocking(move || {
        may_run(&kept.grant, grant_of(&folder, &name))?;
        let settings = settings(&folder).map_err(|problems| match problems.first() {
            Some(problem) => problem.to_string(),
            None => "tombolo.yaml cannot be read".to_owned(),
        })?;
        let plan = kept.plan(&name, &folder, &settings)?;
        Ok::<_, String>((settings, plan))
    });
    let (settings, plan) = read.await.map_err(|error| error.to_string())??;
    match admit(&plan.bare, Some(&version.grant), core.clock.now_ms()) {
        Ok(_) => Ok((settings, plan)),
        Err(held_back) => Err(held_back.message),
    }
}

/// A rollback gives back nothing that a reviewer has taken away since.
fn may_run(kept: &Grant, now: GrantFound) -> Result<(), String> {
    let now = match now {
        GrantFound::Grant(now) => now,
        GrantFound::Nothing => return Err("the system's grant was removed".into()),
        GrantFound::Unreadable(problems) => {
            let first = problems.first().map(ToString::to_string);
            return Err(format!(
                "the system's grant cannot be read: {}",
                first.unwrap_or_default()
            ));
        }
    };
    if let Some(revoked) = &now.revoked {
        return Err(format!(
            "the system's grant was revoked by {}: {}",
            revoked.by, revoked.reason
        ));
    }
    let taken = now.refused.iter().find(|item| kept.items.contains(item));
    match taken {
        Some(item) => Err(format!(
            "it may do what the reviewer has refused since: {}",
            tombolo_kernel::grant::sentence(item)
        )),
        None => Ok(()),
    }
}
