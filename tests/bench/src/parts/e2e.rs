//! End to end: a signed post, verified by the webhook adapter, synced to the log, a flow with a condition and a
//! mapping, a REST action to a sink, in the order of each of 1,000 lanes. And the same work by the native program, which
//! keeps no order, in the same run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::figures::{Figures, median, percentile};
use crate::load::{self, LANES, Pace, SECRET};
use crate::process::Process;
use crate::sink::{Sink, free_port};
use crate::site;

const UNDER_WAY: usize = 256;
const WARM: usize = 2_000;
const ROUNDS: usize = 3;

/// How many events a round sends.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// At full speed.
    pub(crate) full: usize,
    /// At half of it.
    pub(crate) half: usize,
}

/// What one program reached.
pub(crate) struct Reached {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
    memory_per_event: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Measures both programs in turn, round by round, so that the machine's drift meets both.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    native_program: &Path,
    size: Size,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    let (mut host, mut native) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        say(&format!("end to end, round {round} of {ROUNDS}: the host"));
        host.push(runtime.block_on(host_round(adapters, size))?);
        say(&format!(
            "end to end, round {round} of {ROUNDS}: the native program"
        ));
        native.push(runtime.block_on(native_round(native_program, size))?);
    }
    let middle = |of: &[Reached], get: fn(&Reached) -> f64| {
        median(&mut of.iter().map(get).collect::<Vec<_>>())
    };
    let ratio = median(
        &mut host
            .iter()
            .zip(&native)
            .map(|(host, native)| host.per_second / native.per_second)
            .collect::<Vec<_>>(),
    );
    figures.note(
        "e2e_per_second",
        middle(&host, |r| r.per_second),
        "events a second, signed post to sink, durable, 1,000 lanes in order",
    );
    figures.note(
        "e2e_native_per_second",
        middle(&native, |r| r.per_second),
        "the same by the native program, not durable",
    );
    figures.note(
        "e2e_native_ratio",
        ratio,
        "host over native, median of rounds; at least 0.5",
    );
    figures.note(
        "e2e_p50_ms_half_load",
        middle(&host, |r| r.p50_ms),
        "ms from sending to the sink at half load",
    );
    figures.note(
        "e2e_p99_ms_half_load",
        middle(&host, |r| r.p99_ms),
        "ms; under 25",
    );
    figures.note(
        "e2e_native_p99_ms_half_load",
        middle(&native, |r| r.p99_ms),
        "ms, native at half of its own load",
    );
    figures.note(
        "e2e_cpu_us",
        middle(&host, |r| r.cpu_us),
        "processor microseconds of the host an event",
    );
    figures.note(
        "e2e_native_cpu_us",
        middle(&native, |r| r.cpu_us),
        "processor microseconds of the native program an event",
    );
    figures.note(
        "e2e_memory_bytes",
        middle(&host, |r| r.memory_per_event),
        "bytes by which the host grew an event",
    );
    Ok(())
}

pub(crate) async fn host_round(adapters: &Path, size: Size) -> anyhow::Result<Reached> {
    let (folder, sink) = (
        tempfile::tempdir_in(site::scratch()?)?,
        new_sink(size).await?,
    );
    let port = free_port()?;
    site::write_e2e(folder.path(), adapters, port, sink.address)?;
    let arguments = ["serve-host".to_owned(), folder.path().display().to_string()];
    let process = Process::start(
        &arguments,
        &[("BENCH_SECRET", SECRET), ("BENCH_TOKEN", "bench")],
    )?;
    let reached = measure(process, port, &sink, size).await?;
    in_order(&sink, WARM + size.full + size.half)?;
    Ok(reached)
}

/// Every lane's events arrived one after another.
fn in_order(sink: &Sink, count: usize) -> anyhow::Result<()> {
    let disordered = (LANES..count)
        .filter(|n| sink.arrival_us(*n) < sink.arrival_us(n - LANES))
        .count();
    if disordered > 0 {
        bail!("{disordered} events came before the one ahead of them in their lane");
    }
    Ok(())
}

async fn native_round(program: &Path, size: Size) -> anyhow::Result<Reached> {
    let sink = new_sink(size).await?;
    let port = free_port()?;
    let arguments = [
        port.to_string(),
        load::PATH.to_owned(),
        format!("http://{}", sink.address),
    ];
    let process = Process::of(program, &arguments, &[("BENCH_SECRET", SECRET)])?;
    measure(process, port, &sink, size).await
}

pub(crate) async fn new_sink(size: Size) -> anyhow::Result<Arc<Sink>> {
    Sink::start(WARM + size.full + size.half, UNDER_WAY).await
}

pub(crate) async fn measure(
    mut process: Process,
    port: u16,
    sink: &Arc<Sink>,
    size: Size,
) -> anyhow::Result<Reached> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    process.wait_for(address, Duration::from_secs(60))?;
    load::send(address, load::requests(0, WARM), Pace::Full, sink).await?;
    sink.wait_for(WARM as u64).await;

    let requests = load::requests(WARM, size.full);
    let (cpu, memory, start) = (process.cpu_us()?, process.memory()?, Instant::now());
    load::send(address, requests, Pace::Full, sink).await?;
    sink.wait_for((WARM + size.full) as u64).await;
    #[expect(clippy::cast_precision_loss, reason = "a count of thousands")]
    let count = size.full as f64;
    let per_second = count / start.elapsed().as_secs_f64();
    let cpu_us = (process.cpu_us()? - cpu) / count;
    let memory_per_event = (process.memory()? - memory).max(0.0) / count;

    let first = WARM + size.full;
    let sent = load::send(
        address,
        load::requests(first, size.half),
        Pace::PerSecond(per_second / 2.0),
        sink,
    )
    .await?;
    sink.wait_for((first + size.half) as u64).await;
    let mut waits: Vec<f64> = sent
        .iter()
        .enumerate()
        .filter_map(|(index, sent)| latency_ms(sink, first + index, *sent))
        .collect();
    Ok(Reached {
        per_second,
        cpu_us,
        memory_per_event,
        p50_ms: percentile(&mut waits, 0.5),
        p99_ms: percentile(&mut waits, 0.99),
    })
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a minute")]
pub(crate) fn latency_ms(sink: &Sink, n: usize, sent: u64) -> Option<f64> {
    Some(sink.arrival_us(n)?.saturating_sub(sent) as f64 / 1000.0)
}
