//! `tombolo run show --lineage`: where every field that a run sent came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::client::{self, Client};
use crate::out::{self, Table};
use crate::system::short_digest;
use crate::text;

/// What the API tells.
#[derive(Debug, Deserialize)]
struct Lineage {
    event: i64,
    flow_version: String,
    adapters: BTreeMap<String, String>,
    origins: Vec<Origin>,
}

#[derive(Debug, Deserialize)]
struct Origin {
    step: String,
    to: String,
    field: String,
    expression: String,
    from: Vec<String>,
    behind: Vec<String>,
}

/// Prints it.
pub(super) async fn show(client: &Client, id: &str, json: bool) -> anyhow::Result<()> {
    let path = format!("/api/runs/{}/lineage", client::encoded(id));
    let value = client.get(&path).await?;
    if json {
        return Ok(out::json(&value)?);
    }
    let lineage: Lineage = client::into(value, &path)?;
    out::line(format!(
        "run {}  of event {}  on flow {}",
        text::harmless(id),
        lineage.event,
        short_digest(&lineage.flow_version)
    ))?;
    let mut table = Table::new(&["STEP", "TO", "FIELD", "FROM", "EXPRESSION", "ADAPTER"]);
    for origin in &lineage.origins {
        let mut from = match origin.from.is_empty() {
            true => "the flow itself".to_owned(),
            false => origin.from.join(", "),
        };
        if !origin.behind.is_empty() {
            let _ = write!(from, " <- {}", origin.behind.join(", "));
        }
        let adapter = lineage.adapters.get(&origin.step);
        table.row(vec![
            origin.step.as_str().into(),
            origin.to.as_str().into(),
            origin.field.as_str().into(),
            from.into(),
            text::shortened(&origin.expression, 80).as_ref().into(),
            adapter
                .map_or_else(String::new, |digest| short_digest(digest))
                .into(),
        ]);
    }
    Ok(table.print()?)
}
