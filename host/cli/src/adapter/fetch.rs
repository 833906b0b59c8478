//! `tombolo adapter fetch`: what a site's systems name in registries and at addresses, into its data folder. Afterwards
//! the host needs none of them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use tombolo_server::{registry, site};

use crate::out::{self, Cell, Table, Tone};
use crate::{check, text};

#[derive(Debug, clap::Args)]
pub(crate) struct FetchArguments {
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// Give up on one after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Fetches all; fails if one cannot be had, after it has told of every one.
pub(super) async fn run(arguments: FetchArguments) -> anyhow::Result<()> {
    let folder = &arguments.site;
    let places = site::places(folder).map_err(|problems| check::not_in_order(folder, &problems))?;
    let patience = Duration::from_secs(arguments.timeout.into());
    let all = registry::fetch(folder, &places, patience).await;
    let failed = all.iter().filter(|one| one.result.is_err()).count();
    if arguments.json {
        let lines: Vec<Value> = all
            .iter()
            .map(|one| {
                json!({
                    "place": one.place.to_string(), "systems": one.systems,
                    "digest": one.result.as_ref().ok().map(|(digest, _)| digest),
                    "there-already": one.result.as_ref().is_ok_and(|(_, already)| *already),
                    "error": one.result.as_ref().err().map(ToString::to_string),
                })
            })
            .collect();
        out::json(&Value::Array(lines))?;
    } else {
        let mut table = Table::bare();
        for one in &all {
            let (word, tone, told) = match &one.result {
                Ok((digest, true)) => ("here", Tone::Dim, digest.clone()),
                Ok((digest, false)) => ("fetched", Tone::Good, digest.clone()),
                Err(error) => (
                    "error",
                    Tone::Bad,
                    text::harmless(&error.to_string()).to_string(),
                ),
            };
            table.row([
                Cell::new(word, tone),
                one.systems.join(", ").into(),
                one.place.to_string().into(),
                told.into(),
            ]);
        }
        table.print()?;
    }
    if failed > 0 {
        bail!(
            "{failed} of {} could not be fetched; what runs goes on running",
            all.len()
        );
    }
    Ok(())
}
