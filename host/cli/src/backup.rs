//! `tombolo backup` and `tombolo restore`: copies of a site's log, taken while its host runs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use tombolo_store::sqlite::{self, Contents};

use crate::{out, when, whereabouts};

/// Copy the log of a site, or check a copy.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackupArguments {
    #[command(subcommand)]
    verify: Option<BackupCommand>,
    /// Folder of the site; its host may be running
    #[arg(value_name = "SITE", required = true)]
    site: Option<PathBuf>,
    /// File to write; must not exist
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Read every page of a copy and say what it holds
    Verify {
        /// The copy
        file: PathBuf,
    },
}

/// Put a copy in the place of a site's log.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// The copy
    file: PathBuf,
    /// Folder of the site; its host must not run, and its log must be moved away
    site: PathBuf,
}

/// Takes or checks a copy.
pub(crate) fn run(arguments: &BackupArguments) -> anyhow::Result<()> {
    match (&arguments.verify, &arguments.site, &arguments.file) {
        (Some(BackupCommand::Verify { file }), ..) => {
            let contents = sqlite::verify(file).context("the copy cannot be used")?;
            tell("is whole", file, &contents)
        }
        (None, Some(site), Some(file)) => {
            let store = whereabouts::store(site)?;
            let contents = sqlite::backup(&store, file).context("no copy was made")?;
            tell("is written and checked", file, &contents)
        }
        // clap asks for both.
        _ => anyhow::bail!("expected SITE and FILE, or verify FILE"),
    }
}

/// Puts a copy back.
pub(crate) fn restore(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let store = whereabouts::store(&arguments.site)?;
    let contents = sqlite::restore(&arguments.file, &store).context("nothing was restored")?;
    tell("is restored", &store, &contents)
}

fn tell(what: &str, file: &Path, contents: &Contents) -> anyhow::Result<()> {
    let newest = contents
        .newest_ms
        .map_or_else(|| "none".to_owned(), when::moment);
    Ok(out::line(format!(
        "{} {what}: {} events (the newest of {newest}), {} runs, {} of them unfinished, {} audit records, {}, format {}",
        file.display(),
        contents.events,
        contents.runs,
        contents.unfinished,
        contents.audits,
        when::bytes(contents.bytes),
        contents.format,
    ))?)
}
