//! `tombolo system canary`: what a person decides about a new version that has a share of the lanes.

use serde_json::json;

use super::life::{DecisionArguments, decide_with};

#[derive(Debug, clap::Args)]
pub(crate) struct CanaryArguments {
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    what: What,
}

/// One of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Give it this share of the lanes, more than it has, such as 50%
    #[arg(long, value_name = "PERCENT")]
    share: Option<String>,
    /// Have it take all lanes now
    #[arg(long)]
    promote: bool,
    /// End it: the version before has all lanes again, and this one is not tried again
    #[arg(long)]
    stop: bool,
}

/// Has the host carry it out.
pub(super) async fn run(arguments: &CanaryArguments) -> anyhow::Result<()> {
    let CanaryArguments { decision, what } = arguments;
    let (body, done) = match &what.share {
        Some(share) => (
            json!({ "share": share }),
            format!("tries its new version on {share} of its lanes"),
        ),
        None if what.promote => (
            json!({ "promote": true }),
            "has its new version take all lanes".to_owned(),
        ),
        None => (
            json!({ "stop": true }),
            "has its version before take all lanes".to_owned(),
        ),
    };
    decide_with(decision, "canary", body, &done).await
}
