//! `tombolo system add`: a new system, with its file written from the adapter's manifest. What the operator must fill in
//! first makes it a draft, which no host reads; `system add NAME` takes the draft once it is filled in.

use std::path::Path;

use anyhow::{Context, bail};
use tombolo_flow::problem::Problem;
use tombolo_manifest::names::is_name;
use tombolo_manifest::{Connection, ConnectionKind, Manifest};
use tombolo_server::site::{self, Report};

use super::placed::Placed;
use super::taken;
use crate::client::HostArguments;
use tombolo_server::whole;

use crate::{check, out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct AddArguments {
    /// The new system's name
    system: String,
    /// The adapter: a file, with its signature beside it, oci://HOST/NAME:TAG in a registry, or an http(s) address; without
    /// it the draft of this name is taken
    #[arg(long, value_name = "FILE|REFERENCE|ADDRESS")]
    adapter: Option<String>,
    #[command(flatten)]
    host: HostArguments,
}

/// Leaves the site as it was if anything is wrong.
pub(super) async fn run(arguments: AddArguments) -> anyhow::Result<()> {
    let (site, system) = (&arguments.host.site, &arguments.system);
    if !is_name(system) {
        bail!("found the name {system:?}, expected lower case letters, digits and `-`, at most 40");
    }
    let path = site.join(format!("systems/{system}.yaml"));
    if path.exists() {
        bail!(
            "{} is there already; `tombolo system swap {system} FILE` changes its adapter",
            path.display()
        );
    }
    let draft = site.join(format!("systems/{system}.draft"));
    let Some(source) = &arguments.adapter else {
        let text = std::fs::read_to_string(&draft).with_context(|| {
            format!(
                "cannot read {}; name the adapter with --adapter",
                draft.display()
            )
        })?;
        let report = site::check_with(site, system, &text);
        if !report.problems.is_empty() {
            return Err(check::not_in_order(site, &report.problems)
                .context(format!("{} is not taken yet", draft.display())));
        }
        return taken_over(&arguments, &path, &draft, &text, report).await;
    };
    if draft.exists() {
        bail!(
            "{} is there already; fill it in and run `tombolo system add {system}`, or remove it",
            draft.display()
        );
    }
    let placed = Placed::new(site, source, false).await?;
    let text = written(&placed.package.manifest, &placed.line());
    let report = site::check_with(site, system, &text);
    let file = format!("systems/{system}.yaml");
    let (own, others): (Vec<Problem>, Vec<Problem>) = report
        .problems
        .iter()
        .cloned()
        .partition(|problem| problem.file == file);
    if !others.is_empty() {
        placed.take_back();
        return Err(check::not_in_order(site, &others).context("nothing was changed"));
    }
    out::line(format!("{} is in the site", placed.in_words()))?;
    if own.is_empty() {
        return taken_over(&arguments, &path, &draft, &text, report).await;
    }
    whole::create(&draft, text.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", draft.display()))?;
    for problem in &own {
        out::line(format!("to fill in: {}", text::harmless(&problem.message)))?;
    }
    Ok(out::line(format!(
        "next: fill in {}, then run `tombolo system add {system} --site {}`; until then no host reads it",
        draft.display(),
        site.display()
    ))?)
}

/// It checks: from now on it is a system.
async fn taken_over(
    arguments: &AddArguments,
    path: &Path,
    draft: &Path,
    text: &str,
    mut report: Report,
) -> anyhow::Result<()> {
    whole::create(path, text.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", path.display()))?;
    // Of the same text; where it stays it says so again at the next `add`.
    let _ = std::fs::remove_file(draft);
    out::line(format!("written: {}", path.display()))?;
    let at = report
        .systems
        .iter()
        .position(|one| one.system == arguments.system);
    match at {
        Some(at) => taken::tell(&arguments.host, &report.systems.swap_remove(at)).await,
        None => Ok(()),
    }
}

/// The file that the operator fills in. Each line that a person must write is a comment beside its reason.
fn written(manifest: &Manifest, adapter: &str) -> String {
    let identity = &manifest.adapter;
    let mut lines = vec![
        format!(
            "# {} {}: {}",
            identity.name,
            identity.version,
            one_line(&identity.summary)
        ),
        adapter.to_owned(),
    ];
    if !manifest.connections.is_empty() {
        lines.push("# connections:".into());
    }
    for (name, connection) in &manifest.connections {
        lines.push(format!(
            "#   # {}{}",
            one_line(&connection.reason),
            optional(connection.optional)
        ));
        lines.push(format!("#   {name}: {}", place(connection)));
    }
    if !manifest.keys.is_empty() {
        lines.push("# keys:".into());
    }
    for (name, key) in &manifest.keys {
        lines.push(format!(
            "#   # {}{}",
            one_line(&key.reason),
            optional(key.optional)
        ));
        lines.push(format!("#   {name}: \"env:NAME\""));
    }
    lines.push("# settings: {}   # what the adapter's own description names".into());
    if identity.generic {
        lines.push(
            "# actions, hooks, feeds, emits: a generic adapter has those that you declare here"
                .into(),
        );
    }
    lines.push(String::new());
    lines.join("\n")
}

/// An example of the kind.
fn place(connection: &Connection) -> &'static str {
    match connection.kind {
        ConnectionKind::Http => {
            "{ http: \"https://HOST/PATH\", credential: { bearer: \"env:NAME\" } }"
        }
        ConnectionKind::Sql => {
            "{ postgres: \"postgres://USER@HOST/DATABASE\", password: \"env:NAME\" }"
        }
        ConnectionKind::Broker => {
            "{ mqtt: \"mqtts://HOST:8883\", user: NAME, password: \"env:NAME\" }"
        }
    }
}

fn optional(optional: bool) -> &'static str {
    if optional { " (may stay unbound)" } else { "" }
}

/// A vendor's words in a comment stay in it.
fn one_line(text: &str) -> String {
    text::harmless(text).to_string()
}
