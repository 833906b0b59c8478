//! `tombolo check`: reads a whole site offline and says everything that is wrong with it, and what will wait for a
//! reviewer or a secret once it is served.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use tombolo_flow::problem::Problem;
use tombolo_kernel::package::Signer;
use tombolo_server::site::{self, Report, SystemReport};

use crate::out::{self, Cell, Table, Tone};
use crate::system::short_digest;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// Folder of the site
    #[arg(default_value = ".")]
    site: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks the site; with problems the command fails after it has shown them. Warnings, and systems that wait for a
/// grant, do not stop a host from serving the rest, so they fail nothing here either.
pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let report = site::check(&arguments.site);
    if arguments.json {
        out::json(&as_json(&report))?;
    } else {
        print(&arguments.site, &report)?;
    }
    Ok(if report.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(site: &Path, report: &Report) -> anyhow::Result<()> {
    let mut table = Table::bare();
    let marked = |problems: &[Problem], mark: &str, tone| {
        problems
            .iter()
            .map(|problem| row(problem, mark, tone))
            .collect::<Vec<_>>()
    };
    for cells in marked(&report.problems, "error", Tone::Bad) {
        table.row(cells);
    }
    for cells in marked(&report.warnings, "note", Tone::Warning) {
        table.row(cells);
    }
    table.print()?;
    if !report.systems.is_empty() {
        systems(&report.systems).print()?;
    }
    let site = site.display();
    out::line(match report.problems.len() {
        0 => format!("{site} is in order"),
        1 => format!("1 problem in {site}"),
        many => format!("{many} problems in {site}"),
    })?;
    Ok(())
}

fn row(problem: &Problem, mark: &str, tone: Tone) -> [Cell; 3] {
    let place = match problem.line {
        0 => format!("{}:", problem.file),
        line => format!("{}:{line}:{}:", problem.file, problem.column),
    };
    [
        Cell::new(place, Tone::Strong),
        Cell::new(mark, tone),
        problem.message.as_str().into(),
    ]
}

fn systems(systems: &[SystemReport]) -> Table {
    let mut table = Table::new(&[
        "SYSTEM",
        "GRANT",
        "ADAPTER",
        "VERSION",
        "DIGEST",
        "SIGNED BY",
        "WHY",
    ]);
    for system in systems {
        let (grant, tone) = if system.held_back.is_some() {
            ("held back", Tone::Warning)
        } else {
            ("complete", Tone::Good)
        };
        table.row([
            system.system.as_str().into(),
            Cell::new(grant, tone),
            system.adapter.as_str().into(),
            system.version.as_str().into(),
            short_digest(&system.digest).into(),
            signed_by(&system.signer),
            system
                .held_back
                .as_ref()
                .map_or("", |held_back| &held_back.message)
                .into(),
        ]);
    }
    table
}

/// The key's id, or nobody.
fn signed_by(signer: &Signer) -> Cell {
    match signer {
        Signer::Publisher { key, .. } => Cell::new(key, Tone::Good),
        Signer::Allowed { .. } => Cell::new("nobody (allowed)", Tone::Warning),
        Signer::Nobody { .. } => Cell::new("nobody", Tone::Bad),
    }
}

/// The error of a command that needs a site in order.
pub(crate) fn not_in_order(site: &Path, problems: &[Problem]) -> anyhow::Error {
    let first: Vec<String> = problems
        .iter()
        .take(5)
        .map(|problem| format!("  {problem}"))
        .collect();
    let more = match problems.len() - first.len() {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    anyhow::anyhow!(
        "the site {} is not in order:\n{}{more}",
        site.display(),
        first.join("\n")
    )
}

fn as_json(report: &Report) -> Value {
    let problems = |problems: &[Problem]| {
        let one = |problem: &Problem| json!({ "file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message });
        problems.iter().map(one).collect::<Vec<_>>()
    };
    let system = |system: &SystemReport| {
        json!({
            "system": system.system, "file": system.file, "adapter": system.adapter, "version": system.version,
            "digest": system.digest, "signer": system.signer, "held-back": system.held_back,
        })
    };
    json!({
        "problems": problems(&report.problems),
        "warnings": problems(&report.warnings),
        "systems": report.systems.iter().map(system).collect::<Vec<_>>(),
    })
}
