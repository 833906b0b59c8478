//! `tombolo schema`: JSON Schemas of all site files, for editors.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Map, Value};
use tombolo_server::schemas::SCHEMAS;

use crate::out::{self, Table};

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArguments {
    /// Folder to write one file per kind into; without it all are printed as one JSON object
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Writes or prints them.
pub(crate) fn run(arguments: &SchemaArguments) -> anyhow::Result<()> {
    let Some(folder) = &arguments.folder else {
        let mut all = Map::new();
        for schema in SCHEMAS {
            all.insert(schema.files.to_owned(), serde_json::from_str(schema.text)?);
        }
        return Ok(out::json(&Value::Object(all))?);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut table = Table::new(&["FILES", "SCHEMA"]);
    for schema in SCHEMAS {
        let file = folder.join(format!("{}.schema.json", schema.name));
        std::fs::write(&file, schema.text)
            .with_context(|| format!("cannot write {}", file.display()))?;
        table.row([schema.files.into(), file.display().to_string().into()]);
    }
    table.print()?;
    Ok(out::line(
        "tell your editor which schema is for which files, or begin a file with `# yaml-language-server: $schema=PATH`",
    )?)
}
