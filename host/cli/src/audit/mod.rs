//! `tombolo audit list|verify|anchor|export`: who reached what and who decided what; of a running host, or of a file.

mod list;
mod source;
mod verify;

use clap::Subcommand;
use serde_json::Value;

use crate::{out, text};
use source::SourceArguments;

/// Look at the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List records, the newest first
    List(list::ListArguments),
    /// Check that no record was altered, taken out or added, and name the first that was
    Verify(verify::VerifyArguments),
    /// Print the newest record's number and hash, to keep elsewhere: whoever has it can tell whether the past was changed
    Anchor(AnchorArguments),
    /// Print records as JSON lines, the oldest first
    Export(ExportArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AnchorArguments {
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Only records after this number: the last of the export before
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    since: i64,
}

/// Carries out an audit command.
pub(crate) async fn run(command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::List(arguments) => list::run(&arguments).await,
        AuditCommand::Verify(arguments) => verify::run(&arguments).await,
        AuditCommand::Anchor(arguments) => {
            let source = arguments.source.open()?;
            Ok(out::line(source.anchor().await?)?)
        }
        AuditCommand::Export(arguments) => export(&arguments).await,
    }
}

async fn export(arguments: &ExportArguments) -> anyhow::Result<()> {
    let source = arguments.source.open()?;
    let mut number = arguments.since;
    loop {
        let records = source.after(number).await?;
        let Some(last) = records.last().and_then(|last| last["number"].as_i64()) else {
            return Ok(());
        };
        for record in &records {
            out::line(record_line(record))?;
        }
        number = last;
    }
}

/// One line that a machine reads: harmful characters are spelled out.
fn record_line(record: &Value) -> String {
    text::json_line(record)
}
