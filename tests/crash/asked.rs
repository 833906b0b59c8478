//! What was asked for on the command line.

use anyhow::{Context as _, bail};

/// The arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Over all jobs.
    pub(crate) kills: u32,
    pub(crate) seed: u64,
    /// Drivers side by side, each with a site, a sink and a broker of its own.
    pub(crate) jobs: u32,
    /// Kills of one job between two verdicts.
    pub(crate) round: u32,
    /// The sink does not fail.
    pub(crate) calm: bool,
}

/// Reads them.
pub(crate) fn read() -> anyhow::Result<Asked> {
    let mut asked = Asked {
        kills: 50,
        seed: 1,
        jobs: 1,
        round: 500,
        calm: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--calm" {
            asked.calm = true;
            continue;
        }
        let known = ["--kills", "--seed", "--jobs", "--round"];
        if !known.contains(&&*name) {
            bail!(
                "found {name:?}, expected --kills N, --seed S, --jobs J, --round KILLS or --calm"
            );
        }
        let value = arguments
            .next()
            .with_context(|| format!("{name}: expected a number after it"))?;
        let number: u64 = value
            .parse()
            .with_context(|| format!("{name}: found {value:?}, expected a number"))?;
        match name.as_str() {
            "--seed" => asked.seed = number,
            "--kills" => asked.kills = u32::try_from(number)?,
            "--jobs" => asked.jobs = u32::try_from(number)?.max(1),
            _ => asked.round = u32::try_from(number)?.max(1),
        }
    }
    Ok(asked)
}
