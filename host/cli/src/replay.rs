//! `tombolo replay`: gives past events to one flow again, or shows what that would do.

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Tone};
use crate::{text, when};

/// How much of an input is shown, characters.
const SHOWN: usize = 200;

/// Give past events to one flow again.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArguments {
    /// The flow
    #[arg(long, value_name = "NAME")]
    flow: String,
    /// Only events of this type; `device.*` for all that begin so
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only events of this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only events stored then or later: `2026-11-20T08:00:00Z`, or how long ago: `2h`
    #[arg(long, value_name = "TIME", value_parser = when::past)]
    from: Option<u64>,
    /// Only events stored before then
    #[arg(long, value_name = "TIME", value_parser = when::past)]
    to: Option<u64>,
    /// Only events for which this holds: `event.data.severity >= 3`
    #[arg(long = "where", value_name = "CEL")]
    condition: Option<String>,
    /// Show which calls it would make; reaches no system, writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with a replay that broke off, by its number
    #[arg(long, value_name = "NUMBER")]
    number: Option<u32>,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON, one object per page
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Page {
    number: u32,
    next: Option<i64>,
    looked_at: u64,
    made: u64,
    unfinished: u64,
    again: u64,
    under_way_from: Option<i64>,
    dry_runs: Vec<DryRun>,
}

#[derive(Debug, Deserialize)]
struct DryRun {
    run: String,
    calls: Vec<Call>,
    emits: Vec<String>,
    links: Vec<String>,
    ends: String,
}

#[derive(Debug, Deserialize)]
struct Call {
    step: String,
    what: String,
    input: String,
    recorded: bool,
}

/// Asks page by page until the end.
pub(crate) async fn run(arguments: ReplayArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let (mut number, mut after) = (arguments.number, 0);
    let (mut looked_at, mut made, mut unfinished, mut again) = (0, 0, 0, 0);
    loop {
        let order = json!({
            "flow": arguments.flow, "type": arguments.kind, "source": arguments.source,
            "from_ms": arguments.from, "to_ms": arguments.to, "where": arguments.condition,
            "dry_run": arguments.dry_run, "number": number, "after": after,
        });
        let asked = client.post("/api/replay", &order).await;
        let value = match number {
            Some(number) if made > 0 => asked.with_context(|| {
                format!("{made} runs were made before it broke off; go on with --number {number}")
            })?,
            _ => asked?,
        };
        if arguments.json {
            out::line(text::json_line(&value))?;
        }
        let page: Page = client::into(value, "/api/replay")?;
        looked_at += page.looked_at;
        made += page.made;
        unfinished += page.unfinished;
        again += page.again;
        number = Some(page.number);
        if !arguments.json {
            page.dry_runs.iter().try_for_each(tell)?;
        }
        match page.next {
            Some(next) => after = next,
            None if arguments.json => return Ok(()),
            None => {
                if let Some(from) = page.under_way_from {
                    out::line(format!(
                        "left out: events from {from} on, whose own runs are under way"
                    ))?;
                }
                break;
            }
        }
    }
    if unfinished > 0 {
        out::line(format!(
            "left out: {unfinished} events whose run of this flow is not finished"
        ))?;
    }
    if again > 0 {
        out::line(format!("made before under this number: {again} runs"))?;
    }
    let end = match arguments.dry_run {
        true => "dry run: no system was reached and nothing was written; calls got the results that were recorded before, or {} where none was".to_owned(),
        false => format!(
            "replay {}: {looked_at} events looked at, {made} runs made",
            number.unwrap_or_default()
        ),
    };
    Ok(out::line(end)?)
}

fn tell(dry: &DryRun) -> std::io::Result<()> {
    out::line(out::tone(text::harmless(&dry.run), Tone::Strong))?;
    for call in &dry.calls {
        let assumed = if call.recorded {
            ""
        } else {
            "  (result assumed: {})"
        };
        let input = text::shortened(&call.input, SHOWN);
        out::line(format!(
            "  {}: would call {} {}{assumed}",
            text::harmless(&call.step),
            text::harmless(&call.what),
            text::harmless(&input)
        ))?;
    }
    for kind in &dry.emits {
        out::line(format!("  would emit {}", text::harmless(kind)))?;
    }
    for link in &dry.links {
        out::line(format!("  would link {}", text::harmless(link)))?;
    }
    out::line(format!("  ends: {}", text::harmless(&dry.ends)))
}
