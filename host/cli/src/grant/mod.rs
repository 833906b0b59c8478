//! `tombolo grant review` and `tombolo grant approve`: what a system may reach, read and approved by a person.
//! Runs no adapter and needs no running host: a host takes the new file over by itself.

mod review;
mod write;

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;

pub(crate) use review::Review;

use crate::out;

/// Review and approve what systems may reach.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Show in plain sentences what a system asks for, and how that differs from its present grant
    Review(ReviewArguments),
    /// Approve exactly what a system asks for now: writes grants/SYSTEM.yaml
    Approve(ApproveArguments),
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
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArguments {
    /// The system
    system: String,
    /// Who approves
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Approve only if the adapter's digest is still this one, which was reviewed
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// Approve an older version than the one that is approved now
    #[arg(long)]
    rollback: bool,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
}

/// Carries out a grant command.
pub(crate) fn run(command: GrantCommand) -> anyhow::Result<()> {
    match command {
        GrantCommand::Review(arguments) => {
            let review = Review::of(&arguments.site, &arguments.system)?;
            if arguments.json {
                Ok(out::json(&review.json())?)
            } else {
                review.print()
            }
        }
        GrantCommand::Approve(arguments) => {
            let review = Review::of(&arguments.site, &arguments.system)?;
            review.print()?;
            if let Some(reviewed) = arguments
                .digest
                .filter(|reviewed| reviewed != review.digest())
            {
                bail!(
                    "the adapter's digest is {} now, not {reviewed}; review it again",
                    review.digest()
                );
            }
            let file = review.approve(&arguments.by, &arguments.reason, arguments.rollback)?;
            out::line(format!("\napproved; written to {}", file.display()))?;
            Ok(())
        }
    }
}
