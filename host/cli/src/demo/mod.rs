//! `tombolo demo`: the whole path on one machine. An old ERP that has only a database, a plant that sends signed
//! alarms and a CRM behind REST are tied together; an alarm becomes an approved purchase request.
//!
//! This file is the story; each actor has its own file. Nothing here is a short cut: adapters are built, grants
//! approved, the host served and asked exactly as an operator would.

mod ask;
mod build;
mod crm;
mod ending;
mod erp;
mod folder;
mod host;
mod plant;
mod watch;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tokio::signal::unix::{SignalKind, signal};

use crate::client::Client;
use crate::out::{self, Tone};
use crate::{grant, run, when};

/// The systems of the demo's site, in the order in which an alarm meets them.
const SYSTEMS: [&str; 3] = ["plant", "erp", "crm"];

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArguments {
    /// Approve the purchase without asking; so it is too where there is no terminal
    #[arg(long)]
    yes: bool,
    /// End when the story is told, instead of going on serving
    #[arg(long)]
    once: bool,
    /// Kill the host (SIGKILL) while the task waits, start it again, finish the same run
    #[arg(long)]
    kill: bool,
    /// Keep what an earlier demo left in the folder: log, ERP, secrets
    #[arg(long)]
    keep: bool,
    /// Folder for the demo's site [default: target/demo-site of the source folder]
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,
    /// Tombolo's source folder, for the adapters [default: looked for above this folder and this program]
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Port of the host [default: a free one]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,
    /// Port of the sandbox CRM [default: a free one]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    crm_port: u16,
}

/// What runs, so that it can be ended whatever happens.
#[derive(Default)]
struct Stage {
    host: Option<host::HostProcess>,
}

/// What the story needs in every chapter.
struct Cast {
    site: folder::DemoSite,
    address: String,
    client: Client,
    plant: plant::Plant,
    erp: erp::OldErp,
    crm: crm::SandboxCrm,
}

/// Runs the demo; ends everything it started, also after Ctrl-C or an error.
pub(crate) async fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let mut stage = Stage::default();
    let told = tokio::select! {
        told = story(&arguments, &mut stage) => told,
        interrupted = interrupted() => interrupted.and(Err(anyhow!("interrupted; everything the demo started is ended"))),
    };
    let cast = match told {
        Ok(cast) => cast,
        Err(error) => {
            stage.end().await;
            return Err(error);
        }
    };
    let served = if arguments.once {
        Ok(())
    } else {
        serve_on(&cast, &mut stage).await
    };
    stage.end().await;
    served
}

impl Stage {
    async fn end(&mut self) {
        if let Some(host) = self.host.take() {
            host.stop().await;
        }
    }

    fn host(&mut self) -> anyhow::Result<&mut host::HostProcess> {
        self.host.as_mut().context("the host is not running")
    }
}

async fn story(arguments: &DemoArguments, stage: &mut Stage) -> anyhow::Result<Cast> {
    let source = build::source_folder(arguments.source.as_deref())?;
    let folder = arguments
        .site
        .clone()
        .unwrap_or_else(|| source.join("target/demo-site"));
    let site = folder::DemoSite::take(&folder, arguments.keep)?;
    chapter("Building and signing the adapters")?;
    build::adapters(&source, site.path(), &site.publisher()?).await?;
    chapter("Setting the scene")?;
    let cast = set_the_scene(arguments, site).await?;
    chapter("A reviewer reads what each system may reach, and approves it")?;
    approve(cast.site.path())?;
    chapter("Starting the host")?;
    stage.host = Some(start_host(&cast).await?);
    chapter("An alarm")?;
    let mut watch = watch::Watch::begin(&cast, stage, ending::alarm()).await?;
    let task = watch.until_it_waits(&cast, stage).await?;
    if arguments.kill {
        kill_and_restart(&cast, stage, &watch).await?;
    }
    watch.decide(&cast, &task, arguments.yes).await?;
    watch.until_it_ends(&cast, stage).await?;
    ending::show(&cast, &watch).await?;
    chapter("The same alarm again")?;
    ending::send_again(&cast, &watch).await?;
    Ok(cast)
}

async fn set_the_scene(arguments: &DemoArguments, site: folder::DemoSite) -> anyhow::Result<Cast> {
    let token = site.secret("api-token", "")?;
    let crm = crm::SandboxCrm::start(arguments.crm_port, site.secret("crm-token", "")?).await?;
    let address = format!("127.0.0.1:{}", free_port(arguments.port)?);
    site.write(&address, &crm.base(), &site.publisher()?.key())?;
    let erp = erp::OldErp::in_site(site.path())?;
    let plant = plant::Plant::new(
        format!("http://{address}/hooks/plant/alarm"),
        &site.secret("plant-hook", "whsec_")?,
    )?;
    let client = Client::new(&address, token, site.path(), None)?;
    out::line(format!("  site          {}", shown(site.path())))?;
    out::line(format!(
        "  ERP           {} (a database is all it has)",
        shown(&site.path().join(erp::FILE))
    ))?;
    out::line(format!(
        "  sandbox CRM   {} (runs inside this demo)",
        crm.base()
    ))?;
    out::line(format!(
        "  plant         will send to http://{address}/hooks/plant/alarm, signed"
    ))?;
    Ok(Cast {
        site,
        address,
        client,
        plant,
        erp,
        crm,
    })
}

fn approve(site: &Path) -> anyhow::Result<()> {
    for system in SYSTEMS {
        let review = grant::Review::of(site, system)?;
        review.print_short()?;
        let reason = "tried on this machine by `tombolo demo`";
        review.approve(grant::Approved::whole("demo", reason))?;
    }
    Ok(())
}

async fn start_host(cast: &Cast) -> anyhow::Result<host::HostProcess> {
    let began = std::time::Instant::now();
    let host = host::HostProcess::start(cast.site.path(), &cast.address).await?;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    out::line(format!(
        "  serving at http://{} after {} (process {}, log {})",
        cast.address,
        when::duration(took),
        host.id(),
        shown(host.log()),
    ))?;
    Ok(host)
}

async fn kill_and_restart(
    cast: &Cast,
    stage: &mut Stage,
    watch: &watch::Watch,
) -> anyhow::Result<()> {
    chapter("The host is killed while the task waits")?;
    if let Some(host) = stage.host.take() {
        out::line(format!("  SIGKILL to process {}", host.id()))?;
        host.kill().await?;
    }
    stage.host = Some(start_host(cast).await?);
    let detail = run::fetch(&cast.client, watch.run()).await?;
    let (status, _) = run::status_word(detail.run.status);
    out::line(format!("  run {} is there again: {status}", watch.run()))?;
    chapter("The same run goes on")
}

async fn serve_on(cast: &Cast, stage: &mut Stage) -> anyhow::Result<()> {
    ending::what_next(cast)?;
    tokio::select! {
        ended = stage.host()?.ended() => ended,
        interrupted = interrupted() => interrupted,
    }
}

/// Ends with Ctrl-C or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    Ok(())
}

/// The port that was asked for, or one that is free now.
fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).with_context(|| {
        format!("port {wanted} of 127.0.0.1 cannot be used; choose another with --port")
    })?;
    Ok(listener.local_addr()?.port())
}

fn chapter(title: &str) -> anyhow::Result<()> {
    out::line("")?;
    Ok(out::line(out::tone(title, Tone::Strong))?)
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    short
        .unwrap_or_else(|| path.to_owned())
        .display()
        .to_string()
}
