//! A thousand systems of one adapter from a warm cache: how long until it serves, and what each costs while idle.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::figures::Figures;
use crate::process::Process;
use crate::sink::free_port;
use crate::site;

/// Starts hosts with no system and with `count` of them, and compares.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    count: u32,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    say("start: a host without systems");
    let empty = tempfile::tempdir_in(site::scratch()?)?;
    let (start, alone) = serve(empty.path(), adapters, 0)?;
    figures.note(
        "start_s",
        start.as_secs_f64(),
        "s from starting the process to serving, no systems",
    );
    figures.note(
        "idle_host_mib",
        alone / 1_048_576.0,
        "MiB of a host without systems",
    );
    say(&format!("start: {count} systems, cache cold"));
    let many = tempfile::tempdir_in(site::scratch()?)?;
    serve(many.path(), adapters, count)?;
    say(&format!("start: {count} systems, cache warm"));
    let (start, memory) = serve(many.path(), adapters, count)?;
    figures.note(
        "systems_1000_start_s",
        start.as_secs_f64(),
        "s to serving with 1,000 systems, warm cache; at most 5",
    );
    figures.note(
        "systems_1000_mib",
        memory / 1_048_576.0,
        "MiB of that host; at most 1,536",
    );
    figures.note(
        "idle_system_mib",
        (memory - alone) / 1_048_576.0 / f64::from(count),
        "MiB an idle system; at most 2",
    );
    Ok(())
}

fn serve(folder: &Path, adapters: &Path, count: u32) -> anyhow::Result<(Duration, f64)> {
    let port = free_port()?;
    site::write_many(folder, adapters, port, count)?;
    let arguments = ["serve-host".to_owned(), folder.display().to_string()];
    let mut process = Process::start(
        &arguments,
        &[
            ("BENCH_SECRET", crate::load::SECRET),
            ("BENCH_TOKEN", "bench"),
        ],
    )?;
    let start = process.wait_for(
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        Duration::from_secs(120),
    )?;
    let memory = process.memory()?;
    Ok((start, memory))
}
