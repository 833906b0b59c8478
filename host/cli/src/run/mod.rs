//! `tombolo run list|show|mend|move`: what flows did, as a table and as a tree, and what people change of it.

mod detail;
mod lineage;
mod mend;
mod show;

use clap::Subcommand;
use serde::Deserialize;
use tombolo_store::RunStatus;

pub(crate) use detail::{Detail, fetch, find, flat};
pub(crate) use show::print;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::when;

/// Look at runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// List runs, the newest first
    List(ListArguments),
    /// Show one run as a tree: event, steps, attempts, outward calls, times, errors
    Show(ShowArguments),
    /// Give a step at which a run waits or died another input, or its result
    Mend(mend::MendArguments),
    /// Move a run that waits or is dead to the present version of its flow
    Move(mend::MoveArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Only runs of this flow
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// Only runs that stand so: queued, active, waiting, done, dead, discarded
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// The run's id, from `tombolo run list`
    id: String,
    #[command(flatten)]
    host: HostArguments,
    /// Where every field that it sent came from: event, field, value map, adapter
    #[arg(long)]
    lineage: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A run as the API tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RunView {
    pub(crate) id: String,
    pub(crate) seq: i64,
    #[serde(default)]
    pub(crate) lane: String,
    pub(crate) status: RunStatus,
    #[serde(default)]
    pub(crate) wake_ms: Option<u64>,
    #[serde(default)]
    pub(crate) needs: Option<String>,
    pub(crate) started_ms: u64,
    pub(crate) updated_ms: u64,
}

/// Carries out a run command.
pub(crate) async fn run(command: RunCommand) -> anyhow::Result<()> {
    match command {
        RunCommand::List(arguments) => list(arguments).await,
        RunCommand::Show(arguments) => show_one(arguments).await,
        RunCommand::Mend(arguments) => mend::mend(arguments).await,
        RunCommand::Move(arguments) => mend::move_run(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let limit = Some(arguments.limit.to_string());
    let path = format!(
        "/api/runs{}",
        client::query(&[
            ("flow", arguments.flow),
            ("status", arguments.status),
            ("limit", limit)
        ])
    );
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let runs: Vec<RunView> = client::into(value, &path)?;
    if runs.is_empty() {
        return Ok(out::line("no such runs")?);
    }
    let mut table = Table::new(&["RUN", "STATUS", "STARTED", "TOOK", "LANE", "NEXT"]);
    for run in &runs {
        table.row(row(run));
    }
    Ok(table.print()?)
}

async fn show_one(arguments: ShowArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    if arguments.lineage {
        return lineage::show(&client, &arguments.id, arguments.json).await;
    }
    if arguments.json {
        return Ok(out::json(&client.get(&detail::path(&arguments.id)).await?)?);
    }
    print(&fetch(&client, &arguments.id).await?)
}

fn row(run: &RunView) -> Vec<Cell> {
    let next = match (run.status, run.wake_ms) {
        (RunStatus::Waiting, _) if run.needs.is_some() => {
            format!("the system {}", run.needs.as_deref().unwrap_or_default())
        }
        (RunStatus::Waiting, Some(wake)) => format!("at {}", when::moment(wake)),
        (RunStatus::Waiting, None) => "an answer or an event".into(),
        (RunStatus::Queued, _) => "behind another run of its lane".into(),
        _ => String::new(),
    };
    vec![
        run.id.as_str().into(),
        status_cell(run.status),
        when::moment(run.started_ms).into(),
        when::duration(run.updated_ms.saturating_sub(run.started_ms)).into(),
        run.lane.as_str().into(),
        next.into(),
    ]
}

/// A status in its colour.
pub(crate) fn status_cell(status: RunStatus) -> Cell {
    let (word, tone) = status_word(status);
    Cell::new(word, tone)
}

/// A status as it is spelled, and its colour.
pub(crate) fn status_word(status: RunStatus) -> (&'static str, Tone) {
    match status {
        RunStatus::Queued => ("queued", Tone::Dim),
        RunStatus::Active => ("active", Tone::Strong),
        RunStatus::Waiting => ("waiting", Tone::Warning),
        RunStatus::Done => ("done", Tone::Good),
        RunStatus::Dead => ("dead", Tone::Bad),
        RunStatus::Discarded => ("discarded", Tone::Dim),
    }
}
