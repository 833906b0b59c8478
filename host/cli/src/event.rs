//! `tombolo event tail` and `tombolo event show`: the log of events as it grows, and one of them whole.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Seconds that one poll waits for the next event.
const WAIT_S: u32 = 20;

/// Look at events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Show the newest events, then each new one as it is stored
    Tail(TailArguments),
    /// Show one event whole
    Show(ShowArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TailArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Begin with so many of the newest events
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 10)]
    lines: u32,
    /// End after those, do not wait for more
    #[arg(long)]
    once: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// The event's place in the log
    seq: i64,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// An event as the API tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventView {
    pub(crate) seq: i64,
    pub(crate) stored_ms: u64,
    pub(crate) id: String,
    pub(crate) source: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) subject: Option<String>,
    pub(crate) time: String,
    pub(crate) data: Value,
    #[serde(default, rename = "tombolocause")]
    pub(crate) cause: Option<String>,
}

/// Carries out an event command.
pub(crate) async fn run(command: EventCommand) -> anyhow::Result<()> {
    match command {
        EventCommand::Tail(arguments) => tail(arguments).await,
        EventCommand::Show(arguments) => show(arguments).await,
    }
}

async fn tail(arguments: TailArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let count = arguments.lines.min(tombolo_kernel::limits::LISTING);
    // The place where following begins is wanted even where no old event is.
    let mut newest = events(
        client
            .get(&format!("/api/events?limit={}", count.max(1)))
            .await?,
    )?;
    newest.reverse();
    let mut after = newest.last().map_or(0, place);
    let shown = newest.len().saturating_sub(count as usize);
    print(&newest[shown.min(newest.len())..], arguments.json)?;
    if arguments.once {
        return Ok(());
    }
    loop {
        let more = events(
            client
                .get(&format!("/api/events/tail?after={after}&wait={WAIT_S}"))
                .await?,
        )?;
        after = more.iter().map(place).max().unwrap_or(after).max(after);
        print(&more, arguments.json)?;
    }
}

fn place(event: &Value) -> i64 {
    event.get("seq").and_then(Value::as_i64).unwrap_or(0)
}

fn events(value: Value) -> anyhow::Result<Vec<Value>> {
    client::into(value, "/api/events")
}

fn print(events: &[Value], json: bool) -> anyhow::Result<()> {
    for event in events {
        if json {
            out::line(text::json_line(event))?;
        } else {
            out::line(tail_line(&client::into(event.clone(), "/api/events")?))?;
        }
    }
    Ok(())
}

/// One event in one line: `     7  03:30:23.042  device.alarm  press-7  /systems/plant  {"severity":4}`.
fn tail_line(event: &EventView) -> String {
    let data = event.data.to_string();
    let parts = [
        out::tone(format!("{:>6}", event.seq), Tone::Dim),
        when::time_of_day(event.stored_ms),
        out::tone(text::harmless(&event.kind), Tone::Strong),
        text::harmless(event.subject.as_deref().unwrap_or("-")),
        text::harmless(&event.source),
        out::tone(text::harmless(&text::shortened(&data, 120)), Tone::Dim),
    ];
    parts.join("  ")
}

async fn show(arguments: ShowArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = format!("/api/events/{}", arguments.seq);
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let event: EventView = client::into(value, &path)?;
    let mut table = Table::bare();
    let mut add = |name: &str, value: &str| table.row([Cell::new(name, Tone::Dim), value.into()]);
    add("event", &event.seq.to_string());
    add("type", &event.kind);
    add("id", &event.id);
    add("source", &event.source);
    if let Some(subject) = &event.subject {
        add("subject", subject);
    }
    add("time", &event.time);
    add("stored", &when::moment(event.stored_ms));
    if let Some(cause) = &event.cause {
        add("emitted by", &format!("run {cause}"));
    }
    table.print()?;
    Ok(out::json(&event.data)?)
}
