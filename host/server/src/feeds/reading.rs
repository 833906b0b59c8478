//! One reading of one feed: page after page until there is no more, each page's events and cursor in one transaction.

use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tombolo_flow::engine::Untaken;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::Page;
use tombolo_store::{CursorRow, PageIn, StoreError};

use super::Feed;
use crate::core::Core;
use crate::ingress::made;
use crate::site::FeedPlan;

/// How long a reading waits before it looks again whether the engine has room.
const PAUSE: Duration = Duration::from_millis(100);

/// Reads to the end. A page is asked for only while the engine has room for what the last one caused, and when the system's
/// turn comes. A place is taken for each page, so that a system that is slow to take its turn keeps none from others.
///
/// # Errors
/// What broke it off, or that the system rests; the pages before are in the log, and the next reading goes on behind them.
pub(super) async fn read(
    core: &Core,
    feed: &Feed,
    plan: &FeedPlan,
    places: &Semaphore,
    stopped: &watch::Receiver<bool>,
) -> Result<(), Untaken> {
    let owner = made::source(&feed.system);
    let stored = core
        .store
        .cursor(&owner, &feed.name)
        .await
        .map_err(|error| unavailable(&error))?;
    let kept = stored.and_then(|row| row.cursor);
    let mut cursor = feed.begins_at().or(kept.clone()).or(plan.from.clone());
    let mut is_kept = cursor == kept;
    loop {
        while core.engine.is_overloaded() && !feed.should_end(stopped) {
            tokio::time::sleep(PAUSE).await;
        }
        if feed.should_end(stopped) {
            return Ok(());
        }
        let mut place = None;
        let reading = async {
            // Never closed.
            place = places.acquire().await.ok();
            core.systems
                .read(&feed.system, &feed.name, cursor.clone(), plan.page)
                .await
        };
        let page = core.engine.in_turn(&feed.system, reading).await?;
        let next = page.cursor.clone().or_else(|| cursor.clone());
        check(&page, cursor.as_deref(), next.as_deref())?;
        let more = page.more;
        is_kept &= next == cursor;
        // A poll that brings nothing costs no write; a nightly one is noted, so that a restart does not repeat it.
        if !page.events.is_empty() || !is_kept || feed.is_by_the_clock(plan) {
            keep(core, feed, &owner, page, next.clone()).await?;
            is_kept = true;
        }
        drop(place);
        cursor = next;
        if !more {
            return Ok(());
        }
    }
}

async fn keep(
    core: &Core,
    feed: &Feed,
    owner: &str,
    page: Page,
    cursor: Option<String>,
) -> Result<(), Failure> {
    let now = core.clock.now_ms();
    let events = made::stored(&feed.system, page.events, now).map_err(|(index, error)| {
        Failure::Internal {
            message: format!("event {index} of the page: {error}"),
        }
    })?;
    let cursor = CursorRow {
        owner: owner.to_owned(),
        name: feed.name.clone(),
        cursor,
        read_ms: now,
        events: 0,
    };
    let appended = core
        .publish_page(PageIn { events, cursor })
        .await
        .map_err(|error| unavailable(&error))?;
    feed.brought(appended.iter().filter(|appended| appended.fresh).count());
    Ok(())
}

/// A feed that says there is more and stays where it is would be read for ever.
fn check(page: &Page, cursor: Option<&str>, next: Option<&str>) -> Result<(), Failure> {
    if page.more && next == cursor {
        return Err(Failure::Internal {
            message: "the page says that there is more, but its cursor is the one it was read from; where many rows \
                      share one value of the cursor's field, raise `page` or take a finer field"
                .into(),
        });
    }
    Ok(())
}

fn unavailable(error: &StoreError) -> Failure {
    Failure::Unavailable {
        message: error.to_string(),
        retry_after_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_says_more_must_move_its_cursor() {
        let page = |more| Page {
            more,
            ..Page::default()
        };
        assert!(check(&page(true), Some("7"), Some("7")).is_err());
        assert!(check(&page(true), None, None).is_err());
        assert!(check(&page(true), Some("7"), Some("8")).is_ok());
        assert!(check(&page(false), Some("7"), Some("7")).is_ok());
    }
}
