//! `tombolo reconcile`: two systems compared, what differs as a table or a CSV, and comparing now.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Pause between two looks at a run.
const LOOK: Duration = Duration::from_millis(300);

/// Work with reconciliations.
#[derive(Debug, Subcommand)]
pub(crate) enum ReconcileCommand {
    /// List jobs, when they are due, and how the last run went
    List(ListArguments),
    /// Compare now, and wait for the outcome
    Run(RunArguments),
    /// Show what differed in the last run
    Show(ShowArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// The job
    job: String,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// The job
    job: String,
    /// Write all differences as CSV into this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A job as the API tells it.
#[derive(Debug, Deserialize)]
struct JobView {
    job: String,
    when: Option<String>,
    running: bool,
    due_ms: Option<u64>,
    failure: Option<String>,
    report: Option<Report>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    run: String,
    started_ms: u64,
    ended_ms: u64,
    counts: Counts,
    failure: Option<String>,
    #[serde(default)]
    unreadable: Vec<String>,
    #[serde(default)]
    differences: Vec<Difference>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Counts {
    left: u64,
    right: u64,
    same: u64,
    only_left: u64,
    only_right: u64,
    different: u64,
    twice: u64,
    unreadable: u64,
}

#[derive(Debug, Deserialize)]
struct Difference {
    key: String,
    what: String,
    left: Value,
    right: Value,
    #[serde(default)]
    fields: Vec<FieldDifference>,
}

#[derive(Debug, Deserialize)]
struct FieldDifference {
    field: String,
    left: Value,
    right: Value,
}

impl Counts {
    fn differences(&self) -> u64 {
        self.only_left + self.only_right + self.different + self.twice
    }
}

/// Carries out a reconciliation command.
pub(crate) async fn run(command: ReconcileCommand) -> anyhow::Result<()> {
    match command {
        ReconcileCommand::List(arguments) => list(arguments).await,
        ReconcileCommand::Run(arguments) => now(arguments).await,
        ReconcileCommand::Show(arguments) => show(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let value = client.get("/api/reconciliations").await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let jobs: Vec<JobView> = client::into(value, "/api/reconciliations")?;
    if jobs.is_empty() {
        return Ok(out::line(
            "this site has no reconciliations; a file in reconciliations/ makes one",
        )?);
    }
    let mut table = Table::new(&[
        "JOB",
        "STATE",
        "WHEN",
        "NEXT",
        "LAST",
        "LEFT",
        "RIGHT",
        "DIFFERENCES",
        "FAILURE",
    ]);
    for job in &jobs {
        table.row(row(job));
    }
    Ok(table.print()?)
}

fn row(job: &JobView) -> Vec<Cell> {
    let report = job.report.as_ref();
    let failed = job
        .failure
        .as_deref()
        .or(report.and_then(|report| report.failure.as_deref()));
    let differences = report.map_or(0, |report| report.counts.differences());
    let state = match (job.running, failed, differences) {
        (true, ..) => Cell::new("running", Tone::Good),
        (_, Some(_), _) => Cell::new("failed", Tone::Bad),
        (_, None, 0) => Cell::new("waits", Tone::Dim),
        _ => Cell::new("differs", Tone::Warning),
    };
    let moment = |at: Option<u64>| at.map_or_else(String::new, when::moment);
    let count = |of: fn(&Counts) -> u64| {
        report.map_or_else(String::new, |report| of(&report.counts).to_string())
    };
    vec![
        job.job.as_str().into(),
        state,
        job.when.as_deref().unwrap_or("on demand").into(),
        moment(job.due_ms).into(),
        moment(report.map(|report| report.started_ms)).into(),
        count(|counts| counts.left).into(),
        count(|counts| counts.right).into(),
        count(Counts::differences).into(),
        text::shortened(failed.unwrap_or_default(), 120).into(),
    ]
}

async fn now(arguments: RunArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let job = &arguments.job;
    let path = format!("/api/reconciliations/{}/run", client::encoded(job));
    client.post(&path, &json!({})).await?;
    loop {
        tokio::time::sleep(LOOK).await;
        let jobs: Vec<JobView> = client.read("/api/reconciliations").await?;
        let view = jobs.into_iter().find(|view| view.job == *job);
        let view =
            view.with_context(|| format!("the site has no reconciliation `{job}` any more"))?;
        if view.running {
            continue;
        }
        if let Some(failure) = view.failure {
            bail!("it broke off: {}", text::harmless(&failure));
        }
        return told(&client, job, arguments.json).await;
    }
}

async fn show(arguments: ShowArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let Some(file) = &arguments.csv else {
        return told(&client, &arguments.job, arguments.json).await;
    };
    let path = format!(
        "/api/reconciliations/{}/csv",
        client::encoded(&arguments.job)
    );
    let text = client.bytes(&path).await?;
    std::fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(out::line(format!("written: {}", file.display()))?)
}

async fn told(client: &Client, job: &str, as_json: bool) -> anyhow::Result<()> {
    let path = format!("/api/reconciliations/{}", client::encoded(job));
    let value = client.get(&path).await?;
    if as_json {
        return Ok(out::json(&value)?);
    }
    let report: Report = client::into(value, &path)?;
    if let Some(failure) = &report.failure {
        bail!(
            "the run {} broke off: {}",
            report.run,
            text::harmless(failure)
        );
    }
    let counts = &report.counts;
    out::line(format!(
        "{job}, run {}, {:.1} s: {} rows left, {} right; {} the same, {} only left, {} only right, {} different, {} twice",
        report.run,
        f64::from(
            u32::try_from(report.ended_ms.saturating_sub(report.started_ms)).unwrap_or(u32::MAX)
        ) / 1000.0,
        counts.left,
        counts.right,
        counts.same,
        counts.only_left,
        counts.only_right,
        counts.different,
        counts.twice
    ))?;
    if counts.unreadable > 0 {
        out::line(format!("{} rows could not be read:", counts.unreadable))?;
        for why in &report.unreadable {
            out::line(format!("  {}", text::harmless(why)))?;
        }
    }
    if report.differences.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["KEY", "DIFFERENCE", "FIELD", "LEFT", "RIGHT"]);
    for difference in &report.differences {
        rows(difference, &mut table);
    }
    table.print()?;
    let shown = report.differences.len() as u64;
    if counts.differences() > shown {
        out::line(format!(
            "{shown} of {}; `tombolo reconcile show {job} --csv FILE` writes all",
            counts.differences()
        ))?;
    }
    Ok(())
}

fn rows(difference: &Difference, table: &mut Table) {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text::shortened(text, 60).into(),
        other => text::shortened(&other.to_string(), 60).into(),
    };
    let mut row = |field: &str, left: &Value, right: &Value| {
        table.row(vec![
            text::shortened(&difference.key, 40).into(),
            difference.what.as_str().into(),
            field.into(),
            cell(left).into(),
            cell(right).into(),
        ]);
    };
    if difference.fields.is_empty() {
        row("", &difference.left, &difference.right);
    }
    for field in &difference.fields {
        row(&field.field, &field.left, &field.right);
    }
}
