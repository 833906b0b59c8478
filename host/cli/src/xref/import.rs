//! `tombolo xref import`: a CSV file (RFC 4180, UTF-8) read and sent some lines at a time, whatever its size. Each line is
//! told what came of it; importing the file again changes nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::limits;

use super::{Outcome, Who};
use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArguments {
    /// The file; its first line names the systems, every other line has their ids for one entity, empty where there is none
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The kind of entity: `customer`
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// Who is asked about lines that contradict what is linked
    #[arg(long, value_name = "ROLE", default_value = "data-steward")]
    role: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    host: HostArguments,
    /// Print one JSON object per line of the file
    #[arg(long)]
    json: bool,
}

/// Lines that go to the host together, with their numbers in the file.
#[derive(Default)]
struct Batch {
    lines: Vec<u64>,
    rows: Vec<Vec<String>>,
}

/// What came of all lines so far.
#[derive(Default)]
struct Count {
    linked: u64,
    known: u64,
    conflict: u64,
    refused: u64,
}

/// Imports the file.
pub(super) async fn run(arguments: ImportArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let shown = arguments.file.display();
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(&arguments.file)
        .with_context(|| format!("cannot open {shown}"))?;
    let systems = systems(&mut reader).with_context(|| format!("{shown}, line 1"))?;
    let (mut count, mut batch) = (Count::default(), Batch::default());
    let mut record = csv::StringRecord::new();
    loop {
        let more = match reader.read_record(&mut record) {
            Ok(more) => more,
            Err(error) if error.is_io_error() => {
                return Err(error).with_context(|| format!("{shown} cannot be read"));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                refuse(
                    &arguments,
                    &mut count,
                    line,
                    &format!("the line is no CSV: {error}"),
                )?;
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if more && record.len() != systems.len() {
            let (found, expected) = (record.len(), systems.len());
            let why = format!("found {found} ids, expected {expected} as in the first line");
            refuse(&arguments, &mut count, line, &why)?;
        } else if more {
            batch.lines.push(line);
            batch.rows.push(record.iter().map(str::to_owned).collect());
        }
        if !more || batch.rows.len() >= limits::LINK_BATCH {
            let batch = std::mem::take(&mut batch);
            send(&client, &arguments, &systems, batch, &mut count).await?;
        }
        if !more {
            break;
        }
    }
    end(&arguments, &count)
}

/// The first line.
fn systems(reader: &mut csv::Reader<std::fs::File>) -> anyhow::Result<Vec<String>> {
    let systems: Vec<String> = reader
        .headers()
        .context("expected the names of systems")?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    if systems.len() < 2 {
        bail!(
            "found {} columns, expected the names of at least two systems such as crm,erp",
            systems.len()
        );
    }
    Ok(systems)
}

async fn send(
    client: &Client,
    arguments: &ImportArguments,
    systems: &[String],
    batch: Batch,
    count: &mut Count,
) -> anyhow::Result<()> {
    let Some(first) = batch.lines.first() else {
        return Ok(());
    };
    let file = arguments.file.file_name().unwrap_or_default();
    let body = json!({
        "kind": arguments.kind, "file": file.to_string_lossy(), "systems": systems, "rows": batch.rows,
        "role": arguments.role, "by": arguments.who.by, "reason": arguments.who.reason,
    });
    let value = client.post("/api/xref/import", &body).await;
    let value = value.with_context(|| {
        format!("it broke off at line {first}; what came before is linked: import the file again")
    })?;
    let outcomes: Vec<Outcome> = client::into(value, "/api/xref/import")?;
    let mut table = Table::bare();
    for ((line, row), outcome) in batch.lines.iter().zip(&batch.rows).zip(&outcomes) {
        count.add(&outcome.outcome);
        if arguments.json {
            tell_json(*line, outcome)?;
        } else {
            table.row(cells(*line, &row.join(", "), outcome));
        }
    }
    Ok(table.print()?)
}

/// A line that is not sent.
fn refuse(
    arguments: &ImportArguments,
    count: &mut Count,
    line: u64,
    why: &str,
) -> anyhow::Result<()> {
    let outcome = Outcome {
        outcome: "refused".to_owned(),
        why: why.to_owned(),
        task: None,
    };
    count.add(&outcome.outcome);
    if arguments.json {
        return tell_json(line, &outcome);
    }
    let mut table = Table::bare();
    table.row(cells(line, "", &outcome));
    Ok(table.print()?)
}

fn tell_json(line: u64, outcome: &Outcome) -> anyhow::Result<()> {
    let told = json!({
        "line": line, "outcome": outcome.outcome, "why": outcome.why, "task": outcome.task,
    });
    Ok(out::line(text::json_line(&told))?)
}

fn cells(line: u64, ids: &str, outcome: &Outcome) -> Vec<Cell> {
    let tone = match outcome.outcome.as_str() {
        "linked" => Tone::Good,
        "known" => Tone::Dim,
        "conflict" => Tone::Warning,
        _ => Tone::Bad,
    };
    let task = outcome
        .task
        .as_ref()
        .map_or_else(String::new, |task| format!("task {task}: "));
    vec![
        format!("line {line}").into(),
        Cell::new(&outcome.outcome, tone),
        text::shortened(ids, 80).into(),
        text::shortened(&format!("{task}{}", outcome.why), 300).into(),
    ]
}

impl Count {
    fn add(&mut self, outcome: &str) {
        match outcome {
            "linked" => self.linked += 1,
            "known" => self.known += 1,
            "conflict" => self.conflict += 1,
            _ => self.refused += 1,
        }
    }
}

fn end(arguments: &ImportArguments, count: &Count) -> anyhow::Result<()> {
    let Count {
        linked,
        known,
        conflict,
        refused,
    } = count;
    if !arguments.json {
        let shown = name(&arguments.file);
        out::line(format!(
            "{shown}: {linked} linked, {known} known, {conflict} in conflict, {refused} refused"
        ))?;
        if *conflict > 0 {
            let role = text::harmless(&arguments.role);
            out::line(format!(
                "{role} is asked about the conflicts: tombolo task list"
            ))?;
        }
    }
    if *refused > 0 {
        bail!("{refused} lines were refused; the lines above say why");
    }
    Ok(())
}

fn name(file: &Path) -> String {
    text::harmless(&file.display().to_string())
}
