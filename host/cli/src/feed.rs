//! `tombolo feed list` and `tombolo feed run`: what systems are read page by page, and reading one now.

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Pause between two looks at a reading.
const LOOK: Duration = Duration::from_millis(200);

/// Work with feeds.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// List what is read, how far, and what failed
    List(ListArguments),
    /// Read a feed now, to its end
    Run(RunArguments),
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
    /// The system
    system: String,
    /// Its feed
    feed: String,
    /// Begin here instead of where the last reading ended; what is in the log already is not doubled
    #[arg(long, value_name = "CURSOR|TIME")]
    from: Option<String>,
    #[command(flatten)]
    host: HostArguments,
}

/// A feed as the API tells it.
#[derive(Debug, Deserialize)]
struct FeedView {
    system: String,
    feed: String,
    when: Option<String>,
    reading: bool,
    due_ms: Option<u64>,
    read_ms: Option<u64>,
    cursor: Option<String>,
    events: u64,
    brought: u64,
    failures: u32,
    failed_ms: Option<u64>,
    failure: Option<String>,
}

/// Carries out a feed command.
pub(crate) async fn run(command: FeedCommand) -> anyhow::Result<()> {
    match command {
        FeedCommand::List(arguments) => list(arguments).await,
        FeedCommand::Run(arguments) => read(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let value = client.get("/api/feeds").await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let feeds: Vec<FeedView> = client::into(value, "/api/feeds")?;
    if feeds.is_empty() {
        return Ok(out::line("no system of this site has a feed")?);
    }
    let mut table = Table::new(&[
        "FEED", "STATE", "WHEN", "NEXT", "LAST", "EVENTS", "CURSOR", "FAILURE",
    ]);
    for feed in &feeds {
        table.row(row(feed));
    }
    Ok(table.print()?)
}

fn row(feed: &FeedView) -> Vec<Cell> {
    let state = if feed.reading {
        Cell::new("reading", Tone::Good)
    } else if feed.failures > 0 {
        Cell::new(format!("failed {}x", feed.failures), Tone::Warning)
    } else {
        Cell::new("waits", Tone::Dim)
    };
    let moment = |at: Option<u64>| at.map_or_else(String::new, when::moment);
    vec![
        format!("{} {}", feed.system, feed.feed).into(),
        state,
        feed.when.as_deref().unwrap_or("on demand").into(),
        moment(feed.due_ms).into(),
        moment(feed.read_ms).into(),
        feed.events.to_string().into(),
        text::shortened(feed.cursor.as_deref().unwrap_or_default(), 40).into(),
        text::shortened(feed.failure.as_deref().unwrap_or_default(), 120).into(),
    ]
}

async fn read(arguments: RunArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let (system, feed) = (&arguments.system, &arguments.feed);
    let path = format!(
        "/api/feeds/{}/{}/run",
        client::encoded(system),
        client::encoded(feed)
    );
    let failed_before = find(&client, system, feed).await?.failed_ms;
    client
        .post(&path, &json!({ "from": arguments.from }))
        .await?;
    let mut seen_reading = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let view = find(&client, system, feed).await?;
        if view.failed_ms.is_some() && view.failed_ms != failed_before {
            bail!(
                "{} events came before it broke off: {}; the host tries again by itself, going on behind the last page",
                view.brought,
                text::harmless(view.failure.as_deref().unwrap_or_default())
            );
        }
        if view.reading {
            seen_reading = true;
            continue;
        }
        // A short reading may be over before the first look; then the last reading's time says so.
        if seen_reading || view.due_ms.is_none_or(|due| due > now_ms()) {
            return Ok(out::line(format!(
                "read to the end: {} new events",
                view.brought
            ))?);
        }
    }
}

async fn find(client: &Client, system: &str, feed: &str) -> anyhow::Result<FeedView> {
    let feeds: Vec<FeedView> = client.read("/api/feeds").await?;
    match feeds
        .into_iter()
        .find(|view| view.system == system && view.feed == feed)
    {
        Some(view) => Ok(view),
        None => bail!(
            "the site has no feed `{feed}` of a system `{system}`; `tombolo feed list` shows those there are"
        ),
    }
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}
