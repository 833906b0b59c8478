//! `tombolo lane list`: lanes with unfinished runs, how long they are, how old their head is, and why it waits.

use clap::Subcommand;
use serde::Deserialize;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Look at lanes.
#[derive(Debug, Subcommand)]
pub(crate) enum LaneCommand {
    /// List lanes with unfinished runs, the one that stands longest first
    List(ListArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    host: HostArguments,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A lane as the API tells it.
#[derive(Debug, Deserialize)]
struct LaneView {
    flow: String,
    lane: String,
    length: u64,
    since_ms: u64,
    head: Option<String>,
    why: String,
}

/// Carries out a lane command.
pub(crate) async fn run(command: LaneCommand) -> anyhow::Result<()> {
    let LaneCommand::List(arguments) = command;
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = format!("/api/lanes?limit={}", arguments.limit);
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let lanes: Vec<LaneView> = client::into(value, &path)?;
    if lanes.is_empty() {
        return Ok(out::line("no lane waits")?);
    }
    let now = when::now_ms();
    let mut table = Table::new(&["LANE", "FLOW", "LENGTH", "AGE", "HEAD", "WHY"]);
    for lane in &lanes {
        table.row(row(lane, now));
    }
    Ok(table.print()?)
}

fn row(lane: &LaneView, now_ms: u64) -> Vec<Cell> {
    vec![
        Cell::new(&lane.lane, Tone::Strong),
        lane.flow.as_str().into(),
        lane.length.to_string().into(),
        when::duration(now_ms.saturating_sub(lane.since_ms)).into(),
        lane.head.as_deref().unwrap_or("-").into(),
        text::shortened(&lane.why, 160).into(),
    ]
}
