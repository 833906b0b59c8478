//! `tombolo dead`: runs that failed for good: look at them, carry them out again, change their input, let them go; one by
//! its id, or all that a filter means.

mod edit;

use anyhow::bail;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{run, text, when};

/// Work with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List runs that failed for good, the newest event first
    List(ListArguments),
    /// Show one with its event, its steps, every attempt's failure and the failed call's input
    Show(ShowArguments),
    /// Carry runs out again from their failed step, under the same idempotency keys
    Retry(ManyArguments),
    /// Carry runs out again with another input for the failed call, or with other fields of it
    Edit(edit::EditArguments),
    /// Let runs go; they are kept with the reason until retention removes them
    Discard(ManyArguments),
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Filter {
    /// Only of this flow
    #[arg(long, value_name = "NAME")]
    flow: Option<String>,
    /// Only where the failed step called this system
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Only failures of this kind: `rejected`, `unavailable`, ...; `flow` where the flow itself could not go on
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only what died before then: `2026-11-20T08:00:00Z`, or how long ago: `2h`
    #[arg(long, value_name = "TIME", value_parser = when::past)]
    before: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    host: HostArguments,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// The run's id, from `tombolo dead list`
    id: String,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManyArguments {
    /// The runs' ids; none: all that the filter means
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All dead letters, without any filter
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    host: HostArguments,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Who {
    /// Who does it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    /// Why; kept with the run
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    letters: Vec<Letter>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Letter {
    id: String,
    died_ms: u64,
    step: Option<String>,
    system: Option<String>,
    kind: String,
    attempts: usize,
    error: String,
}

/// Carries out a dead-letter command.
pub(crate) async fn run(command: DeadCommand) -> anyhow::Result<()> {
    match command {
        DeadCommand::List(arguments) => list(arguments).await,
        DeadCommand::Show(arguments) => show(arguments).await,
        DeadCommand::Retry(arguments) => posted(&arguments, "retry", "goes on").await,
        DeadCommand::Edit(arguments) => edit::run(&arguments).await,
        DeadCommand::Discard(arguments) => posted(&arguments, "discard", "discarded").await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = path(&arguments.filter, None, arguments.limit);
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let page: Page = client::into(value, &path)?;
    if page.letters.is_empty() {
        return Ok(out::line("no dead letters")?);
    }
    let mut table = Table::new(&["RUN", "DIED", "STEP", "SYSTEM", "KIND", "ATTEMPTS", "WHY"]);
    for letter in &page.letters {
        table.row(row(letter));
    }
    table.print()?;
    if page.next.is_some() {
        out::line("there are more; narrow the filter or raise --limit")?;
    }
    Ok(())
}

fn row(letter: &Letter) -> Vec<Cell> {
    vec![
        letter.id.as_str().into(),
        when::moment(letter.died_ms).into(),
        letter.step.as_deref().unwrap_or("-").into(),
        letter.system.as_deref().unwrap_or("-").into(),
        Cell::new(&letter.kind, Tone::Bad),
        letter.attempts.to_string().into(),
        text::shortened(&letter.error, 160).into(),
    ]
}

async fn show(arguments: ShowArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let value = client.get(&one(&arguments.id, "")).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    run::print(&run::fetch(&client, &arguments.id).await?)?;
    if let Some(input) = value["input"].as_str() {
        out::line(out::tone("input of the failed call:", Tone::Strong))?;
        let shown = serde_json::from_str::<Value>(input);
        match shown {
            Ok(shown) => out::json(&shown)?,
            Err(_) => out::line(text::harmless(input))?,
        }
    }
    let id = text::harmless(&arguments.id);
    Ok(out::line(format!(
        "repair it with `tombolo dead retry {id}`, `edit` or `discard`, each with --reason"
    ))?)
}

async fn posted(arguments: &ManyArguments, verb: &str, done: &str) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let body = json!({ "by": arguments.who.by, "reason": arguments.who.reason });
    let act = async |id: &str| {
        let posted = client.post(&one(id, &format!("/{verb}")), &body).await;
        posted.map(drop)
    };
    many(&client, arguments, done, act).await
}

/// Does something about each that is named, or that the filter means.
async fn many(
    client: &Client,
    arguments: &ManyArguments,
    done: &str,
    act: impl AsyncFn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if !arguments.ids.is_empty() {
        for id in &arguments.ids {
            act(id).await?;
            out::line(format!("run {} {done}", text::harmless(id)))?;
        }
        return Ok(());
    }
    let filter = &arguments.filter;
    let is_narrow = filter.flow.is_some()
        || filter.system.is_some()
        || filter.kind.is_some()
        || filter.before.is_some();
    if !is_narrow && !arguments.all {
        bail!("which ones? Name runs by id, or a filter such as --flow NAME, or --all");
    }
    // What dies again meanwhile is not done twice: only what died before now is meant.
    let before = Some(filter.before.unwrap_or(when::now_ms()));
    let filter = Filter {
        before,
        ..filter.clone()
    };
    let (mut after, mut count, mut refused) = (None, 0_u64, 0_u64);
    loop {
        let path = path(&filter, after, 500);
        let page: Page = client.read(&path).await?;
        for letter in &page.letters {
            match act(&letter.id).await {
                Ok(()) => count += 1,
                Err(error) => {
                    refused += 1;
                    let why = text::harmless(&format!("{error:#}"));
                    out::line(format!("run {}: {why}", text::harmless(&letter.id)))?;
                }
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    out::line(format!("{count} runs: {done}"))?;
    if refused > 0 {
        bail!("{refused} runs were left as they are; the lines above say why");
    }
    Ok(())
}

fn one(id: &str, what: &str) -> String {
    format!("/api/dead/{}{what}", client::encoded(id))
}

fn path(filter: &Filter, after: Option<String>, limit: u32) -> String {
    let query = client::query(&[
        ("flow", filter.flow.clone()),
        ("system", filter.system.clone()),
        ("kind", filter.kind.clone()),
        ("before_ms", filter.before.map(|before| before.to_string())),
        ("after", after),
        ("limit", Some(limit.to_string())),
    ]);
    format!("/api/dead{query}")
}
