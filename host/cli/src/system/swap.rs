//! `tombolo system swap`: another version of a system's adapter, written into the site, which a running host then takes
//! as any change of it. A change with which the site would not check is not made.

use anyhow::{Context, bail};
use tombolo_flow::yaml;

use super::adapter_line::with_adapter;
use super::placed::Placed;
use super::taken;
use crate::client::HostArguments;
use tombolo_server::whole;

use crate::{check, out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct SwapArguments {
    /// The system
    system: String,
    /// The adapter: a file, with its signature beside it, oci://HOST/NAME:TAG in a registry, or an http(s) address
    #[arg(value_name = "FILE|REFERENCE|ADDRESS")]
    adapter: String,
    #[command(flatten)]
    host: HostArguments,
}

/// Leaves the site as it was if anything is wrong.
pub(super) async fn run(arguments: SwapArguments) -> anyhow::Result<()> {
    let (site, system) = (&arguments.host.site, &arguments.system);
    let file = format!("systems/{system}.yaml");
    let path = site.join(&file);
    let before = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; `tombolo system add` makes a new system",
            path.display()
        )
    })?;
    let placed = Placed::new(site, &arguments.adapter, may_be_unsigned(&file, &before)).await?;
    let written = write(&arguments, &file, &before, &placed);
    if written.is_err() {
        placed.take_back();
    }
    let report = written?;
    out::line(format!(
        "{}: {} is now the adapter of {}",
        path.display(),
        placed.in_words(),
        text::harmless(system)
    ))?;
    taken::tell(&arguments.host, &report).await
}

fn write(
    arguments: &SwapArguments,
    file: &str,
    before: &str,
    placed: &Placed,
) -> anyhow::Result<tombolo_server::site::SystemReport> {
    let (site, system) = (&arguments.host.site, &arguments.system);
    let after = with_adapter(file, before, &placed.adapter, placed.digest.as_deref())
        .map_err(anyhow::Error::msg)?;
    let mut report = tombolo_server::site::check_with(site, system, &after);
    if !report.problems.is_empty() {
        return Err(check::not_in_order(site, &report.problems)
            .context("with this adapter the site would not check; nothing was changed"));
    }
    let Some(at) = report.systems.iter().position(|one| one.system == *system) else {
        bail!("the site has no system {system}");
    };
    whole::replace(&site.join(file), after.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {file}"))?;
    Ok(report.systems.swap_remove(at))
}

fn may_be_unsigned(file: &str, text: &str) -> bool {
    let node = yaml::parse(file, text).ok();
    let word = node.as_ref().and_then(|node| node.get("unsigned"));
    word.is_some_and(|node| matches!(&node.value, yaml::Value::Text(text) if text == "allow"))
}
