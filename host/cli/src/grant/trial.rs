//! `tombolo grant try`: what a system would reach with what was recorded, and what the grant would refuse, before anybody
//! approves it. Needs no running host, reads no secret and reaches nothing.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::grant;
use tombolo_server::site;
use tombolo_server::trial::{self, Reach, Report, Tried, TriedCall, Used};

use super::review::plan_of;
use crate::out::{self, Cell, Table, Tone};
use crate::{check, text};

/// Bytes of a file of recorded things.
const FILE: u64 = 64 << 20;
/// Letters of an input or answer that are shown.
const SHOWN: usize = 160;

#[derive(Debug, clap::Args)]
pub(crate) struct TryArguments {
    /// The system
    system: String,
    /// What was recorded, as JSON: events (`tombolo event tail --json`), runs (`tombolo run show ID --json`), or lines such
    /// as {"action": "item.stock", "input": {}}, {"hook": "orders", "body": {}} and {"feed": "changes"}
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
    /// A grant to try instead of the site's
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    grant: Option<PathBuf>,
    /// Take everything for given that is asked for, whatever is approved
    #[arg(long)]
    all: bool,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tries a system and tells what it would reach.
pub(super) async fn run(arguments: TryArguments) -> anyhow::Result<()> {
    let TryArguments {
        system,
        with,
        grant: draft,
        all,
        site: folder,
        json,
    } = arguments;
    let site = site::read(&folder).map_err(|problems| check::not_in_order(&folder, &problems))?;
    let plan = plan_of(&site, &folder, &system)?;
    let recorded = trial::read(&text_of(&with)?)
        .map_err(|problem| anyhow::anyhow!("{}: {problem}", with.display()))?;
    let draft = draft
        .map(|file| {
            site::grant_draft(&file, &system).map_err(|problems| {
                let first = problems.first().map(ToString::to_string);
                anyhow::anyhow!("{}: {}", file.display(), first.unwrap_or_default())
            })
        })
        .transpose()?;
    let by = match &draft {
        _ if all => None,
        Some(draft) => Some(draft),
        None => site.grants.get(&system),
    };
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let child = (program, vec!["compile-child".into()]);
    let report = trial::tried(&site, plan, by, recorded, child).await?;
    if json {
        let adapter = &grant::wishes(&plan.bare).adapter;
        let mut value = serde_json::to_value(&report)?;
        value["system"] = json!(system);
        value["adapter"] = json!(adapter);
        return Ok(out::json(&value)?);
    }
    let adapter = &plan.bare.package.manifest.adapter;
    let mut head = Table::bare();
    for (name, value) in [
        ("system", &system),
        ("adapter", &format!("{} {}", adapter.name, adapter.version)),
        ("grant", &report.grant),
    ] {
        head.row([Cell::new(name, Tone::Dim), Cell::from(value)]);
    }
    head.print()?;
    report.tried.iter().try_for_each(print_tried)?;
    print_sum(&report)
}

fn text_of(file: &std::path::Path) -> anyhow::Result<String> {
    let shown = file.display();
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {shown}"))?;
    let read = opened.take(FILE + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {shown}"))?;
    if bytes.len() as u64 > FILE {
        bail!(
            "{shown}: found more than {} MiB, expected at most that: try it in parts",
            FILE >> 20
        );
    }
    String::from_utf8(bytes).with_context(|| format!("{shown}: found no UTF-8 text, expected JSON"))
}

fn print_tried(tried: &Tried) -> anyhow::Result<()> {
    let what = out::tone(text::harmless(&tried.what), Tone::Strong);
    out::line(format!(
        "\n{what} {}",
        out::tone(format!("(line {})", tried.line), Tone::Dim)
    ))?;
    for call in &tried.calls {
        print_call(call)?;
    }
    for note in &tried.notes {
        let note = text::harmless(note);
        out::line(format!("  {} {note}", out::tone("note:", Tone::Warning)))?;
    }
    Ok(())
}

fn print_call(call: &TriedCall) -> anyhow::Result<()> {
    let step = match call.step.as_str() {
        "" => String::new(),
        step => format!(" of {step}"),
    };
    let input = match call.input.as_str() {
        "" => String::new(),
        input => format!(" with {}", text::shortened(input, SHOWN)),
    };
    out::line(format!(
        "  {}{}{}",
        call.what,
        text::harmless(&step),
        text::harmless(&input)
    ))?;
    let mut table = Table::bare();
    for reach in &call.reaches {
        let (word, item, tone) = word(reach);
        table.row([
            Cell::new(format!("    {word}"), tone),
            Cell::from(thing(reach)),
            Cell::new(item, Tone::Dim),
        ]);
    }
    table.print()?;
    if !call.events.is_empty() {
        out::line(format!(
            "    makes {}",
            text::harmless(&call.events.join(", "))
        ))?;
    }
    let unanswered = call.reaches.iter().any(|reach| reach.unanswered);
    let because = if unanswered {
        ", having had no answer"
    } else {
        ""
    };
    let (word, tone, more) = match (&call.failure, &call.result) {
        (Some(failure), _) if call.crashed => ("crashed", Tone::Bad, failure.to_string()),
        (Some(failure), _) if unanswered => ("failed", Tone::Plain, failure.to_string()),
        (Some(failure), _) => ("failed", Tone::Bad, failure.to_string()),
        (None, Some(result)) => ("answered", Tone::Good, result.clone()),
        (None, None) => ("done", Tone::Good, String::new()),
    };
    let more = text::harmless(&text::shortened(&more, SHOWN));
    Ok(out::line(
        format!("    {}{because} {more}", out::tone(word, tone)).trim_end(),
    )?)
}

/// How it is decided, by which item or why not.
fn word(reach: &Reach) -> (&'static str, String, Tone) {
    match (&reach.refused, &reach.item) {
        (Some(why), _) => ("refused", why.clone(), Tone::Bad),
        (None, Some(item)) => ("allowed", item.clone(), Tone::Good),
        (None, None) => ("allowed", String::new(), Tone::Good),
    }
}

/// `http api GET /orders/7`, several of one kind counted.
fn thing(reach: &Reach) -> String {
    let times = match reach.times {
        1 => String::new(),
        times => format!("{times} times"),
    };
    let parts = [reach.capability, &reach.target, &reach.what, &times];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn print_sum(report: &Report) -> anyhow::Result<()> {
    out::line("\nWhat was used; nothing was reached and no secret read:")?;
    let mut table = Table::new(&["item", "uses", "what it allows"]);
    for item in &report.items {
        let tone = if item.count == 0 {
            Tone::Warning
        } else {
            Tone::Plain
        };
        table.row([
            Cell::new(&item.id, Tone::Dim),
            Cell::new(item.count.to_string(), tone),
            Cell::from(&item.sentence),
        ]);
    }
    table.print()?;
    let keys = |used: &Used| used.count > 0 && used.id.starts_with("key-");
    if report.items.iter().any(keys) {
        out::line("Keys made zeros, and whatever they were to verify was taken for good.")?;
    }
    let calls = report.tried.iter().flat_map(|tried| &tried.calls);
    let all: Vec<&Reach> = calls.flat_map(|call| &call.reaches).collect();
    let refused: Vec<&&Reach> = all.iter().filter(|reach| reach.refused.is_some()).collect();
    if !refused.is_empty() {
        out::line("\nRefused:")?;
        let mut counted: std::collections::BTreeMap<(String, &str), u64> = <_>::default();
        for reach in refused {
            let why = reach.refused.as_deref().unwrap_or_default();
            *counted.entry((thing(reach), why)).or_default() += reach.times;
        }
        let mut table = Table::new(&["times", "what", "why"]);
        for ((what, why), times) in counted {
            table.row([times.to_string().into(), Cell::from(what), Cell::from(why)]);
        }
        table.print()?;
    }
    if !report.not_given.is_empty() {
        out::line("\nAsked for and not given:")?;
        let mut table = Table::bare();
        for item in &report.not_given {
            let sentence = grant::sentence(item);
            table.row([Cell::new(item.id(), Tone::Dim), Cell::from(sentence)]);
        }
        table.print()?;
    }
    Ok(())
}
