//! `tombolo adapter`: make, build, sign and look into adapters. Nothing here runs an adapter's code.

mod build;
pub(crate) mod inspect;
mod keygen;
mod new;
mod password;
mod sdk;
mod sign;
mod verify;

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
    /// Make a publisher's pair of keys
    Keygen(keygen::KeygenArguments),
    /// Sign an adapter: writes FILE.minisig beside it
    Sign(sign::SignArguments),
    /// Check who signed an adapter, as a host does
    Verify(verify::VerifyArguments),
}

/// Makes, builds, signs or shows an adapter.
pub(crate) fn run(command: &AdapterCommand) -> anyhow::Result<()> {
    match command {
        AdapterCommand::New(arguments) => new::run(arguments),
        AdapterCommand::Build(arguments) => build::run(arguments),
        AdapterCommand::Inspect(arguments) => inspect::run(arguments),
        AdapterCommand::Keygen(arguments) => keygen::run(arguments),
        AdapterCommand::Sign(arguments) => sign::run(arguments),
        AdapterCommand::Verify(arguments) => verify::run(arguments),
    }
}
