//! The binary `tombolo`: one file per subcommand, each named alike. This file reads as parse, dispatch, exit code.
//!
//! Exit codes: 0 done; 1 it failed, or a check found problems; 2 the command line is wrong.

mod adapter;
mod audit;
mod backup;
mod check;
mod client;
mod dead;
mod demo;
mod event;
mod feed;
mod flow;
mod grant;
mod lane;
mod out;
mod reconcile;
mod replay;
mod run;
mod schema;
mod serve;
mod system;
mod task;
mod text;
mod token;
mod tree;
mod when;
mod whereabouts;
mod xref;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
// An event costs a few hundred small allocations, most of them freed on another thread. It stands in for `malloc` itself
// (its feature `override`), for SQLite, too: as Rust's allocator it is asked for an alignment each time, and most sizes
// would miss its fast path.
use mimalloc as _;

/// Ties the systems of a company together through sandboxed adapters
#[derive(Debug, Parser)]
#[command(
    name = "tombolo",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, build, sign and look into adapters
    #[command(subcommand)]
    Adapter(adapter::AdapterCommand),
    /// Serve a site: take events in, run flows, until stopped
    Serve(serve::ServeArguments),
    /// Check a site without serving it
    Check(check::CheckArguments),
    /// Print or write JSON Schemas of a site's files, for editors
    Schema(schema::SchemaArguments),
    /// Review and approve what systems may reach
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Connect systems, give them other versions, watch and stop them
    #[command(subcommand)]
    System(system::SystemCommand),
    /// Make, list and revoke tokens of the API
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List and answer questions to people
    #[command(subcommand)]
    Task(task::TaskCommand),
    /// Draw flows and test them, without a host
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// Look at runs of flows
    #[command(subcommand)]
    Run(run::RunCommand),
    /// Look at what is read page by page, and read it now
    #[command(subcommand)]
    Feed(feed::FeedCommand),
    /// Compare systems that should say the same
    #[command(subcommand)]
    Reconcile(reconcile::ReconcileCommand),
    /// Repair runs that failed for good
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// List, import and repair cross-references: which ids are of one person or item
    #[command(subcommand)]
    Xref(xref::XrefCommand),
    /// Look at lanes: what waits behind what
    #[command(subcommand)]
    Lane(lane::LaneCommand),
    /// Give past events to one flow again, or show what that would do
    Replay(replay::ReplayArguments),
    /// Look at the log of events
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Look at who reached what and who decided what, and check that nobody changed it
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Copy the log of a site while its host runs, or check a copy
    Backup(backup::BackupArguments),
    /// Put a copy in the place of a site's log
    Restore(backup::RestoreArguments),
    /// Show the whole path on this machine: an alarm becomes an approved purchase request
    Demo(demo::DemoArguments),
    /// Compile one component from standard input; the host starts it for itself, under limits
    #[command(hide = true)]
    CompileChild,
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    if matches!(command, Command::CompileChild) {
        // Nothing else may be set up in this process: it limits its own memory and time first.
        return ExitCode::from(
            u8::try_from(tombolo_kernel::sandbox::compile_child_main()).unwrap_or(1),
        );
    }
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    dispatch(command).unwrap_or_else(|error| told(&error))
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Adapter(command) => adapter::run(command)?,
        Command::Check(arguments) => return check::run(&arguments),
        Command::Flow(command) => return flow::run(&command),
        Command::Schema(arguments) => schema::run(&arguments)?,
        Command::Grant(command) => waited_for(grant::run(command))?,
        Command::Token(command) => token::run(command)?,
        Command::Serve(arguments) => waited_for(serve::run(arguments))?,
        Command::System(command) => waited_for(system::run(command))?,
        Command::Task(command) => waited_for(task::run(command))?,
        Command::Run(command) => waited_for(run::run(command))?,
        Command::Feed(command) => waited_for(feed::run(command))?,
        Command::Reconcile(command) => waited_for(reconcile::run(command))?,
        Command::Dead(command) => waited_for(dead::run(command))?,
        Command::Xref(command) => waited_for(xref::run(command))?,
        Command::Lane(command) => waited_for(lane::run(command))?,
        Command::Replay(arguments) => waited_for(replay::run(arguments))?,
        Command::Event(command) => waited_for(event::run(command))?,
        Command::Audit(command) => waited_for(audit::run(command))?,
        Command::Backup(arguments) => backup::run(&arguments)?,
        Command::Restore(arguments) => backup::restore(&arguments)?,
        Command::Demo(arguments) => waited_for(demo::run(arguments))?,
        Command::CompileChild => {}
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn waited_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(work);
    // A thread that still reads the terminal must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Tells an error once, with what caused it. A reader of our output that went away is not an error.
fn told(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    let mut told = format!("error: {}", text::harmless_lines(&error.to_string()));
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let words = cause.to_string();
        // Some libraries repeat their cause in their own words.
        if !last.contains(&words) {
            told.push_str(&format!("\n  because: {}", text::harmless_lines(&words)));
        }
        last = words;
    }
    let _ = writeln!(io::stderr(), "{told}");
    ExitCode::FAILURE
}
