//! What comes after a change of the site: what a reviewer has to do, and whether a host that serves it took it.

use serde_json::json;
use tombolo_server::site::SystemReport;

use crate::client::{Client, HostArguments};
use crate::{out, text};

/// Says how the system stands in the site, and tells the host.
pub(super) async fn tell(host: &HostArguments, report: &SystemReport) -> anyhow::Result<()> {
    let system = &report.system;
    match &report.held_back {
        Some(held_back) => {
            out::line(text::harmless(&held_back.message))?;
            let site = host.site.display();
            out::line(format!(
                "next, for a reviewer: tombolo grant review {system} --site {site}; then tombolo grant approve {system} --by NAME --reason TEXT --site {site}"
            ))?;
        }
        None => out::line("its grant is complete")?,
    }
    let told = match Client::for_command(host, "operate") {
        Ok(client) => match take(&client, system, &report.digest).await {
            Ok(told) => told,
            Err(error) => format!("no host took it now: {error:#}"),
        },
        Err(error) => format!("no host was asked: {error:#}"),
    };
    Ok(out::line(text::harmless(&told))?)
}

/// Has the host read the site now, and says how the version stands there.
async fn take(client: &Client, system: &str, digest: &str) -> anyhow::Result<String> {
    client.post("/api/reload", &json!({})).await?;
    let systems = client.get("/api/systems").await?;
    let all = systems.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = all.iter().find(|one| one["system"] == system);
    let address = client.address();
    let Some(found) = found else {
        return Ok(format!(
            "the host at {address} has no system {system}: it serves another site"
        ));
    };
    let state = found["state"].as_str().unwrap_or_default();
    let is_it = found["digest"] == digest;
    Ok(match state {
        "running" if is_it => format!("the host at {address} runs it"),
        "held-back" if found["older_running"] == true => {
            format!("the host at {address} holds it back; the version before keeps running")
        }
        "held-back" => format!("the host at {address} holds it back"),
        _ if is_it => format!(
            "the host at {address} has it: {state} {}",
            found["message"].as_str().unwrap_or_default()
        ),
        _ => format!(
            "the host at {address} still has another version; `tombolo system status` tells more"
        ),
    })
}
