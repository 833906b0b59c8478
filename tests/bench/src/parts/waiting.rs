//! Many events wait behind a system that is dead: what that costs in memory and other lanes, and how fast they go on
//! once it is back.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::json;

use crate::figures::{Figures, median};
use crate::load::{self, LANES, Pace};
use crate::publish::Served;
use crate::sink::{Sink, free_port};
use crate::site;

/// How often the other lanes are measured, and in how many parts the waiting events come.
const ROUNDS: usize = 3;
const UNDER_WAY: usize = 256;
const WARM: usize = 2_000;

/// `count` events wait; `other` are sent in other lanes before and beside them.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    count: usize,
    other: usize,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    runtime.block_on(measured(figures, adapters, (count, other), say))
}

async fn measured(
    figures: &mut Figures,
    adapters: &Path,
    (count, other): (usize, usize),
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let sink = Sink::start(WARM + 2 * other, UNDER_WAY).await?;
    let (port, dead) = (free_port()?, free_port()?);
    site::write_e2e(folder.path(), adapters, port, sink.address)?;
    site::add_dead(folder.path(), adapters, dead)?;
    let host = Served::start(folder.path(), port)?;
    load::send(host.address, load::requests(0, WARM), Pace::Full, &sink).await?;
    sink.wait_for(WARM as u64).await;
    say("waiting: the other lanes alone");
    let alone = per_second(&host, &sink, WARM, other).await?;
    let before = host.process.memory()?;
    let mut most = before;
    say(&format!(
        "waiting: {count} events for a system that is dead"
    ));
    for part in 0..ROUNDS {
        let (first, next) = (part * count / ROUNDS, (part + 1) * count / ROUNDS);
        host.publish(next - first, |n| wanted(first + n)).await?;
        most = most.max(host.process.memory()?);
    }
    say("waiting: the other lanes beside them");
    let beside = per_second(&host, &sink, WARM + other, other).await?;
    most = most.max(host.process.memory()?);
    figures.note(
        "waiting_1m_other_lanes_ratio",
        beside / alone,
        "throughput of other lanes meanwhile, over theirs alone; at least 0.9",
    );
    say("waiting: the system is back");
    let back = Sink::start_at(dead, count, UNDER_WAY).await?;
    let (start, mut last) = (Instant::now(), (0, Instant::now()));
    while back.count() < count as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        most = most.max(host.process.memory()?);
        if back.count() > last.0 {
            last = (back.count(), Instant::now());
        } else if last.1.elapsed() > Duration::from_secs(120) {
            bail!(
                "{} of {count} events arrived, and then none for 120 s",
                last.0
            );
        }
    }
    figures.note(
        "waiting_1m_extra_mib",
        (most - before) / 1_048_576.0,
        "MiB more at most, while 1,000,000 events come, wait for a dead system and go on; under 200",
    );
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let drained = count as f64 / start.elapsed().as_secs_f64();
    let disordered = (LANES..count)
        .filter(|n| back.arrival_us(*n) < back.arrival_us(n - LANES))
        .count();
    if disordered > 0 {
        bail!("{disordered} events came before the one ahead of them in their lane");
    }
    figures.note(
        "waiting_1m_drained_per_second",
        drained,
        "events a second after it is back, each lane in order",
    );
    Ok(())
}

/// Event `n` for the system that is dead.
fn wanted(n: usize) -> serde_json::Value {
    let lane = n % LANES;
    json!({"specversion": "1.0", "id": format!("d-{n}"), "source": "/bench", "type": "part.wanted", "subject": format!("lane-{lane}"), "data": {"n": n, "customer": format!("c-{lane}")}})
}

/// Events a second of the other lanes, the median of some rounds.
async fn per_second(
    host: &Served,
    sink: &std::sync::Arc<Sink>,
    first: usize,
    count: usize,
) -> anyhow::Result<f64> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for part in 0..ROUNDS {
        let (from, to) = (
            first + part * count / ROUNDS,
            first + (part + 1) * count / ROUNDS,
        );
        let requests = load::requests(from, to - from);
        let start = Instant::now();
        load::send(host.address, requests, Pace::Full, sink).await?;
        sink.wait_for(to as u64).await;
        #[expect(clippy::cast_precision_loss, reason = "a count of thousands")]
        rounds.push((to - from) as f64 / start.elapsed().as_secs_f64());
    }
    Ok(median(&mut rounds))
}
