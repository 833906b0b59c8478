//! What the sandbox costs: compile, load from the cache, instantiate, a call in a fresh and in a used instance, and
//! the same work without it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tombolo_kernel::audit::NoAudit;
use tombolo_kernel::clock::MachineClock;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::package::Package;
use tombolo_kernel::sandbox::Engine;
use tombolo_kernel::system::{ActionCall, Actor as _, Surroundings, Systems};
use tombolo_store::sqlite::SqliteStore;

use crate::figures::{Figures, median};
use crate::{load, site};

const ROUNDS: usize = 7;

/// Measures one adapter of 500-byte calls.
pub(crate) fn run(
    figures: &mut Figures,
    guest: &Path,
    quick: bool,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    let calls = if quick { 2_000 } else { 50_000 };
    let package = Package::read(std::fs::read(guest)?)?;
    say("adapter: compile and load");
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let cold = Instant::now();
    drop(start(&runtime, folder.path(), &package)?);
    figures.note(
        "compile_ms",
        ms(cold.elapsed()),
        "ms from bytes to a running system, compiled in its child",
    );
    let mut cached = (0..ROUNDS)
        .map(|_| load_cached(&runtime, folder.path(), &package))
        .collect::<anyhow::Result<Vec<_>>>()?;
    figures.note(
        "load_cached_ms",
        median(&mut cached),
        "ms to load the compiled adapter from the cache; at most 1",
    );
    say("adapter: calls");
    let systems = start(&runtime, folder.path(), &package)?;
    let fresh = runtime.block_on(fresh_us(&systems, &package, if quick { 50 } else { 500 }))?;
    let (mut inside, mut outside, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let in_sandbox = runtime.block_on(call_us(&systems, calls))?;
        let native = native_us(calls);
        inside.push(in_sandbox);
        outside.push(native);
        more.push(in_sandbox - native);
    }
    figures.note(
        "adapter_call_us",
        median(&mut inside),
        "us for a call with a 500-byte event in a used instance",
    );
    figures.note(
        "fresh_call_us",
        fresh,
        "us for the first call of a new instance, median",
    );
    figures.note(
        "instantiate_us",
        fresh - median(&mut inside),
        "us of it that a used instance does not take",
    );
    figures.note(
        "adapter_native_us",
        median(&mut outside),
        "us for the same work without the sandbox",
    );
    figures.note(
        "adapter_call_overhead_us",
        median(&mut more),
        "us more, median of rounds; at most 6",
    );
    Ok(())
}

fn start(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    package: &Package,
) -> anyhow::Result<Arc<Systems>> {
    let systems = systems(runtime, folder)?;
    runtime.block_on(connect(&systems, package, "guest"))?;
    Ok(systems)
}

/// The kernel alone, with nothing connected.
pub(crate) fn systems(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
) -> anyhow::Result<Arc<Systems>> {
    Ok(Systems::new(Surroundings {
        engine: Arc::new(Engine::new(site::compile_config(folder))?),
        clock: Arc::new(MachineClock),
        audit: Arc::new(NoAudit),
        key_values: store(runtime, folder)?,
        brokers: Arc::new(NoBrokers),
        only_tried: false,
    }))
}

async fn connect(systems: &Systems, package: &Package, name: &str) -> anyhow::Result<()> {
    let spec = site::spec(name, Arc::new(package.clone()));
    let grant = site::grant(&spec);
    Ok(systems.connect(spec, Some(&grant)).await?)
}

/// Into an engine that knows nothing: read, check, map, link.
fn load_cached(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    package: &Package,
) -> anyhow::Result<f64> {
    let engine = Arc::new(Engine::new(site::compile_config(folder))?);
    let start = Instant::now();
    let code = runtime.block_on(engine.preload(package))?;
    let took = ms(start.elapsed());
    drop(code);
    Ok(took)
}

/// One call each of systems that share the code and have no instance yet.
async fn fresh_us(systems: &Systems, package: &Package, count: u32) -> anyhow::Result<f64> {
    for number in 0..count {
        connect(systems, package, &format!("fresh-{number}")).await?;
    }
    let mut took = Vec::new();
    for number in 0..count {
        let name = format!("fresh-{number}");
        let start = Instant::now();
        one_call(systems, &name, &load::body(7)).await?;
        took.push(start.elapsed().as_secs_f64() * 1e6);
        systems.disconnect(&name);
    }
    Ok(median(&mut took))
}

fn store(runtime: &tokio::runtime::Runtime, folder: &Path) -> anyhow::Result<Arc<SqliteStore>> {
    let _inside = runtime.enter();
    Ok(SqliteStore::open(
        folder.join("tombolo.db"),
        Arc::new(MachineClock),
    )?)
}

async fn call_us(systems: &Systems, calls: u32) -> anyhow::Result<f64> {
    let input = load::body(7);
    let start = Instant::now();
    for _ in 0..calls {
        one_call(systems, "guest", &input).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
}

async fn one_call(systems: &Systems, system: &str, input: &str) -> anyhow::Result<()> {
    let call = ActionCall {
        action: "map".into(),
        input: input.to_owned(),
        idempotency_key: "bench-1.flow/step".into(),
        attempt: 1,
        cause: "1.flow/step".into(),
        depth: 0,
        withheld: Gathered::Nothing,
        lane: None,
    };
    match systems.act(system, call).await.result {
        Ok(_) => Ok(()),
        Err(failure) => anyhow::bail!("the guest failed: {failure}"),
    }
}

fn native_us(calls: u32) -> f64 {
    let input = load::body(7);
    let start = Instant::now();
    for _ in 0..calls {
        let _ = std::hint::black_box(tombolo_bench_guest::map(std::hint::black_box(
            &input.clone(),
        )));
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

/// Milliseconds with fractions.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The benchmark's guest is bound to no broker.
struct NoBrokers;

impl tombolo_kernel::capability::broker::Brokers for NoBrokers {
    fn link(
        &self,
        _: &tombolo_kernel::system::BrokerPlace,
    ) -> Arc<dyn tombolo_kernel::capability::broker::BrokerLink> {
        unreachable!("the benchmark's guest is bound to no broker")
    }
}
