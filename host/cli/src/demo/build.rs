//! Builds the demo's adapters from Tombolo's own source folder, the same way as `tombolo adapter build`, and shows
//! how it goes. What has not changed is not compiled again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use tombolo_pack::{Built, PackError, Progress, Signer};
use tombolo_server::site::signature_file;

use super::shown;
use crate::adapter::{Screen, inspect};
use crate::out;
use crate::system::short_digest;
use tombolo_server::whole;

use crate::when;

/// The generic adapters that the demo needs.
const ADAPTERS: [&str; 3] = ["webhook", "sql", "rest"];

/// Tombolo's source folder: the one that is named, or the first with the adapters above the current folder or this
/// program, or the one this program was built from.
pub(super) fn source_folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let holds_adapters = |folder: &Path| {
        ADAPTERS.iter().all(|name| {
            folder
                .join("plugins")
                .join(name)
                .join("adapter.toml")
                .is_file()
        })
    };
    if let Some(named) = named {
        if !holds_adapters(named) {
            bail!(
                "{} has no plugins/webhook, plugins/sql and plugins/rest; --source names Tombolo's source folder",
                named.display()
            );
        }
        return Ok(std::path::absolute(named)?);
    }
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = [here.as_deref(), program.as_deref(), Some(built_from)]
        .into_iter()
        .flatten()
        .flat_map(Path::ancestors);
    let found = above
        .into_iter()
        .find(|folder| holds_adapters(folder))
        .map(Path::to_owned);
    found.context("the demo builds its adapters from Tombolo's source folder, and finds none; run it there (`cargo run --release -- demo`) or name it with --source DIR")
}

/// Builds the adapters into `site/adapters/`, and signs them there.
pub(super) async fn adapters(source: &Path, site: &Path, publisher: &Signer) -> anyhow::Result<()> {
    out::line("  The first time takes a minute or two; later only what has changed is compiled.")?;
    for (index, name) in ADAPTERS.into_iter().enumerate() {
        let began = Instant::now();
        let built = one(source.join("plugins").join(name), index == 0).await?;
        let built = built.with_context(|| format!("cannot build the adapter {name}"))?;
        let place = site.join("adapters").join(format!("{name}.wasm"));
        fs::copy(&built.file, &place)
            .with_context(|| format!("cannot write {}", place.display()))?;
        sign(&place, publisher)?;
        let took = when::duration(milliseconds(began));
        let (size, digest) = (when::bytes(built.size), short_digest(&built.digest));
        out::line(format!(
            "  {name:<8} {took:>9}  {size:>10}  {digest}  {}",
            shown(&place)
        ))?;
    }
    Ok(())
}

/// Builds one on a thread of its own, so that Ctrl-C is heard meanwhile. The toolchain is told once.
async fn one(folder: PathBuf, tell_toolchain: bool) -> anyhow::Result<Result<Built, PackError>> {
    let work = tokio::task::spawn_blocking(move || {
        let screen = Screen::new();
        let built = tombolo_pack::build(&folder, &mut |step| {
            if tell_toolchain || !matches!(step, Progress::Toolchain(_)) {
                screen.show(&step);
            }
        });
        screen.end();
        built
    });
    work.await.context("the build broke off")
}

/// As `tombolo adapter sign` does.
fn sign(place: &Path, publisher: &Signer) -> anyhow::Result<()> {
    let package = inspect::package(place)?;
    let signature = publisher.sign(&package.bytes, &package.manifest.adapter)?;
    let file = signature_file(place);
    whole::replace(&file, signature.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_adapters_is_refused_by_name_and_this_tree_is_found() {
        let refused = source_folder(Some(Path::new("/")))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(refused.contains("plugins/webhook"), "{refused}");
        let found = source_folder(None).unwrap_or_default();
        assert!(found.join("host/cli").is_dir(), "{}", found.display());
    }
}
