//! Which version of each system is put into force: the site's, or the one that it was rolled back to. Also, what was put
//! into force is written down here, so that there is always one to roll back to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tombolo_kernel::clock::Millis;
use tombolo_kernel::grant::Grant;
use tombolo_kernel::system::admit;

use super::book::{Book, Books};
use super::canary::OnTrial;
use super::version::{Version, named};
use crate::site::{Site, SystemPlan};

/// What became of the site's versions.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Systems whose rollback ends when the site's version runs.
    pub(crate) ending: Vec<String>,
    /// What the site has for systems that are rolled back.
    pub(crate) instead: BTreeMap<String, String>,
    /// What the site has for systems that try it on a share of their lanes.
    pub(crate) canaries: BTreeMap<String, OnTrial>,
}

/// A version that came into force.
pub(crate) struct InForce {
    pub(crate) system: String,
    pub(crate) plan: SystemPlan,
    pub(crate) grant: Grant,
    /// The one before it was not found bad.
    pub(crate) was_well: bool,
}

/// Puts the versions that systems were rolled back to in the place of the site's, which is read and checked.
pub(crate) async fn stand_in(books: &Books, site: &mut Site, now: Millis) -> Standing {
    let mut standing = Standing::default();
    for (system, book) in books.all().await {
        look_after(books, site, &system, &book).await;
        let Some(plan) = site.systems.get(&system) else {
            continue;
        };
        let grant = site.grants.get(&system);
        let Some(rolled_back) = &book.rolled_back else {
            standing
                .canaries
                .extend(on_trial(site, &system, &book, now).await);
            continue;
        };
        let is_other = plan.bare.package.digest != rolled_back.from;
        if is_other && admit(&plan.bare, grant, now).is_ok() {
            match on_trial(site, &system, &book, now).await {
                Some(trial) => standing.canaries.extend([trial]),
                None => standing.ending.push(system),
            }
            continue;
        }
        standing.instead.insert(system.clone(), named(plan));
        // Without a grant, or with one that is over, the site's version is held back, and says why.
        let is_over = |grant: &Grant| grant.over(now).map_or(true, |why| why.is_some());
        if grant.is_none_or(is_over) {
            continue;
        }
        let kept = book.before().cloned();
        match kept_plan(site, &system, kept).await {
            Ok((plan, grant)) => {
                site.systems.insert(system.clone(), plan);
                site.grants.insert(system, grant);
            }
            Err(error) => {
                tracing::error!(%system, %error, "the version that the system was rolled back to cannot be used; it does not run until `tombolo system forward`");
                // What was left must not run either.
                site.grants.remove(&system);
            }
        }
    }
    standing
}

/// The site's version, if it is to be tried: the one before stands in its place then.
async fn on_trial(
    site: &mut Site,
    system: &str,
    book: &Book,
    now: Millis,
) -> Option<(String, OnTrial)> {
    let (plan, grant) = (
        site.systems.get(system)?.clone(),
        site.grants.get(system)?.clone(),
    );
    let (canary, digest) = (plan.canary?, plan.bare.package.digest.clone());
    let before = book.before()?.clone();
    let is_due = before.digest != digest && before.withdrawn.is_none();
    let is_whole = book.whole.as_ref() == Some(&digest);
    if !is_due || is_whole || admit(&plan.bare, Some(&grant), now).is_err() {
        return None;
    }
    match kept_plan(site, system, Some(before)).await {
        Ok((old, by)) if admit(&old.bare, Some(&by), now).is_ok() => {
            site.systems.insert(system.to_owned(), old);
            site.grants.insert(system.to_owned(), by);
            let trial = OnTrial {
                plan,
                grant,
                canary,
            };
            Some((system.to_owned(), trial))
        }
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%system, %error, "the version before cannot be used: the new one takes all lanes without a trial");
            None
        }
    }
}

async fn kept_plan(
    site: &Site,
    system: &str,
    version: Option<Version>,
) -> Result<(SystemPlan, Grant), String> {
    let version = version.ok_or("nothing is kept of it")?;
    let (name, folder, settings) = (
        system.to_owned(),
        site.folder.clone(),
        site.settings.clone(),
    );
    let read = tokio::task::spawn_blocking(move || {
        let plan = version.plan(&name, &folder, &settings)?;
        Ok((plan, version.grant))
    });
    read.await.map_err(|error| error.to_string())?
}

/// A grant that was taken away is taken away from what was kept, too; what the site does not name is forgotten.
async fn look_after(books: &Books, site: &Site, system: &str, book: &Book) {
    let forgotten = !site.systems.contains_key(system);
    let why = gone(system, site.grants.get(system));
    let is_known = |version: &Version| version.withdrawn.is_some();
    if !forgotten && (why.is_none() || book.running.iter().chain(&book.last).all(is_known)) {
        return;
    }
    let changed = books.change(system, |book| {
        if forgotten {
            (book.running, book.last, book.rolled_back) = (None, None, None);
        } else if let Some(why) = why {
            book.withdrawn(&why);
        }
    });
    if let Err(error) = changed.await {
        tracing::error!(%system, %error, "what is kept of the system cannot be brought up to date");
    }
}

/// Why no version of the system may run, if a reviewer took its grant away.
fn gone(system: &str, grant: Option<&Grant>) -> Option<String> {
    match grant {
        None => Some(format!("its grant, grants/{system}.yaml, was removed")),
        Some(grant) if grant.revoked.is_some() => grant.over(Millis::MIN).ok().flatten(),
        Some(_) => None,
    }
}

/// Ends the rollbacks of those systems whose version of the site is ready; on disk before it takes calls.
pub(crate) async fn go_on(books: &Books, ending: &[String], connected: &[String]) {
    for system in ending.iter().filter(|system| connected.contains(system)) {
        // The next reload finds the same and tries again.
        if let Err(error) = books.change(system, Book::goes_on).await {
            tracing::error!(%system, %error, "that the rollback ended could not be kept");
        }
    }
}

/// What came into force by this site. `unwell` are systems whose version before was found bad.
pub(crate) fn in_force(
    connected: &[String],
    plans: &BTreeMap<String, SystemPlan>,
    grants: &BTreeMap<String, Grant>,
    unwell: &BTreeSet<String>,
) -> Vec<InForce> {
    let one = |system: &String| {
        Some(InForce {
            system: system.clone(),
            plan: plans.get(system)?.clone(),
            grant: grants.get(system)?.clone(),
            was_well: !unwell.contains(system),
        })
    };
    connected.iter().filter_map(one).collect()
}

/// Writes down what came into force, in its turn. What cannot be written is logged: it runs, and cannot be gone back to.
pub(crate) async fn write_down(
    books: &Books,
    versions: Vec<InForce>,
    now: Millis,
    _turn: tokio::sync::OwnedMutexGuard<()>,
) {
    if versions.is_empty() {
        return;
    }
    for InForce {
        system,
        plan,
        grant,
        was_well,
    } in versions
    {
        let version = Version::of(&plan, &grant, now);
        let bytes = Arc::clone(&plan.bare.package.bytes);
        let kept = books.keep(&version.digest, bytes).await;
        let written = match kept {
            Ok(()) => {
                books
                    .change(&system, |book| book.runs(version, was_well))
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(%system, %error, "the version that runs now could not be kept: it cannot be rolled back to");
        }
    }
    books.tidy().await;
}
