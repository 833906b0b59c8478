//! How many events a second the store takes, synced, by how many there are in a commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tombolo_kernel::clock::MachineClock;
use tombolo_kernel::event::Event;
use tombolo_store::Store;
use tombolo_store::sqlite::SqliteStore;

use crate::figures::{Figures, median};
use crate::{load, site};

const ROUNDS: usize = 3;

/// Measures batches of 1, 100 and 1,000.
pub(crate) fn run(figures: &mut Figures, quick: bool, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    let each = if quick {
        Duration::from_millis(300)
    } else {
        Duration::from_secs(3)
    };
    let sizes = [
        (
            1,
            "append_1_per_second",
            "events a second, synced, one in a commit",
        ),
        (
            100,
            "append_per_second",
            "events a second, synced, 100 in a commit",
        ),
        (
            1_000,
            "append_1000_per_second",
            "events a second, synced, 1,000 in a commit",
        ),
    ];
    for (batch, key, meaning) in sizes {
        say(&format!("append, {batch} in a commit"));
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push(runtime.block_on(rate(batch, each))?);
        }
        figures.note(key, median(&mut rates), meaning);
    }
    Ok(())
}

async fn rate(batch: usize, each: Duration) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let store = SqliteStore::open(folder.path().join("tombolo.db"), Arc::new(MachineClock))?;
    let (mut count, start) = (0_usize, Instant::now());
    let mut batches = Vec::new();
    while start.elapsed() < each {
        // Made outside the store, but on its clock: a few percent, and what a sender's event costs in any case.
        batches.extend((count..count + batch).map(event));
        store.append(std::mem::take(&mut batches)).await?;
        count += batch;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let rate = count as f64 / start.elapsed().as_secs_f64();
    store.close().await;
    Ok(rate)
}

/// Event `n`, about 500 bytes of data.
pub(crate) fn event(n: usize) -> Event {
    Event {
        id: format!("msg_{n}"),
        source: "/systems/source".into(),
        kind: "order.placed".into(),
        subject: Some(format!("c-{}", n % 997)),
        time: "2026-11-22T10:00:00Z".into(),
        data: serde_json::value::RawValue::from_string(load::body(n))
            .unwrap_or_else(|_| unreachable!("the body is JSON")),
        hops: 0,
        cause: None,
        root: None,
    }
}
