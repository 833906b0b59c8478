//! Proof that nothing acknowledged is lost: `cargo run --release -p tombolo-tests --bin crash -- --kills N --seed S`.
//!
//! An outside driver with its own journal posts to hooks, publishes, tells three brokers and serves a feed, kills the host
//! with SIGKILL at moments drawn from the seed and at its syncs, starts it again and goes on, while the sink fails in
//! every way it can and an adapter traps. At the end of a round the sink is healed and three records are compared: what
//! was acknowledged (the journal), what became of it (the store), what arrived (the sink, the broker). The last line is
//! `kills=N acked=N lost=N reordered=N duplicates=N`; the exit code is 1 when any promise was broken.
//!
//! | module | is |
//! |---|---|
//! | `loads`, `site/` | what is sent, the flows it sets off, and what must come of it |
//! | `round` | one site from its first start to its verdict; `kills` and `syncs` say when the host dies |
//! | `sender`, `source`, `bus`, `wires`, `people` | who sends, is read, or answers; `journal` is what they know to be acknowledged |
//! | `sink`, `answer`, `record` | where it arrives, how that fails, and in which order it came |
//! | `verdict/` | the comparison |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a driver of tests: whatever it cannot do ends it"
)]
#![allow(clippy::print_stdout, reason = "its report is its output")]

mod answer;
mod asked;
mod bus;
mod host;
mod journal;
mod kills;
mod loads;
mod people;
mod record;
mod round;
mod sender;
mod sink;
mod site;
mod source;
mod syncs;
mod verdict;
mod wires;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::asked::Asked;
use crate::round::Order;
use crate::verdict::Verdict;
use crate::wires::Brokers;

/// What all jobs found so far.
struct Totals {
    kills: u32,
    /// Of them at a sync.
    at_syncs: u32,
    /// Every sync that was drawn, and whether the host ended there.
    places: BTreeMap<i64, bool>,
    verdict: Verdict,
    start: Instant,
}

fn main() -> anyhow::Result<()> {
    let asked = asked::read()?;
    // The client's cryptography; a second installation is no error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let totals = Mutex::new(Totals {
        kills: 0,
        at_syncs: 0,
        places: BTreeMap::new(),
        verdict: Verdict::default(),
        start: Instant::now(),
    });
    let brokers = Brokers::start();
    std::thread::scope(|scope| {
        let mut jobs = Vec::new();
        for number in 0..asked.jobs {
            let (totals, brokers) = (&totals, &brokers);
            let share = asked.kills / asked.jobs + u32::from(number < asked.kills % asked.jobs);
            jobs.push(scope.spawn(move || job(asked, number, share, totals, brokers)));
        }
        for job in jobs {
            if job.join().is_err() {
                let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                totals
                    .verdict
                    .give_up("a driver panicked; see above".to_owned());
            }
        }
    });
    // Before an exit that ends nothing else.
    drop(brokers);
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    for problem in &totals.verdict.problems {
        println!("{problem}");
    }
    println!("{}", line(&totals));
    if !totals.verdict.is_good() || totals.kills != asked.kills {
        std::process::exit(1);
    }
    Ok(())
}

/// One driver with its share of the kills. One that cannot go on ends; the others do not.
fn job(asked: Asked, number: u32, share: u32, totals: &Mutex<Totals>, brokers: &Brokers) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut left = share;
    let mut rounds = 0;
    while left > 0 || rounds == 0 {
        let order = Order {
            kills: left.min(asked.round),
            // Jobs and rounds that have nothing in common.
            seed: asked.seed + u64::from(number) + 1_000 * rounds,
            walk: asked.seed + 1_000 * rounds,
            job: (number as usize, asked.jobs as usize),
            calm: asked.calm,
        };
        let ended = runtime.block_on(round::run(order, brokers));
        let mut totals = totals.lock().unwrap();
        match ended {
            Ok((verdict, killed)) => {
                left -= killed.kills;
                totals.kills += killed.kills;
                totals.at_syncs += killed.at_syncs;
                for (place, met) in killed.places {
                    *totals.places.entry(place).or_default() |= met;
                }
                totals.verdict.add(verdict);
            }
            Err(problem) => {
                totals
                    .verdict
                    .give_up(format!("seed {}: {problem:?}", order.seed));
                return;
            }
        }
        let seconds = totals.start.elapsed().as_secs_f64();
        let rate = f64::from(totals.kills) / seconds;
        println!(
            "so far {} broken={}; {} kills at syncs; {} of {} places drawn, {} met; {rate:.1} kills/s",
            line(&totals),
            totals.verdict.broken,
            totals.at_syncs,
            totals.places.len(),
            syncs::places().len(),
            totals.places.values().filter(|met| **met).count()
        );
        rounds += 1;
    }
}

fn line(totals: &Totals) -> String {
    let verdict = &totals.verdict;
    format!(
        "kills={} acked={} lost={} reordered={} duplicates={}",
        totals.kills, verdict.acked, verdict.lost, verdict.reordered, verdict.duplicates
    )
}
