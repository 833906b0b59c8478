//! `tombolo run mend` and `tombolo run move`: a person changes a run that waits or is dead.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::client::{self, Client, HostArguments};
use crate::out;
use crate::text;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("with").required(true))]
pub(crate) struct MendArguments {
    /// The run's id, from `tombolo run list`
    id: String,
    /// The step at which it waits or died, as `tombolo run show` names it: stock, `lines[3].reserve`, reserve/undo
    #[arg(long, value_name = "STEP")]
    step: String,
    /// Try the step again with this input, JSON
    #[arg(long, value_name = "JSON", group = "with")]
    input: Option<String>,
    /// Take this as the step's result, JSON, and go on behind it
    #[arg(long, value_name = "JSON", group = "with")]
    result: Option<String>,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MoveArguments {
    /// The run's id, from `tombolo run list`
    id: String,
    #[command(flatten)]
    said: Said,
}

/// Who and why; both are kept with the run.
#[derive(Debug, clap::Args)]
struct Said {
    /// Why; kept with the run
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who does it; kept with the run
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    #[command(flatten)]
    host: HostArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn mend(arguments: MendArguments) -> anyhow::Result<()> {
    let said = &arguments.said;
    let mut body = json!({ "step": arguments.step, "by": said.by, "reason": said.reason });
    for (name, given) in [("input", &arguments.input), ("result", &arguments.result)] {
        if let Some(given) = given {
            let value: Value = serde_json::from_str(given)
                .with_context(|| format!("--{name}: found `{given}`, expected JSON"))?;
            body[name] = value;
        }
    }
    send(&arguments.id, "mend", &body, said, "goes on").await
}

pub(crate) async fn move_run(arguments: MoveArguments) -> anyhow::Result<()> {
    let said = &arguments.said;
    let body = json!({ "by": said.by, "reason": said.reason });
    let done = "goes on with the present version of its flow";
    send(&arguments.id, "move", &body, said, done).await
}

async fn send(id: &str, what: &str, body: &Value, said: &Said, done: &str) -> anyhow::Result<()> {
    let client = Client::for_command(&said.host, "operate")?;
    let path = format!("/api/runs/{}/{what}", client::encoded(id));
    let value = client.post(&path, body).await?;
    if said.json {
        return Ok(out::json(&value)?);
    }
    let run = text::harmless(id);
    Ok(out::line(format!(
        "run {run} {done}: tombolo run show {run}"
    ))?)
}
