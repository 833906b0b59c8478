//! `tombolo serve`: serves a site until SIGINT or SIGTERM, which stop it in order. The server itself reads the site
//! anew when it changes, and on SIGHUP. A host that cannot start says why and ends.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tombolo_server::{Host, HostError, HostOptions};

use crate::check;

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArguments {
    /// Folder of the site
    #[arg(default_value = ".")]
    site: PathBuf,
    /// Address to listen on instead of the site's `listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Stop when standard input is closed: for programs that start a host
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// Serves until told to stop.
pub(crate) async fn run(arguments: ServeArguments) -> anyhow::Result<()> {
    tombolo_server::telemetry::start();
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let options = HostOptions {
        compile_child: (program, vec!["compile-child".into()]),
        listen: arguments.listen,
    };
    // Signals are heard from the beginning: one that comes while the host starts is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let host = Host::start(&arguments.site, options)
        .await
        .map_err(|error| match error {
            HostError::Site(problems) => check::not_in_order(&arguments.site, &problems),
            error => error.into(),
        })?;
    tracing::info!(address = %host.address(), site = %arguments.site.display(), "listening");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = input_closed(), if arguments.stop_with_stdin => {}
    }
    host.stop().await;
    Ok(())
}

/// Resolves when standard input is at its end. Reading cannot be given up, so it has a thread of its own.
async fn input_closed() {
    let (closed, at_its_end) = oneshot::channel();
    std::thread::spawn(move || {
        // An input that cannot be read has nobody at its other end either.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = at_its_end.await;
}
