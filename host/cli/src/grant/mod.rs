//! `tombolo grant review`, `approve` and `revoke`: what a system may reach, read, approved and taken back by a person.
//! Runs no adapter and needs no running host: a host takes the new file over by itself. `try` runs the adapter where it
//! reaches nothing; `usage` and `tighten` ask a running host what a grant is used for.

mod approve;
mod approving;
mod markdown;
mod print;
mod review;
mod revoke;
mod tighten;
mod trial;
mod usage;
mod write;

use std::path::PathBuf;

use clap::Subcommand;

use approve::ApproveArguments;
pub(crate) use approving::Approved;
pub(crate) use review::Review;
use revoke::RevokeArguments;
use tighten::TightenArguments;
use trial::TryArguments;
use usage::UsageArguments;

use crate::out;

/// Review and approve what systems may reach.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Show in plain sentences what a system asks for, and how that differs from its present grant
    Review(ReviewArguments),
    /// Try a system with what was recorded, reaching nothing: what it would reach, and what the grant would refuse
    Try(TryArguments),
    /// Approve what a system asks for now, or less: writes grants/SYSTEM.yaml
    Approve(ApproveArguments),
    /// Take a grant back: the system stops, calls under way included
    Revoke(RevokeArguments),
    /// Show how often each item of a grant was used and when last, and what was denied
    Usage(UsageArguments),
    /// Propose a narrower grant: without what was not used
    Tighten(TightenArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReviewArguments {
    /// The system
    system: String,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print text for a pull request: the same for the same site, whatever the terminal
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Carries out a grant command.
pub(crate) async fn run(command: GrantCommand) -> anyhow::Result<()> {
    match command {
        GrantCommand::Review(arguments) => {
            let review = Review::of(&arguments.site, &arguments.system)?;
            if arguments.json {
                Ok(out::json(&review.json())?)
            } else if arguments.markdown {
                Ok(out::line(review.markdown().trim_end())?)
            } else {
                review.print()
            }
        }
        GrantCommand::Try(arguments) => trial::run(arguments).await,
        GrantCommand::Approve(arguments) => approve::run(arguments),
        GrantCommand::Revoke(arguments) => revoke::run(arguments).await,
        GrantCommand::Usage(arguments) => usage::run(arguments).await,
        GrantCommand::Tighten(arguments) => tighten::run(arguments).await,
    }
}
