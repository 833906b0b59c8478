//! Swaps under load: two versions of an adapter take turns while events of many lanes flow. Counts what does not arrive
//! or arrives out of its lane's order, and how much longer the slowest wait with swaps than without, in the same run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::e2e;
use crate::figures::{Figures, percentile};
use crate::load;
use crate::publish::Served;
use crate::sink::{Sink, free_port};
use crate::site;

/// Lanes, each of which sends its next event when the last one is acknowledged.
const LANES: usize = 64;
/// Between two swaps: some of the load meets a version that is not just begun.
const PAUSE: Duration = Duration::from_millis(25);
/// How long the last events may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
const UNDER_WAY: usize = 4_096;

/// How much.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Swaps, all in one round.
    pub(crate) swaps: usize,
    /// Events a second of all lanes.
    pub(crate) per_second: f64,
    /// Events of a round without swaps.
    pub(crate) alone: usize,
    /// Events that the round with swaps sends at most.
    pub(crate) most: usize,
}

/// Measures one host: without, with, without, so that the machine's drift meets both.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    size: Size,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    runtime.block_on(measure(figures, adapters, size, say))
}

async fn measure(
    figures: &mut Figures,
    adapters: &Path,
    size: Size,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let sink = Sink::start(2 * size.alone + size.most, UNDER_WAY).await?;
    let port = free_port()?;
    site::write_e2e(folder.path(), adapters, port, sink.address)?;
    let versions = site::two_versions(folder.path(), adapters)?;
    let load = Arc::new(Load {
        host: Served::start(folder.path(), port)?,
        sink,
        per_second: size.per_second,
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    say("swaps: the load alone");
    let before = round(&load, size.alone).await?;
    say(&format!("swaps: {} swaps under load", size.swaps));
    let sending = tokio::spawn({
        let load = Arc::clone(&load);
        async move { round(&load, size.most).await }
    });
    let swapped = swap(&load.host, folder.path(), &versions, size.swaps).await;
    load.over.store(true, Ordering::Relaxed);
    let with = sending.await??;
    load.over.store(false, Ordering::Relaxed);
    swapped?;
    say("swaps: the load alone, again");
    let after = round(&load, size.alone).await?;
    let mut alone = before.waits;
    alone.extend(&after.waits);
    let mut waits = with.waits;
    let extra = percentile(&mut waits, 0.99) - percentile(&mut alone, 0.99);
    figures.note(
        "swaps_lost",
        count(before.wrong + with.wrong + after.wrong),
        "events that did not arrive or left their lane's order; none",
    );
    figures.note(
        "swap_p99_extra_ms",
        extra,
        "ms by which p99 with swaps is above p99 without; at most 10",
    );
    figures.note(
        "swaps_beside_events",
        count(waits.len()),
        "events that flowed while versions were swapped",
    );
    Ok(())
}

struct Load {
    host: Served,
    sink: Arc<Sink>,
    per_second: f64,
    next: AtomicUsize,
    over: AtomicBool,
}

/// What became of a round.
struct Round {
    waits: Vec<f64>,
    /// Lost, or out of order.
    wrong: usize,
}

/// At most so many events, fewer where the load is told that it is over.
async fn round(load: &Arc<Load>, most: usize) -> anyhow::Result<Round> {
    let end = load.next.load(Ordering::Relaxed) + most;
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        lanes.spawn(send_lane(Arc::clone(load), lane, end));
    }
    let mut sent: BTreeMap<usize, Vec<(usize, u64)>> = BTreeMap::new();
    while let Some(one) = lanes.join_next().await {
        let (lane, numbers) = one??;
        sent.insert(lane, numbers);
    }
    let total: usize = load.next.load(Ordering::Relaxed).min(end);
    load.next.store(total, Ordering::Relaxed);
    let all = u64::try_from(total).unwrap_or(u64::MAX);
    // What has not arrived by then is counted as lost.
    let _ = tokio::time::timeout(PATIENCE, load.sink.wait_for(all)).await;
    let mut round = Round {
        waits: Vec::new(),
        wrong: 0,
    };
    for numbers in sent.values() {
        let mut last = 0;
        for (n, at) in numbers {
            let Some(arrived) = load.sink.arrival_us(*n) else {
                round.wrong += 1;
                continue;
            };
            round.wrong += usize::from(arrived < last);
            last = arrived;
            round.waits.extend(e2e::latency_ms(&load.sink, *n, *at));
        }
    }
    Ok(round)
}

/// One after another: what one lane sends has an order.
async fn send_lane(
    load: Arc<Load>,
    lane: usize,
    end: usize,
) -> anyhow::Result<(usize, Vec<(usize, u64)>)> {
    #[expect(clippy::cast_precision_loss, reason = "a count of lanes")]
    let every = Duration::from_secs_f64(LANES as f64 / load.per_second);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sent = Vec::new();
    loop {
        ticks.tick().await;
        if load.over.load(Ordering::Relaxed) {
            return Ok((lane, sent));
        }
        let n = load.next.fetch_add(1, Ordering::Relaxed);
        if n >= end {
            return Ok((lane, sent));
        }
        let mut data: Value = serde_json::from_str(&load::body(n))?;
        data["customer"]["id"] = json!(format!("lane-{lane}"));
        let event = json!({"specversion": "1.0", "type": "order.placed", "source": "/bench", "id": format!("s-{n}"), "data": data});
        let at = load.sink.now_us();
        load.host.publish(1, |_| event.clone()).await?;
        sent.push((n, at));
    }
}

/// Lets the versions take turns, each put into force before the next begins.
async fn swap(
    host: &Served,
    folder: &Path,
    versions: &[site::Version; 2],
    swaps: usize,
) -> anyhow::Result<()> {
    for turn in 1..=swaps {
        let version = &versions[turn % 2];
        site::write(folder, "systems/books.yaml", &version.system)?;
        site::write(folder, "grants/books.yaml", &version.grant)?;
        host.post("/api/reload").await?;
        let systems = host.get("/api/systems").await?.context("no systems")?;
        let mut all = systems.as_array().into_iter().flatten();
        let books = all.find(|one| one["system"] == "books");
        let runs = books
            .is_some_and(|books| books["state"] == "running" && books["digest"] == *version.digest);
        if !runs {
            bail!("swap {turn} was not made: {books:?}");
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of events")]
fn count(of: usize) -> f64 {
    of as f64
}
