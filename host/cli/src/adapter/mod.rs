//! `tombolo adapter`: make, build and look into adapters. Nothing here runs an adapter's code.

mod build;
mod inspect;
mod new;
mod sdk;

pub(crate) use build::Screen;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum AdapterCommand {
    /// Make a folder with a small adapter that builds and passes its tests at once
    New(new::NewArguments),
    /// Build an adapter into one .wasm file
    Build(build::BuildArguments),
    /// Show what an adapter says of itself and what it really imports; never runs its code
    Inspect(inspect::InspectArguments),
}

/// Makes, builds or shows an adapter.
pub(crate) fn run(command: &AdapterCommand) -> anyhow::Result<()> {
    match command {
        AdapterCommand::New(arguments) => new::run(arguments),
        AdapterCommand::Build(arguments) => build::run(arguments),
        AdapterCommand::Inspect(arguments) => inspect::run(arguments),
    }
}
