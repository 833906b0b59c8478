//! `tombolo adapter build`: one `.wasm` out of an adapter's folder. Progress goes to standard error, the result to
//! standard output.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tombolo_kernel::package::Package;
use tombolo_pack::{Built, Progress};

use crate::{out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArguments {
    /// Folder of the adapter
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Also copy the adapter to this file
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Builds, checks the result as a host would, and shows it.
pub(super) fn run(arguments: &BuildArguments) -> anyhow::Result<()> {
    let screen = Screen::new();
    let built = tombolo_pack::build(&arguments.dir, &mut |step| screen.show(&step));
    screen.end();
    let mut built = built?;
    let bytes = std::fs::read(&built.file)
        .with_context(|| format!("cannot read {}", built.file.display()))?;
    // What a host would refuse is better told here.
    let package = Package::read(bytes)?;
    if let Some(output) = &arguments.output {
        std::fs::copy(&built.file, output)
            .with_context(|| format!("cannot write {}", output.display()))?;
        built.file.clone_from(output);
    }
    print(&built, &package, arguments.json)?;
    Ok(())
}

fn print(built: &Built, package: &Package, as_json: bool) -> std::io::Result<()> {
    let file = built.file.display().to_string();
    if as_json {
        return out::json(&json!({
            "file": file, "size": built.size, "digest": built.digest, "toolchain": built.toolchain, "warnings": package.warnings,
        }));
    }
    for warning in &package.warnings {
        out::line(format!("warning: {}", text::harmless(warning)))?;
    }
    out::line(format!("{file}  {}", super::inspect::size(built.size)))?;
    out::line(&built.digest)
}

/// What is going on, on a terminal as one line that moves, elsewhere as plain lines.
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    /// Shown on standard error.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar }
    }

    /// One step of a build.
    pub(crate) fn show(&self, step: &Progress) {
        let (said, stays) = match step {
            Progress::Toolchain(sentence) => (sentence.as_str(), true),
            // Cargo indents what it only reports; the rest are the compiler's words to the author.
            Progress::Line(line) => (line.as_str(), !is_routine(line)),
            Progress::Component => ("making the component", false),
        };
        let said = text::harmless_lines(said);
        match &self.bar {
            Some(bar) if stays => bar.println(said),
            Some(bar) => bar.set_message(said.trim().to_owned()),
            None => drop(writeln!(std::io::stderr(), "{said}")),
        }
    }

    /// Leaves nothing moving behind.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `   Compiling serde v1.0.0` and its like: a word of cargo's, right-aligned in twelve columns.
fn is_routine(line: &str) -> bool {
    let word = line.trim_start().split(' ').next().unwrap_or_default();
    let known = [
        "Compiling",
        "Finished",
        "Downloading",
        "Downloaded",
        "Updating",
        "Locking",
        "Adding",
        "Blocking",
        "Fresh",
    ];
    line.starts_with(' ') && known.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::is_routine;

    #[test]
    fn the_compilers_words_stay_on_screen_and_cargos_routine_does_not() {
        for line in [
            "   Compiling serde v1.0.0",
            "    Finished `release` profile",
            "    Blocking waiting for file lock",
        ] {
            assert!(is_routine(line), "{line}");
        }
        for line in [
            "error[E0308]: mismatched types",
            "  --> src/lib.rs:3:5",
            "   |",
            "Compiling",
            "warning: unused",
        ] {
            assert!(!is_routine(line), "{line}");
        }
    }
}
