//! Proof that nothing acknowledged is lost: `cargo run --release -p tombolo-tests --bin crash -- --kills N --seed S`.
//!
//! An outside driver with its own journal posts to hooks and publishes events, kills the host with SIGKILL at moments
//! drawn from the seed, starts it again and goes on, while the sink fails in every way it can. At the end the sink is
//! healed and the driver compares three records: what was acknowledged (its journal), what the host says became of it
//! (the store's views for people), what arrived (the sink). The last line is
//! `kills=N acked=N lost=N reordered=N duplicates=N`; the exit code is 1 when anything was lost or reordered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a driver of tests: whatever it cannot do ends it"
)]
#![allow(clippy::print_stdout, reason = "its report is its output")]

mod arrivals;
mod host;
mod journal;
mod kills;
mod load;
mod people;
mod sink;
mod site;
mod verdict;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use tombolo_tests::site::TestSite;

use crate::host::Host;
use crate::journal::Journal;
use crate::sink::Sink;

/// What was asked for on the command line.
struct Asked {
    kills: u32,
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let asked = asked()?;
    // The client's cryptography; a second installation is no error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let verdict = runtime.block_on(run(&asked))?;
    for problem in &verdict.problems {
        println!("{problem}");
    }
    println!(
        "kills={} acked={} lost={} reordered={} duplicates={}",
        asked.kills, verdict.acked, verdict.lost, verdict.reordered, verdict.duplicates
    );
    if !verdict.is_good() {
        std::process::exit(1);
    }
    Ok(())
}

async fn run(asked: &Asked) -> anyhow::Result<verdict::Verdict> {
    let sink = Sink::start(asked.seed).await?;
    let site = TestSite::new();
    site::write(&site, sink.address);
    let journal = Arc::new(Journal::create(&site.path().join("acknowledged.log"))?);
    let host = Arc::new(Host::new(site.path()));

    let load = load::start(asked.seed, &host, &journal, &sink);
    let people = people::start(asked.seed, &host);
    kills::run(asked.kills, asked.seed, &host, &journal, &sink).await?;

    load.stop().await;
    sink.heal();
    let store = site.path().join("data/tombolo.db");
    let settled = verdict::wait_until_settled(&store, &journal.path).await;
    people.abort();
    backup(&site);
    host.end();
    if let Err(problem) = settled {
        println!("the host's last words:\n{}", host.last_words());
        site::keep(&site, asked.seed);
        return Err(problem);
    }
    let verdict = verdict::judge(&store, &journal.path, &sink.arrivals())?;
    if !verdict.is_good() {
        site::keep(&site, asked.seed);
    }
    Ok(verdict)
}

/// A copy taken while the host runs is whole.
fn backup(site: &TestSite) {
    let copy = site.path().join("copy.db");
    let (folder, copy) = (site.path().to_str().unwrap(), copy.to_str().unwrap());
    for arguments in [["backup", folder, copy], ["backup", "verify", copy]] {
        let (code, out, err) = tombolo_tests::built::run(&arguments, &[]);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        print!("{out}");
    }
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked { kills: 50, seed: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name}: expected a number after it"))?;
        let number = || {
            value
                .parse::<u64>()
                .with_context(|| format!("{name}: found {value:?}, expected a number"))
        };
        match name.as_str() {
            "--kills" => asked.kills = u32::try_from(number()?)?,
            "--seed" => asked.seed = number()?,
            _ => bail!("found {name:?}, expected --kills N or --seed S"),
        }
    }
    Ok(asked)
}
