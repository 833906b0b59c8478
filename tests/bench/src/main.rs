//! The benchmark: `cargo run --release -p tombolo-bench [PART...]`. Shows progress, prints one table, writes
//! `target/bench.json`. Parts: `grants`, `append`, `adapter`, `e2e`, `many`, `restart`, `waiting`, `feed`,
//! `reconcile`, `swaps`, `attacks`, `revoke`; all of these when none is named, and `node-red` only when it is, for it installs Node-RED from npm.
//! `--quick` makes every part small, to see that it works; its figures mean nothing.

#![allow(clippy::print_stderr, reason = "progress goes to the terminal")]

mod figures;
mod load;
mod parts;
mod process;
mod publish;
mod sink;
mod site;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
// As the binary `tombolo` has it: the host is measured as it is shipped.
use mimalloc as _;

use crate::figures::Figures;
use crate::parts::e2e::Size;

const PARTS: [&str; 13] = [
    "grants",
    "append",
    "adapter",
    "e2e",
    "many",
    "restart",
    "waiting",
    "feed",
    "reconcile",
    "swaps",
    "attacks",
    "revoke",
    "node-red",
];
/// Run only when named: it installs something.
const OPTIONAL: [&str; 1] = ["node-red"];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match words.as_slice() {
        ["compile-child"] => std::process::exit(tombolo_kernel::sandbox::compile_child_main()),
        ["serve-host", site] => {
            // Only where a part asks for it: most measure without.
            if std::env::var_os(tombolo_server::telemetry::FILTER).is_some() {
                tombolo_server::telemetry::start();
            }
            serving(site::serve(Path::new(site)))
        }
        _ => bench(&words),
    }
}

fn serving(serve: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve)
}

fn bench(words: &[&str]) -> anyhow::Result<()> {
    let quick = words.contains(&"--quick");
    let parts: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| *word != "--quick")
        .collect();
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(part)) {
        bail!(
            "there is no part `{unknown}`; the parts are {}",
            PARTS.join(", ")
        );
    }
    let mut figures = Figures::default();
    let measured = measure(&mut figures, &parts, quick);
    // What was measured before a part failed is told all the same.
    figures.print();
    measured?;
    let file = site::workspace().join(if quick {
        "target/bench-quick.json"
    } else {
        "target/bench.json"
    });
    figures.write(&file)?;
    eprintln!("\nwritten to {}", file.display());
    Ok(())
}

fn measure(figures: &mut Figures, parts: &[&str], quick: bool) -> anyhow::Result<()> {
    let start = Instant::now();
    let say = |text: &str| eprintln!("{:6.1} s  {text}", start.elapsed().as_secs_f64());
    let wanted =
        |part: &str| parts.contains(&part) || (parts.is_empty() && !OPTIONAL.contains(&part));
    let size = |full: usize, half: usize| Size { full, half };
    let end_to_end = if quick {
        size(3_000, 1_000)
    } else {
        size(60_000, 20_000)
    };
    figures.owe(parts::node_red::KEY);
    say("building the adapters");
    let adapters = build_adapters()?;
    if wanted("grants") {
        parts::grants::run(figures, quick, &say)?;
    }
    if wanted("append") {
        parts::append::run(figures, quick, &say)?;
    }
    if wanted("adapter") {
        parts::adapter::run(figures, &adapters.join("guest.wasm"), quick, &say)?;
    }
    if wanted("e2e") {
        say("building the native program");
        let native = native_program()?;
        parts::e2e::run(figures, &adapters, &native, end_to_end, &say)?;
    }
    if wanted("many") {
        parts::many::run(figures, &adapters, if quick { 50 } else { 1_000 }, &say)?;
    }
    if wanted("restart") {
        parts::restart::run(figures, if quick { 2_000 } else { 100_000 }, &say)?;
    }
    if wanted("waiting") {
        let (count, other) = if quick {
            (20_000, 2_000)
        } else {
            (1_000_000, 60_000)
        };
        parts::waiting::run(figures, &adapters, count, other, &say)?;
    }
    if wanted("feed") {
        parts::feed::run(
            figures,
            &adapters,
            if quick { 20_000 } else { 1_000_000 },
            &say,
        )?;
    }
    if wanted("reconcile") {
        parts::reconcile::run(
            figures,
            &adapters,
            if quick { 50_000 } else { 1_000_000 },
            &say,
        )?;
    }
    if wanted("swaps") {
        let size = if quick {
            parts::swaps::Size {
                swaps: 20,
                per_second: 200.0,
                alone: 500,
                most: 20_000,
            }
        } else {
            parts::swaps::Size {
                swaps: 1_000,
                per_second: 1_000.0,
                alone: 20_000,
                most: 1_000_000,
            }
        };
        parts::swaps::run(figures, &adapters, size, &say)?;
    }
    if wanted("attacks") {
        let sizes = if quick {
            (3_000, 1_000, 2_000)
        } else {
            (60_000, 30_000, 100_000)
        };
        parts::attacks::run(figures, &adapters, sizes, &say)?;
    }
    if wanted("revoke") {
        parts::revoke::run(figures, &adapters, if quick { 5 } else { 50 }, &say)?;
    }
    if wanted("node-red") {
        let node_red = if quick {
            size(1_000, 200)
        } else {
            size(12_000, 2_000)
        };
        let sizes = parts::node_red::Sizes {
            host: end_to_end,
            node_red,
        };
        parts::node_red::run(figures, &adapters, sizes, &say)?;
    }
    Ok(())
}

/// The program that the host is measured beside, built like this one and next to it.
fn native_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("native-program");
    let source = site::workspace().join("tests/bench/src/native.rs");
    let changed = |path: &Path| path.metadata().and_then(|about| about.modified());
    if changed(&program).is_ok_and(|built| changed(&source).is_ok_and(|edited| edited < built)) {
        return Ok(program);
    }
    let mut build = std::process::Command::new("cargo");
    build.args(["build", "-p", "tombolo-bench", "--bin", "native-program"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.current_dir(site::workspace()).status()?;
    if !built.success() || !program.exists() {
        bail!("the native program could not be built: {built}");
    }
    Ok(program)
}

/// Builds the adapters that the parts use into one folder.
fn build_adapters() -> anyhow::Result<PathBuf> {
    let folder = site::scratch()?.join("adapters");
    std::fs::create_dir_all(&folder)?;
    for (name, source) in [
        ("webhook", "plugins/webhook"),
        ("rest", "plugins/rest"),
        ("sql", "plugins/sql"),
        ("guest", "tests/bench/guest"),
        ("attacker", "tests/hostile/attacker"),
    ] {
        let built = tombolo_pack::build(&site::workspace().join(source), &mut |_| {})?;
        std::fs::copy(&built.file, folder.join(format!("{name}.wasm")))
            .with_context(|| format!("cannot copy {name}.wasm"))?;
        site::sign(&folder.join(format!("{name}.wasm")))?;
    }
    Ok(folder)
}
