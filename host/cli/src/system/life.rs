//! What a person decides about one system of a running host; who and why is kept with it.

use serde_json::{Value, json};

use crate::client::{self, Client, HostArguments};
use crate::{out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct DecisionArguments {
    /// The system
    system: String,
    /// Who decides; kept with it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    /// Why; kept with it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Has the host carry it out.
pub(super) async fn decide(
    arguments: &DecisionArguments,
    what: &str,
    done: &str,
) -> anyhow::Result<()> {
    decide_with(arguments, what, json!({}), done).await
}

/// The same, with more to say.
pub(super) async fn decide_with(
    arguments: &DecisionArguments,
    what: &str,
    mut body: Value,
    done: &str,
) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.host, "operate")?;
    let path = format!("/api/systems/{}/{what}", client::encoded(&arguments.system));
    body["by"] = arguments.by.as_str().into();
    body["reason"] = arguments.reason.as_str().into();
    let value = client.post(&path, &body).await?;
    if arguments.json {
        return Ok(out::json(&value)?);
    }
    let system = text::harmless(&arguments.system);
    Ok(out::line(format!("system {system} {done}"))?)
}
