//! `tombolo grant tighten`: proposes to give a system less: without what it did not use. Changes nothing.

use std::time::Duration;

use serde_json::json;

use super::usage::{ItemView, Standing, UsageView};
use crate::client::HostArguments;
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

#[derive(Debug, clap::Args)]
pub(crate) struct TightenArguments {
    /// The system
    system: String,
    /// Leave out what was not used for this long
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = tombolo_manifest::parse_duration)]
    unused_for: Duration,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shows what could go, and the command for it.
pub(super) async fn run(arguments: TightenArguments) -> anyhow::Result<()> {
    let TightenArguments {
        system,
        unused_for,
        host,
        json,
    } = arguments;
    let (usage, _) = UsageView::of(&system, &host).await?;
    let since = usage.before(unused_for);
    let of = |standing: Standing| -> Vec<&ItemView> {
        let items = usage.items.iter();
        items
            .filter(|item| item.standing(since) == standing)
            .collect()
    };
    let (staying, unused): (Vec<_>, Vec<_>) = of(Standing::Unused)
        .into_iter()
        .partition(|item| item.stays.is_some());
    let early = of(Standing::TooEarly);
    let ids: Vec<&str> = unused.iter().map(|item| item.id.as_str()).collect();
    let command = (!ids.is_empty()).then(|| {
        let expires = usage.expires.as_ref();
        let expires = expires.map_or_else(String::new, |end| format!(" --expires {end}"));
        format!(
            "tombolo grant approve {system} --by NAME --reason TEXT --digest {}{expires} --without {}",
            usage.digest,
            ids.join(",")
        )
    });
    if json {
        let early: Vec<&str> = early.iter().map(|item| item.id.as_str()).collect();
        return Ok(out::json(&json!({
            "system": system,
            "since_ms": since,
            "unused": ids,
            "unused_but_staying": staying.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(),
            "too_early": early,
            "command": command,
        }))?);
    }
    let since = when::moment(since);
    match &command {
        None => out::line(format!(
            "nothing to leave out: no item of {system} is known to be unused since {since}"
        ))?,
        Some(command) => {
            out::line(format!("Not used since {since}:"))?;
            print(&unused, |_| String::new())?;
            out::line(format!(
                "\nTo give it less; it starts without them, and asks for them again only if you let it:\n  {}",
                text::harmless(command)
            ))?;
        }
    }
    if !staying.is_empty() {
        out::line("\nNot used either, and not so easily left out:")?;
        print(&staying, |item| item.stays.clone().unwrap_or_default())?;
    }
    if !early.is_empty() {
        out::line(format!(
            "\nToo early to tell: not used yet, and counted for less than {}:",
            when::duration(u64::try_from(unused_for.as_millis()).unwrap_or(u64::MAX))
        ))?;
        print(&early, |item| {
            let since = item.since_ms.map(when::moment);
            since.map_or_else(
                || "not counted yet".into(),
                |since| format!("counted since {since}"),
            )
        })?;
    }
    Ok(())
}

fn print(items: &[&ItemView], more: impl Fn(&ItemView) -> String) -> anyhow::Result<()> {
    let mut table = Table::bare();
    for item in items {
        table.row([
            Cell::new(format!("  {}", item.id), Tone::Dim),
            Cell::from(&item.sentence),
            Cell::new(more(item), Tone::Dim),
        ]);
    }
    Ok(table.print()?)
}
