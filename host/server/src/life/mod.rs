//! What people decide about running systems, beyond what the site's folder says: kept in the data folder, in force again
//! after a restart. A decision is on disk before it takes effect.

mod book;
mod canary;
mod rollback;
mod standing;
mod told;
mod version;

use std::sync::Arc;

use tombolo_kernel::system::Disabled;

pub(crate) use self::book::{Book, Books, BooksError};
pub(crate) use self::canary::{begin, grow, promote, run, stop, until};
pub(crate) use self::rollback::{forward, rollback};
pub(crate) use self::standing::{Standing, go_on, in_force, stand_in, write_down};
pub(crate) use self::told::{News, gather, tell};
use crate::core::Core;

/// Why a decision is not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LifeError {
    /// The site has no such system.
    #[error("the site has no system {0}; `tombolo system status` lists them")]
    Unknown(String),
    /// It stands otherwise than the decision supposes.
    #[error("{0}")]
    Conflict(String),
    /// It could not be kept.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Takes a system out of service until somebody enables it: its calls wait in their lanes, its hooks send senders away
/// for a while, its feeds pause. What is under way ends. Disabled again, it has the new reason.
///
/// # Errors
/// There is no such system, or the decision cannot be kept.
pub(crate) async fn disable(
    core: &Arc<Core>,
    system: String,
    by: String,
    reason: String,
) -> Result<(), LifeError> {
    known(core, &system)?;
    let disabled = Disabled {
        by,
        reason,
        since_ms: core.clock.now_ms(),
    };
    let kept = disabled.clone();
    core.books
        .change(&system, |book| book.disabled = Some(kept))
        .await?;
    core.systems.disable(&system, disabled);
    tracing::warn!(%system, "a person disabled the system");
    Ok(())
}

/// Puts a system that is disabled or quarantined back into service; what waited for it goes on.
///
/// # Errors
/// There is no such system, it is in service, or the decision cannot be kept.
pub(crate) async fn enable(core: &Arc<Core>, system: String) -> Result<(), LifeError> {
    known(core, &system)?;
    core.books
        .change(&system, |book| book.disabled = None)
        .await?;
    if !core.systems.enable(&system) {
        return Err(LifeError::Conflict(format!(
            "system {system} is neither disabled nor quarantined"
        )));
    }
    core.engine.look_again(&system);
    core.feeds.look_again();
    tracing::info!(%system, "a person enabled the system");
    Ok(())
}

/// A reviewer took the grant away: what is kept of the system does not come back either.
pub(crate) async fn withdrawn(core: &Core, system: &str, why: &str) {
    let change = core.books.change(system, |book| book.withdrawn(why));
    if let Err(error) = change.await {
        tracing::error!(%system, %error, "that the grant was taken away is not noted with the kept versions; the site has it");
    }
}

fn known(core: &Core, system: &str) -> Result<(), LifeError> {
    let mut all = core.status().into_iter();
    match all.any(|status| status.system == system) {
        true => Ok(()),
        false => Err(LifeError::Unknown(system.to_owned())),
    }
}
