//! `tombolo audit list`: records that match, as a table or as JSON.

use serde::Deserialize;
use tombolo_kernel::audit::{Kind, Outcome};
use tombolo_store::AuditFilter;

use super::source::SourceArguments;
use crate::client;
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Only records of this system
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Only what began then or later: 2026-11-20T08:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = when::past)]
    since: Option<u64>,
    /// Only what began then or earlier
    #[arg(long, value_name = "TIME", value_parser = when::past)]
    until: Option<u64>,
    /// Only what this person decided, or was decided with the token of this name
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only what ended so: allowed, denied, failed
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Only what this event caused, by its place in the log
    #[arg(long, value_name = "SEQ")]
    event: Option<i64>,
    /// Only what this run caused
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Only this kind, such as http, sql, approval, answer; again for more
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<Kind>,
    /// Only decisions, no calls
    #[arg(long, conflicts_with = "kind")]
    decisions: bool,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Go on after this page's `next`
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Records as the API tells them.
#[derive(Debug, Deserialize)]
struct Page {
    records: Vec<Stored>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Stored {
    number: i64,
    /// An object, unless somebody altered the file.
    record: serde_json::Value,
}

/// Finds and prints records.
pub(super) async fn run(arguments: &ListArguments) -> anyhow::Result<()> {
    let source = arguments.source.open()?;
    let value = source.find(filter(arguments)).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let page: Page = client::into(value, "/api/audit")?;
    if page.records.is_empty() {
        return Ok(out::line("no record matches")?);
    }
    let heads = [
        "NUMBER", "TIME", "KIND", "OUTCOME", "SYSTEM", "WHAT", "BY", "STATUS",
    ];
    let mut table = Table::new(&heads);
    for stored in &page.records {
        table.row(row(stored));
    }
    table.print()?;
    if let Some(next) = page.next {
        out::line(format!("more with --after {next}"))?;
    }
    Ok(())
}

fn filter(arguments: &ListArguments) -> AuditFilter {
    let decisions = Kind::ALL.iter().copied().filter(|kind| kind.is_decision());
    AuditFilter {
        system: arguments.system.clone(),
        since_ms: arguments.since,
        until_ms: arguments.until,
        who: arguments.who.clone(),
        outcome: arguments.outcome,
        event: arguments.event,
        run: arguments.run.clone(),
        kinds: if arguments.decisions {
            decisions.collect()
        } else {
            arguments.kind.clone()
        },
        after: arguments.after.clone(),
        limit: arguments.limit,
    }
}

fn row(stored: &Stored) -> Vec<Cell> {
    let record = &stored.record;
    let said = |name: &str| record[name].as_str().unwrap_or_default();
    let outcome = said("outcome");
    let tone = match outcome {
        "allowed" => Tone::Good,
        "denied" => Tone::Bad,
        _ => Tone::Warning,
    };
    let what = match said("target") {
        "" => said("what").to_owned(),
        target => format!("{target}: {}", said("what")),
    };
    let by = match (said("run"), said("step"), said("cause"), said("who")) {
        ("", _, "", who) => who.to_owned(),
        ("", _, cause, _) => cause.to_owned(),
        (run, _, _, who) if !who.is_empty() => format!("{who}, {run}"),
        (run, "", ..) => run.to_owned(),
        (run, step, ..) => format!("{run}/{step}"),
    };
    vec![
        stored.number.to_string().into(),
        record["at_ms"]
            .as_u64()
            .map_or_else(String::new, when::moment)
            .into(),
        said("kind").into(),
        Cell::new(outcome, tone),
        Cell::new(said("system"), Tone::Strong),
        text::shortened(&what, 100).into(),
        text::shortened(&by, 60).into(),
        text::shortened(said("status"), 100).into(),
    ]
}

fn outcome(name: &str) -> Result<Outcome, String> {
    Outcome::named(name).ok_or_else(|| "expected allowed, denied or failed".to_owned())
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("expected one of {}", known.join(", "))
    })
}
