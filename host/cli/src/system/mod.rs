//! `tombolo system`: how every system of a running host stands, what people decide about one, and how the site gets
//! new ones and other versions.

mod adapter_line;
mod add;
mod canary;
mod life;
mod placed;
mod status;
mod swap;
mod taken;

use clap::Subcommand;

pub(crate) use status::short_digest;

/// Look at systems and decide about them.
#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Show how every system stands
    Status(status::StatusArguments),
    /// Connect a new system: writes its file from the adapter's manifest
    Add(add::AddArguments),
    /// Give a system another version of its adapter; a running host takes it once a reviewer approved it
    Swap(swap::SwapArguments),
    /// Take a system out of service: its calls wait, hooks send senders away for a while, feeds pause
    Disable(life::DecisionArguments),
    /// Put a system that is disabled or quarantined back into service
    Enable(life::DecisionArguments),
    /// Go back to the last good version, which the host kept: at once, whatever the site or a registry has
    Rollback(life::DecisionArguments),
    /// End a rollback: run the site's version again
    Forward(life::DecisionArguments),
    /// Give a new version that is tried more lanes, all, or none
    Canary(canary::CanaryArguments),
}

/// Carries out a system command.
pub(crate) async fn run(command: SystemCommand) -> anyhow::Result<()> {
    match command {
        SystemCommand::Status(arguments) => status::run(arguments).await,
        SystemCommand::Add(arguments) => add::run(arguments).await,
        SystemCommand::Swap(arguments) => swap::run(arguments).await,
        SystemCommand::Disable(arguments) => {
            life::decide(&arguments, "disable", "is disabled; what needs it waits").await
        }
        SystemCommand::Enable(arguments) => {
            life::decide(&arguments, "enable", "is in service; what waited goes on").await
        }
        SystemCommand::Canary(arguments) => canary::run(&arguments).await,
        SystemCommand::Rollback(arguments) => {
            let done = "runs its last good version, until the site has a third one that is approved, or `tombolo system forward`";
            life::decide(&arguments, "rollback", done).await
        }
        SystemCommand::Forward(arguments) => {
            life::decide(&arguments, "forward", "runs the site's version").await
        }
    }
}
