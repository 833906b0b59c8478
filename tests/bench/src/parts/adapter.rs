//! What the sandbox costs: compile, load from the cache, instantiate, a call in a fresh and in a used instance, and
//! the same work without it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tombolo_kernel::audit::NoAudit;
use tombolo_kernel::clock::MachineClock;
use tombolo_kernel::package::Package;
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let calls = if quick { 2_000 } else { 50_000 };
    let package = Package::read(std::fs::read(guest)?)?;
    say("adapter: compile and load");
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let cold = Instant::now();
    drop(start(&runtime, folder.path(), &package, "cold")?);
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
    let systems = start(&runtime, folder.path(), &package, "warm")?;
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
    name: &str,
) -> anyhow::Result<Arc<Systems>> {
    let engine = Arc::new(tombolo_kernel::sandbox::Engine::new(site::compile_config(
        folder,
    ))?);
    connect(runtime, folder, engine, package, name)
}

fn connect(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    engine: Arc<tombolo_kernel::sandbox::Engine>,
    package: &Package,
    name: &str,
) -> anyhow::Result<Arc<Systems>> {
    let store = store(runtime, folder, name)?;
    let systems = Systems::new(Surroundings {
        engine,
        clock: Arc::new(MachineClock),
        audit: Arc::new(NoAudit),
        key_values: store,
    });
    let spec = site::spec("guest", Arc::new(package.clone()));
    let grant = site::grant(&spec);
    runtime.block_on(systems.connect(spec, Some(&grant)))?;
    Ok(systems)
}

/// From an engine that knows nothing to a running system: load from the cache, prepare, one instance tried.
fn load_cached(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    package: &Package,
) -> anyhow::Result<f64> {
    let engine = Arc::new(tombolo_kernel::sandbox::Engine::new(site::compile_config(
        folder,
    ))?);
    let (spec, key_values) = (
        site::spec("guest", Arc::new(package.clone())),
        store(runtime, folder, "cached")?,
    );
    let grant = site::grant(&spec);
    let systems = Systems::new(Surroundings {
        engine,
        clock: Arc::new(MachineClock),
        audit: Arc::new(NoAudit),
        key_values,
    });
    let start = Instant::now();
    runtime.block_on(systems.connect(spec, Some(&grant)))?;
    Ok(ms(start.elapsed()))
}

fn store(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    name: &str,
) -> anyhow::Result<Arc<SqliteStore>> {
    let _inside = runtime.enter();
    let inside = folder.join(format!("{name}-{}", fastrand::u64(..)));
    std::fs::create_dir_all(&inside)?;
    Ok(SqliteStore::open(
        inside.join("tombolo.db"),
        Arc::new(MachineClock),
    )?)
}

async fn call_us(systems: &Systems, calls: u32) -> anyhow::Result<f64> {
    let input = load::body(7);
    let start = Instant::now();
    for _ in 0..calls {
        let call = ActionCall {
            action: "map".into(),
            input: input.clone(),
            idempotency_key: "bench-1.flow/step".into(),
            attempt: 1,
            cause: "1.flow/step".into(),
            depth: 0,
        };
        let outcome = systems.act("guest", call).await;
        if let Err(failure) = outcome.result {
            anyhow::bail!("the guest failed: {failure}");
        }
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
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
