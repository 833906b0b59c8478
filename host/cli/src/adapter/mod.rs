//! `tombolo adapter`: make, build, sign, look into, send and fetch adapters. Only `check --system` runs an adapter's code.

mod build;
mod check;
mod fetch;
pub(crate) mod inspect;
mod keygen;
mod new;
mod password;
mod pull;
mod push;
mod registry;
mod sdk;
pub(crate) mod secret_key;
mod sign;
mod verify;

pub(crate) use build::Screen;
use clap::Subcommand;

use crate::waited_for;

#[derive(Debug, Subcommand)]
pub(crate) enum AdapterCommand {
    /// Make a folder with a small adapter that builds and passes its tests at once
    New(new::NewArguments),
    /// Build an adapter into one .wasm file
    Build(build::BuildArguments),
    /// Show what an adapter says of itself and what it really imports; never runs its code
    Inspect(inspect::InspectArguments),
    /// Examine an adapter as its vendor publishes it: its file, and with --system what a live system answers through it
    Check(check::CheckArguments),
    /// Make a publisher's pair of keys
    Keygen(keygen::KeygenArguments),
    /// Sign an adapter: writes FILE.minisig beside it
    Sign(sign::SignArguments),
    /// Check who signed an adapter, as a host does
    Verify(verify::VerifyArguments),
    /// Send an adapter and its signature to an OCI registry; prints what a system file writes
    Push(push::PushArguments),
    /// Get an adapter and its signature from an OCI registry into a file
    Pull(pull::PullArguments),
    /// Get what a site's systems name in registries and at addresses; the host itself never does
    Fetch(fetch::FetchArguments),
}

/// Carries out an adapter command.
pub(crate) fn run(command: AdapterCommand) -> anyhow::Result<()> {
    match command {
        AdapterCommand::New(arguments) => new::run(&arguments),
        AdapterCommand::Build(arguments) => build::run(&arguments),
        AdapterCommand::Inspect(arguments) => inspect::run(&arguments),
        AdapterCommand::Check(arguments) => waited_for(check::run(arguments)),
        AdapterCommand::Keygen(arguments) => keygen::run(&arguments),
        AdapterCommand::Sign(arguments) => sign::run(&arguments),
        AdapterCommand::Verify(arguments) => verify::run(&arguments),
        AdapterCommand::Push(arguments) => waited_for(push::run(arguments)),
        AdapterCommand::Pull(arguments) => waited_for(pull::run(arguments)),
        AdapterCommand::Fetch(arguments) => waited_for(fetch::run(arguments)),
    }
}
