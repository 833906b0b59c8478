//! `tombolo adapter check`: what a vendor publishes beside an adapter. Offline it reads the file; with a system's file it
//! calls the live system, by the cases of the profiles that the adapter keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::package::Package;
use tombolo_server::examination::{self, ExaminationError, Finding, How, Verdict};

use super::inspect;
use crate::out::{self, Cell, Table, Tone};
use crate::{check, text};

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// File of the adapter
    file: PathBuf,
    /// File of a system of a site, such as site/systems/erp.yaml: it is called with the secrets that the file names
    #[arg(long, value_name = "FILE")]
    system: Option<PathBuf>,
    /// Try what writes, too: on a system that is there to be tried
    #[arg(long, requires = "system")]
    writes: bool,
    /// A value that the cases need and cannot find out, such as room=!plant:example; may be said again
    #[arg(long, value_name = "NAME=VALUE", requires = "system", value_parser = given)]
    given: Vec<(String, String)>,
    /// Print a table for a web page
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn given(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("found {text:?}, expected NAME=VALUE")),
    }
}

/// Examines the file, and the system.
pub(super) async fn run(arguments: CheckArguments) -> anyhow::Result<()> {
    let package = Arc::new(inspect::package(&arguments.file)?);
    let mut found = examination::of_file(&package);
    if let Some(system) = &arguments.system {
        found.extend(live(system, &arguments, &package).await?);
    }
    let adapter = &package.manifest.adapter;
    if arguments.json {
        out::json(&json!({
            "adapter": adapter.name,
            "version": adapter.version,
            "digest": package.digest,
            "findings": found,
        }))?;
    } else if arguments.markdown {
        print_markdown(&package, &found)?;
    } else {
        print(&found)?;
    }
    let failed = found
        .iter()
        .filter(|finding| finding.outcome == Verdict::Failed)
        .count();
    if failed > 0 {
        let tried = found.iter().filter(|finding| finding.part != "review");
        bail!("{failed} of {} checks failed", tried.count());
    }
    Ok(())
}

async fn live(
    system: &Path,
    arguments: &CheckArguments,
    package: &Arc<Package>,
) -> anyhow::Result<Vec<Finding>> {
    let (folder, name) = place(system)?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let how = How {
        writes: arguments.writes,
        given: arguments.given.clone(),
        child: (program, vec!["compile-child".into()]),
    };
    examination::of_system(&folder, &name, Arc::clone(package), &how)
        .await
        .map_err(|error| match error {
            ExaminationError::Site(problems) => check::not_in_order(&folder, &problems),
            other => other.into(),
        })
}

/// The site's folder and the system's name of `SITE/systems/NAME.yaml`.
fn place(system: &Path) -> anyhow::Result<(PathBuf, String)> {
    let file = std::fs::canonicalize(system)
        .with_context(|| format!("cannot read {}", system.display()))?;
    let folder = file.parent().filter(|folder| folder.ends_with("systems"));
    let name = file
        .file_name()
        .and_then(|name| name.to_str()?.strip_suffix(".yaml"));
    match (folder.and_then(Path::parent), name) {
        (Some(site), Some(name)) => Ok((site.to_owned(), name.to_owned())),
        _ => bail!(
            "found {}, expected the file of a system in its site: SITE/systems/NAME.yaml",
            system.display()
        ),
    }
}

fn word(outcome: Verdict) -> (&'static str, Tone) {
    match outcome {
        Verdict::Passed => ("passed", Tone::Good),
        Verdict::Noted => ("note", Tone::Warning),
        Verdict::Skipped => ("skipped", Tone::Dim),
        Verdict::Failed => ("failed", Tone::Bad),
    }
}

fn print(found: &[Finding]) -> anyhow::Result<()> {
    let mut table = Table::new(&["part", "what", "result", "found"]);
    for finding in found {
        let (word, tone) = word(finding.outcome);
        table.row([
            Cell::new(&finding.part, Tone::Dim),
            Cell::from(&finding.what),
            Cell::new(word, tone),
            Cell::from(&finding.note),
        ]);
    }
    table.print()?;
    Ok(())
}

fn print_markdown(package: &Package, found: &[Finding]) -> anyhow::Result<()> {
    let adapter = &package.manifest.adapter;
    out::line(format!(
        "`{}` {}, `{}`\n\n| part | what | result | found |\n|---|---|---|---|",
        adapter.name, adapter.version, package.digest
    ))?;
    for finding in found {
        let (word, _) = word(finding.outcome);
        let note = text::harmless(&finding.note).replace('|', "\\|");
        out::line(format!(
            "| {} | {} | {word} | {note} |",
            finding.part, finding.what
        ))?;
    }
    Ok(())
}
