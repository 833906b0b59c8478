//! `tombolo adapter new`: a folder to begin with.

use std::path::{Path, PathBuf};

use super::sdk;
use crate::out;

#[derive(Debug, clap::Args)]
pub(crate) struct NewArguments {
    /// Name of the adapter, `name` or `vendor/name`
    name: String,
    /// Folder to make [default: the name, in the current folder]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// The vendor of an adapter that was named without one; its author will change it.
const VENDOR: &str = "example";

/// Makes the folder and says what to do in it.
pub(super) fn run(arguments: &NewArguments) -> anyhow::Result<()> {
    let (vendor, adapter) = arguments
        .name
        .split_once('/')
        .unwrap_or((VENDOR, &arguments.name));
    let folder = arguments.dir.as_deref().unwrap_or(Path::new(adapter));
    tombolo_pack::new_adapter(folder, &format!("{vendor}/{adapter}"), &sdk::files())?;
    let shown = folder.display();
    out::line(format!("made {vendor}/{adapter} in {shown}"))?;
    out::line("next:")?;
    out::line(format!(
        "  (cd {shown} && cargo test)       its tests, natively, without a host"
    ))?;
    out::line(format!("  tombolo adapter build {shown}    one .wasm file"))?;
    Ok(())
}
