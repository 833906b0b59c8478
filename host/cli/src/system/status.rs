//! `tombolo system status`: how every system of a running host stands.

use serde::Deserialize;

use crate::client::{self, Client, HostArguments};
use crate::out::{self, Cell, Table, Tone};
use crate::when;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A system as the API tells it.
#[derive(Debug, Deserialize)]
struct SystemView {
    system: String,
    adapter: String,
    version: String,
    digest: String,
    signer: SignerView,
    state: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    since_ms: Option<u64>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    running_since_ms: Option<u64>,
    #[serde(default)]
    older_running: bool,
    #[serde(default)]
    expires_ms: Option<u64>,
    under_way: usize,
    instances: usize,
    #[serde(default)]
    delivery: Option<DeliveryView>,
    #[serde(default)]
    rolls_back_to: Option<VersionView>,
    #[serde(default)]
    rolled_back: Option<RolledBackView>,
    #[serde(default)]
    canary: Option<CanaryView>,
}

/// A newer version that has a share of the lanes.
#[derive(Debug, Deserialize)]
struct CanaryView {
    adapter: String,
    percent: u32,
    calls: u64,
    failed: u64,
    until_ms: u64,
}

/// A version that is kept.
#[derive(Debug, Deserialize)]
struct VersionView {
    adapter: String,
}

/// Why it runs an older version than the site's.
#[derive(Debug, Deserialize)]
struct RolledBackView {
    by: String,
    reason: String,
    site: String,
}

/// By whose word it runs.
#[derive(Debug, Deserialize)]
struct SignerView {
    signed: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    found: String,
}

/// How calls to it go.
#[derive(Debug, Deserialize)]
struct DeliveryView {
    #[serde(default)]
    outage: Option<OutageView>,
    parked: u64,
}

#[derive(Debug, Deserialize)]
struct OutageView {
    since_ms: u64,
    probe_ms: u64,
    probing: bool,
    why: String,
    #[serde(default)]
    limited: bool,
}

/// Shows the table.
pub(super) async fn run(arguments: StatusArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = "/api/systems";
    let value = client.get(path).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let systems: Vec<SystemView> = client::into(value, path)?;
    if systems.is_empty() {
        return Ok(out::line(
            "the site has no systems; describe one in systems/NAME.yaml",
        )?);
    }
    let mut table = Table::new(&[
        "SYSTEM",
        "STATE",
        "ADAPTER",
        "VERSION",
        "DIGEST",
        "SIGNED BY",
        "CALLS",
        "INSTANCES",
        "SINCE",
        "PARKED",
        "BACK TO",
        "WHY",
    ]);
    for system in &systems {
        table.row(row(system));
    }
    Ok(table.print()?)
}

fn row(system: &SystemView) -> Vec<Cell> {
    let outage = system
        .delivery
        .as_ref()
        .and_then(|delivery| delivery.outage.as_ref());
    let state = match outage {
        Some(outage) if outage.probing => "probing",
        Some(outage) if outage.limited => "resting",
        Some(_) => "down",
        None => &system.state,
    };
    let tone = match state {
        "running" => Tone::Good,
        "held-back" | "resting" | "disabled" => Tone::Warning,
        _ => Tone::Bad,
    };
    let mut why = system.message.clone();
    if system.older_running {
        why.push_str(" (the version before keeps running)");
    }
    if system.signer.signed == "allowed" {
        let space = if why.is_empty() { "" } else { " " };
        why.push_str(&format!(
            "{space}(runs unsigned, as its file allows: {})",
            system.signer.found
        ));
    }
    let warning = u64::try_from(tombolo_kernel::limits::GRANT_WARNING.as_millis()).unwrap_or(0);
    let left = system
        .expires_ms
        .map(|end| end.saturating_sub(when::now_ms()));
    if let Some(left) = left.filter(|left| *left <= warning) {
        why.push_str(&format!(" (its grant expires in {})", when::duration(left)));
    }
    if let Some(since) = system.since_ms {
        let since = when::moment(since);
        match state {
            "disabled" => why.push_str(&format!(
                "since {since} by {}: {}",
                system.by, system.reason
            )),
            _ => why.push_str(&format!(
                " (since {since}; `tombolo system enable {}` tries it again)",
                system.system
            )),
        }
    }
    if let Some(canary) = &system.canary {
        why.push_str(&format!(
            "canary {} on {}% of the lanes until {}: {} calls, {} failed",
            canary.adapter,
            canary.percent,
            when::moment(canary.until_ms),
            canary.calls,
            canary.failed
        ));
    }
    if let Some(RolledBackView { by, reason, site }) = &system.rolled_back {
        why.push_str(&format!(
            "rolled back by {by}: {reason}; the site's version is {site}"
        ));
    }
    if let Some(outage) = outage {
        let since = when::moment(outage.since_ms);
        let probe = when::time_of_day(outage.probe_ms);
        let word = if outage.limited { "resting" } else { "down" };
        why.push_str(&format!("{word} since {since}: {}", outage.why));
        if !outage.probing {
            why.push_str(&format!(" (next probe at {probe})"));
        }
    }
    let parked = system
        .delivery
        .as_ref()
        .map_or(0, |delivery| delivery.parked);
    vec![
        system.system.as_str().into(),
        Cell::new(state, tone),
        system.adapter.as_str().into(),
        system.version.as_str().into(),
        short_digest(&system.digest).into(),
        signed_by(&system.signer),
        system.under_way.to_string().into(),
        system.instances.to_string().into(),
        system
            .running_since_ms
            .map_or_else(String::new, when::moment)
            .into(),
        parked.to_string().into(),
        back_to(system).into(),
        why.into(),
    ]
}

/// The version that `tombolo system rollback` goes to.
fn back_to(system: &SystemView) -> String {
    let last = system.rolls_back_to.as_ref();
    let version = last.and_then(|last| last.adapter.split(' ').next_back());
    version.unwrap_or_default().to_owned()
}

/// The key's id, or nobody.
fn signed_by(signer: &SignerView) -> Cell {
    match signer.signed.as_str() {
        "publisher" => Cell::new(&signer.key, Tone::Good),
        "allowed" => Cell::new("nobody (allowed)", Tone::Warning),
        _ => Cell::new("nobody", Tone::Bad),
    }
}

/// `sha256:` and the first twelve digits.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}
