//! `tombolo xref`: which ids are of one person or item: listed, imported from a file, repaired by hand.

mod import;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;
use tombolo_store::{Entity, LinkChange, LinkedId, SystemId};

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::{text, when};

/// Work with cross-references.
#[derive(Debug, Subcommand)]
pub(crate) enum XrefCommand {
    /// List entities with their ids
    List(ListArguments),
    /// Show what was linked and unlinked, by whom and why, the newest first
    History(ListArguments),
    /// Link the ids of every line of a CSV file whose first line names the systems
    Import(import::ImportArguments),
    /// Say that ids are of one entity
    Link(LinkArguments),
    /// Take an id out of its entity
    Unlink(UnlinkArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Only of this kind: `customer`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only with an id in this system
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Only with this id, in that system if one is named
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    host: HostArguments,
    /// Go on after this number, the last of the page before
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LinkArguments {
    /// Ids of different systems; where they replace others, the entity of the first keeps the rest of its ids
    #[arg(value_name = "SYSTEM=ID", num_args = 2.., required = true, value_parser = system_id)]
    ids: Vec<SystemId>,
    /// The kind of entity: `customer`
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// Take away what contradicts it
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnlinkArguments {
    /// The id
    #[arg(value_name = "SYSTEM=ID", value_parser = system_id)]
    id: SystemId,
    /// The kind of entity: `customer`
    #[arg(long, value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Who {
    /// Who does it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    /// Why; kept with the ids
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    entities: Vec<Entity>,
    next: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    outcome: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    task: Option<String>,
}

/// Carries out a command about cross-references.
pub(crate) async fn run(command: XrefCommand) -> anyhow::Result<()> {
    match command {
        XrefCommand::List(arguments) => list(arguments).await,
        XrefCommand::History(arguments) => history(arguments).await,
        XrefCommand::Import(arguments) => import::run(arguments).await,
        XrefCommand::Link(arguments) => link(arguments).await,
        XrefCommand::Unlink(arguments) => unlink(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = path("/api/xref", "after", &arguments);
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let page: Page = client::into(value, &path)?;
    if page.entities.is_empty() {
        return Ok(out::line("no cross-references")?);
    }
    let mut table = Table::new(&["ENTITY", "KIND", "SYSTEM", "ID", "LINKED", "BY", "WHY"]);
    for entity in &page.entities {
        for (index, linked) in entity.ids.iter().enumerate() {
            table.row(row(entity, linked, index == 0));
        }
    }
    table.print()?;
    if let Some(next) = page.next {
        out::line(format!("there may be more: --after {next}"))?;
    }
    Ok(())
}

/// An entity's number and kind stand before its first id.
fn row(entity: &Entity, linked: &LinkedId, is_first: bool) -> Vec<Cell> {
    let (number, kind) = match is_first {
        true => (entity.number.to_string(), entity.kind.clone()),
        false => (String::new(), String::new()),
    };
    vec![
        Cell::new(number, Tone::Strong),
        kind.into(),
        linked.id.system.as_str().into(),
        linked.id.id.as_str().into(),
        when::moment(linked.at_ms).into(),
        maker(&linked.maker.by, &linked.maker.cause).into(),
        text::shortened(&linked.maker.reason, 160).into(),
    ]
}

fn maker(by: &str, cause: &str) -> String {
    let parts = [by, cause].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

async fn history(arguments: ListArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = path("/api/xref/history", "before", &arguments);
    let value = client.get(&path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let changes: Vec<LinkChange> = client::into(value, &path)?;
    if changes.is_empty() {
        return Ok(out::line("nothing was linked or unlinked")?);
    }
    let mut table = Table::new(&[
        "NUMBER", "WHEN", "WHAT", "KIND", "SYSTEM", "ID", "WITH", "BY", "WHY",
    ]);
    for change in &changes {
        let what = match change.linked {
            true => Cell::new("linked", Tone::Good),
            false => Cell::new("unlinked", Tone::Warning),
        };
        table.row(vec![
            change.number.to_string().into(),
            when::moment(change.at_ms).into(),
            what,
            change.kind.as_str().into(),
            change.id.system.as_str().into(),
            change.id.id.as_str().into(),
            text::shortened(&change.with, 80).into(),
            maker(&change.maker.by, &change.maker.cause).into(),
            text::shortened(&change.maker.reason, 160).into(),
        ]);
    }
    Ok(table.print()?)
}

async fn link(arguments: LinkArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let body = json!({
        "kind": arguments.kind, "ids": arguments.ids, "replace": arguments.replace,
        "by": arguments.who.by, "reason": arguments.who.reason,
    });
    let value = client.post("/api/xref/link", &body).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let outcome: Outcome = client::into(value, "/api/xref/link")?;
    let ids = text::harmless(&words(arguments.ids.iter()));
    Ok(out::line(match outcome.outcome.as_str() {
        "known" => format!("{ids}: linked already"),
        _ => format!("{ids}: linked"),
    })?)
}

async fn unlink(arguments: UnlinkArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let body = json!({
        "kind": arguments.kind, "system": arguments.id.system, "id": arguments.id.id,
        "by": arguments.who.by, "reason": arguments.who.reason,
    });
    let value = client.post("/api/xref/unlink", &body).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let was: Entity = client::into(value, "/api/xref/unlink")?;
    let others = was.ids.iter().map(|linked| &linked.id);
    let others = words(others.filter(|id| **id != arguments.id));
    Ok(out::line(text::harmless(&format!(
        "{} is no longer linked with {others}",
        arguments.id
    )))?)
}

fn words<'i>(ids: impl Iterator<Item = &'i SystemId>) -> String {
    ids.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn path(of: &str, page: &str, arguments: &ListArguments) -> String {
    let query = client::query(&[
        ("kind", arguments.kind.clone()),
        ("system", arguments.system.clone()),
        ("id", arguments.id.clone()),
        (page, arguments.after.map(|after| after.to_string())),
        ("limit", Some(arguments.limit.to_string())),
    ]);
    format!("{of}{query}")
}

/// `crm=C-7`.
fn system_id(text: &str) -> Result<SystemId, String> {
    match text.split_once('=') {
        Some((system, id)) if !system.is_empty() && !id.is_empty() => Ok(SystemId {
            system: system.to_owned(),
            id: id.to_owned(),
        }),
        _ => Err("expected SYSTEM=ID such as crm=C-7".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_hold_what_parts_it_from_its_system() {
        let read = |text| system_id(text).map(|id| (id.system, id.id));
        assert_eq!(read("crm=a=b"), Ok(("crm".into(), "a=b".into())));
        for wrong in ["crm", "=7", "crm="] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
