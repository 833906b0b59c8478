//! A healthy lane at half load, alone and beside each of several attacks under way; how far an endless loop runs past
//! its budget; and what [`leaks`] finds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;
use tombolo_kernel::system::{ActionCall, ActionOffer, Actor as _};
use tombolo_manifest::Effect;

use super::{adapter, e2e, leaks};
use crate::figures::{Figures, median, percentile};
use crate::load::{self, Pace};
use crate::publish::Served;
use crate::sink::{Sink, free_port};
use crate::site;

/// Each attack: its key, what the attacker does, and how its figure reads.
const ATTACKS: [(&str, &str, &str); 9] = [
    (
        "attack_loop_p99_ratio",
        r#"{"do":"loop"}"#,
        "beside endless loops",
    ),
    (
        "attack_memory_p99_ratio",
        r#"{"do":"grow"}"#,
        "beside memory that grows",
    ),
    (
        "attack_calls_p99_ratio",
        r#"{"do":"flood"}"#,
        "beside a flood of host calls",
    ),
    (
        "attack_log_p99_ratio",
        r#"{"do":"log","text":"flooding the operator's disk, line by line by line","lines":2000}"#,
        "beside a flood of log lines",
    ),
    (
        "attack_answer_p99_ratio",
        r#"{"do":"answer","bytes":4000000}"#,
        "beside answers of 4 MB",
    ),
    (
        "attack_slow_p99_ratio",
        r#"{"do":"http","connection":"api","method":"GET","path":"/orders/7"}"#,
        "beside a server that never answers",
    ),
    (
        "attack_recursion_p99_ratio",
        r#"{"do":"recurse"}"#,
        "beside recursion without an end",
    ),
    (
        "attack_litter_p99_ratio",
        r#"{"do":"litter","count":200}"#,
        "beside a store filled with tiny values",
    ),
    (
        "attack_requests_p99_ratio",
        r#"{"do":"hammer","connection":"api","path":"/orders/7","turns":0,"timeout_ms":5}"#,
        "beside requests that are broken off at once, again and again",
    ),
];

const UNDER_WAY: usize = 256;
const WARM: usize = 1_000;
const ROUNDS: usize = 5;
/// Attacks that are begun each time, and how often that is: more than the machine can carry out.
const AT_ONCE: usize = 8;
const EVERY: Duration = Duration::from_millis(100);
/// A secret of the attacker's system.
pub(crate) const CANARY: &str = "canary-5f2c9a71d4-bench";

/// `full` events to find the rate, `half` at half of it, `calls` with canaries.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    (full, half, calls): (usize, usize, usize),
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    let size = e2e::Size { full, half };
    say("attacks: the rate without any");
    let rate = runtime
        .block_on(e2e::host_round(adapters, size))?
        .per_second
        / 2.0;
    let (mut alone, mut ratios) = (Vec::new(), vec![Vec::new(); ATTACKS.len()]);
    for round in 1..=ROUNDS {
        let measured = |deed, what: &str| {
            let p99 = runtime.block_on(healthy(adapters, deed, rate, half))?;
            say(&format!(
                "attacks: round {round} of {ROUNDS}, {what}: p99 {p99:.1} ms"
            ));
            anyhow::Ok(p99)
        };
        // Alone more often: a round's ratios have it in common, and a disk that is slow once must not decide them.
        // Against the same round's, for a machine may be twice as fast in one as in another.
        let (mut without, mut beside) = (Vec::new(), Vec::new());
        for (index, (_, deed, meaning)) in ATTACKS.iter().enumerate() {
            if index.is_multiple_of(3) {
                without.push(measured(None, "alone")?);
            }
            beside.push(measured(Some(deed), meaning)?);
        }
        let without = median(&mut without);
        for (ratios, beside) in ratios.iter_mut().zip(beside) {
            ratios.push(beside / without);
        }
        alone.push(without);
    }
    let alone = median(&mut alone);
    figures.note(
        "attack_none_p99_ms",
        alone,
        "ms, p99 of a healthy lane at half load alone, median of rounds",
    );
    let mut most = 0.0_f64;
    for ((key, _, meaning), ratios) in ATTACKS.iter().zip(&mut ratios) {
        let ratio = median(ratios);
        most = most.max(ratio);
        figures.note(key, ratio, meaning);
    }
    figures.note(
        "attack_p99_ratio_max",
        most,
        "p99 of a healthy lane beside the worst attack over its p99 alone; at most 1.5",
    );
    say("attacks: past the budget");
    figures.note(
        "cpu_overrun_ms",
        overrun_ms(&runtime, adapters)?,
        "ms that an endless loop runs past its budget at most; at most 20",
    );
    say("attacks: canaries");
    figures.note(
        "canary_leaks",
        runtime.block_on(leaks::leaks(adapters, calls))?,
        "places outside where a secret, a hidden or a masked field was seen after that many calls; none",
    );
    Ok(())
}

/// p99 of the healthy lane in milliseconds, with an attack under way or not.
async fn healthy(
    adapters: &Path,
    deed: Option<&str>,
    rate: f64,
    half: usize,
) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let sink = Sink::start(WARM + half, UNDER_WAY).await?;
    let silent = silent_server().await?;
    let port = free_port()?;
    site::write_e2e(folder.path(), adapters, port, sink.address)?;
    site::add_attacker(folder.path(), adapters, silent)?;
    let host = Arc::new(logging(folder.path(), port)?);
    load::send(host.address, load::requests(0, WARM), Pace::Full, &sink).await?;
    sink.wait_for(WARM as u64).await;
    let attacking = deed.map(|deed| attack(Arc::clone(&host), deed));
    if let Some(attacking) = &attacking {
        // It is under way when the first of them have had their time.
        while attacking.published.load(Ordering::Relaxed) < 4 * AT_ONCE {
            tokio::time::sleep(EVERY).await;
        }
    }
    let sent = load::send(
        host.address,
        load::requests(WARM, half),
        Pace::PerSecond(rate),
        &sink,
    )
    .await?;
    sink.wait_for((WARM + half) as u64).await;
    if let Some(attacking) = &attacking {
        attacking.over.store(true, Ordering::Relaxed);
    }
    let mut waits: Vec<f64> = sent
        .iter()
        .enumerate()
        .filter_map(|(index, sent)| e2e::latency_ms(&sink, WARM + index, *sent))
        .collect();
    Ok(percentile(&mut waits, 0.99))
}

/// A host that logs into its folder, as a served one does.
pub(super) fn logging(folder: &Path, port: u16) -> anyhow::Result<Served> {
    let log = folder.join("host.log");
    Served::start_logging(folder, port, &log, &[("TOMBOLO_LOG", "info")])
}

struct Attacking {
    published: AtomicUsize,
    over: AtomicBool,
}

/// Keeps an attack going until it is over. Every other deed is harmless: a system that only crashes is quarantined, and
/// the attack would end by itself.
fn attack(host: Arc<Served>, deed: &str) -> Arc<Attacking> {
    let attacking = Arc::new(Attacking {
        published: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let deed: Value = serde_json::from_str(deed).unwrap_or_default();
    let shared = Arc::clone(&attacking);
    tokio::spawn(async move {
        while !shared.over.load(Ordering::Relaxed) {
            let first = shared.published.load(Ordering::Relaxed);
            let event = |n: usize| {
                let data = if n.is_multiple_of(2) {
                    deed.clone()
                } else {
                    json!({"do": "echo"})
                };
                json!({"specversion": "1.0", "type": "attack", "source": "/bench", "id": format!("a-{}", first + n), "data": data})
            };
            if host.publish(AT_ONCE, event).await.is_err() {
                return;
            }
            shared.published.fetch_add(AT_ONCE, Ordering::Relaxed);
            tokio::time::sleep(EVERY).await;
        }
    });
    attacking
}

/// Takes connections and never answers; lets go of those that the other side gave up.
async fn silent_server() -> anyhow::Result<std::net::SocketAddr> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
        }
    });
    Ok(address)
}

/// The most that endless loops, alone and two beside each other, ran past their budget by the host's own record.
fn overrun_ms(runtime: &tokio::runtime::Runtime, adapters: &Path) -> anyhow::Result<f64> {
    let package = Package::read(std::fs::read(adapters.join("attacker.wasm"))?)?;
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let systems = adapter::systems(runtime, folder.path())?;
    let mut spec = site::spec("looping", Arc::new(package));
    let budget = Duration::from_millis(100);
    spec.limits.cpu = budget;
    let offer = ActionOffer {
        effect: Effect::Read,
        summary: "Goes".into(),
        input: None,
        output: None,
    };
    spec.actions.insert("go".into(), offer);
    let grant = site::grant(&spec);
    runtime.block_on(systems.connect(spec, Some(&grant)))?;
    let looping = || ActionCall {
        action: "go".into(),
        input: r#"{"do":"loop"}"#.into(),
        idempotency_key: "bench-1.flow/step".into(),
        attempt: 1,
        cause: "1.flow/step".into(),
        depth: 0,
        withheld: Gathered::Nothing,
        lane: None,
    };
    let mut most = 0_u64;
    for _ in 0..usize::try_from(limits::CRASHES / 4).unwrap_or(1) {
        let alone = runtime
            .block_on(systems.act("looping", looping()))
            .guest_micros;
        let (one, other) = runtime.block_on(async {
            tokio::join!(
                systems.act("looping", looping()),
                systems.act("looping", looping())
            )
        });
        most = most
            .max(alone)
            .max(one.guest_micros)
            .max(other.guest_micros);
    }
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a second")]
    let over = most as f64 / 1000.0 - budget.as_secs_f64() * 1000.0;
    Ok(over)
}
