//! A running host: put together in order, reloaded in place, stopped without losing what was acknowledged.
//!
//! Start: read the site, open the store, start the sandbox, connect the systems side by side, recover the runs, and
//! listen last, so that nothing is taken in that could not be kept.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tombolo_flow::problem::Problem;
use tombolo_flow::{Engine, EngineParts};
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::clock::{MachineClock, SharedClock};
use tombolo_kernel::sandbox::{self, CompileConfig, EngineError};
use tombolo_kernel::system::{Surroundings, Systems};
use tombolo_store::sqlite::SqliteStore;
use tombolo_store::{AuditTrail, Store, StoreError};

use crate::access::{KeptTokens, private_folder};
use crate::connections::Connections;
pub use crate::core::Changes;
use crate::core::{Core, source};
use crate::ingress::tls::{Tls, TlsError};
use crate::own::WithOwn;
use crate::reload::SiteWatch;
use crate::site::{self, PackageShelf};
use crate::{
    access, api, broker, export, feeds, grants, ingress, life, reconciliation, refusals, retention,
    schedules, uses,
};

/// What the command line decides.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Program and arguments of the compiling child, normally this executable with `compile-child`.
    pub compile_child: (PathBuf, Vec<String>),
    /// Instead of the site's `listen`.
    pub listen: Option<SocketAddr>,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The site does not check. Every problem with its place.
    #[error("the site does not check: {} found; `tombolo check` shows them", many(.0.len(), "problem"))]
    Site(Vec<Problem>),
    /// The data folder cannot be made.
    #[error(
        "cannot make the data folder {0}: {1}; make it writable, or name another under `data` in tombolo.yaml"
    )]
    Data(PathBuf, #[source] std::io::Error),
    /// The store cannot be opened.
    #[error("cannot open the store {0}: {1}")]
    Store(PathBuf, #[source] StoreError),
    /// What people decided about systems cannot be read.
    #[error(
        "cannot read what was decided about a system: {0}; mend the file, or remove it to have the system run as its site says"
    )]
    Life(String),
    /// The sandbox cannot be started.
    #[error("cannot start the sandbox: {0}")]
    Sandbox(#[from] EngineError),
    /// Tokens would go over a network unencrypted.
    #[error("cannot listen there: {}", site::network::open(*.0))]
    Open(SocketAddr),
    /// The certificate cannot be used.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] TlsError),
    /// The address cannot be used.
    #[error(
        "cannot listen on {0}: {1}; stop what uses it, or name another address under `listen` in tombolo.yaml"
    )]
    Listen(SocketAddr, #[source] std::io::Error),
}

fn many(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// The name of the log's file in the data folder.
pub const STORE_FILE: &str = "tombolo.db";

/// A running host.
pub struct Host {
    core: Arc<Core>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    watcher: JoinHandle<()>,
    /// What works by the clock.
    readers: Vec<JoinHandle<()>>,
}

impl Host {
    /// Starts serving the site in `folder`.
    ///
    /// # Errors
    /// See [`HostError`]. A system that is held back or fails is not an error: it shows in the status.
    pub async fn start(folder: &Path, options: HostOptions) -> Result<Self, HostError> {
        let mut shelf = PackageShelf::default();
        let mut site = site::read_with(folder, &mut shelf).map_err(HostError::Site)?;
        let secrets = source(&site);
        let clock: SharedClock = Arc::new(MachineClock);
        let kept = Arc::new(KeptTokens::of(&site.settings.data, Arc::clone(&clock)));
        let (grants, digests) = (site.grants.clone(), std::mem::take(&mut site.digests));
        let tokens = api::Tokens::resolve(&site.settings.tokens, &secrets, &kept)
            .map_err(HostError::Site)?;
        let listen = options.listen.unwrap_or(site.settings.listen);
        if site.settings.network.is_open_at(listen) {
            return Err(HostError::Open(listen));
        }
        let tls = Tls::begin(site.settings.network.tls.clone())?;
        let data = site.settings.data.clone();
        let named = site::Named::of(&site);
        private_folder(&data).map_err(|error| HostError::Data(data.clone(), error))?;

        let file = data.join(STORE_FILE);
        let store = SqliteStore::open(&file, Arc::clone(&clock))
            .map_err(|error| HostError::Store(file.clone(), error))?;
        let compile = CompileConfig {
            cache: data.join("cache"),
            child: options.compile_child,
        };
        let systems = Systems::new(Surroundings {
            engine: Arc::new(sandbox::Engine::new(compile)?),
            clock: Arc::clone(&clock),
            audit: Arc::clone(&store) as _,
            key_values: Arc::clone(&store) as _,
            brokers: Arc::new(broker::Links),
            only_tried: false,
        });
        let news = life::gather(&systems);
        let mut books =
            life::Books::open(&data).map_err(|error| HostError::Life(error.to_string()))?;
        for (system, disabled) in books.disabled() {
            systems.disable(&system, disabled);
        }
        let standing = life::stand_in(&books, &mut site, clock.now_ms()).await;
        let canaries = standing.canaries.clone();
        let connections = Connections::new(shelf, site.settings.clone());
        let (changes, candidates) = connections
            .prepare(&systems, &site.systems, &site.grants, &secrets)
            .await;
        life::go_on(&books, &standing.ending, &changes.connected).await;
        systems.switch(candidates, &[], || {});
        let versions = life::in_force(
            &changes.connected,
            &site.systems,
            &site.grants,
            &BTreeSet::new(),
        );
        let (store, audit): (Arc<dyn Store>, Arc<dyn AuditTrail>) =
            (Arc::clone(&store) as _, store);
        let actor = Arc::new(WithOwn::new(Arc::clone(&systems)));
        let parts = EngineParts {
            store: Arc::clone(&store),
            actor: Arc::clone(&actor) as _,
            clock: Arc::clone(&clock),
            deliveries: site.deliveries(),
        };
        let engine = Engine::start(parts, site.flows)
            .await
            .map_err(|error| HostError::Store(file, error))?;
        let core = Arc::new(Core::new(
            site.folder,
            store,
            audit,
            engine,
            systems,
            clock,
            (tokens, kept),
            tls,
            &site.settings,
            named,
            connections,
            books,
            standing,
        ));
        actor.begin(&core);
        // Before any reload's, and the start does not wait for the disk.
        let (of, turn) = (Arc::clone(&core), core.books.turn().await);
        tokio::spawn(async move {
            life::write_down(&of.books, versions, of.clock.now_ms(), turn).await;
        });
        life::begin(&core, &canaries, &secrets).await;
        core.feeds.replace(&site.systems);
        core.schedules.replace(site.schedules);
        core.reconciliations.replace(site.reconciliations);
        core.begin_reviewed(grants);
        core.now_in_force(digests, "the host started", "").await;
        let started = format!(
            "started, version {}: {}",
            env!("CARGO_PKG_VERSION"),
            changes.in_words()
        );
        core.note(AuditRecord::new(Kind::Host, core.clock.now_ms()).about(started));
        let host = match Self::listen(Arc::clone(&core), listen, news).await {
            Ok(host) => host,
            Err(error) => {
                core.close().await;
                return Err(error);
            }
        };
        tracing::info!(
            address = %host.address,
            systems = changes.connected.len(),
            waiting = changes.waiting.len(),
            "serving"
        );
        Ok(host)
    }

    async fn listen(
        core: Arc<Core>,
        listen: SocketAddr,
        news: life::News,
    ) -> Result<Self, HostError> {
        let cannot = |error| HostError::Listen(listen, error);
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(ingress::serve(listener, Arc::clone(&core), stopped.clone()));
        core.subscriptions.replace(&core);
        let readers = vec![
            tokio::spawn(feeds::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(schedules::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(reconciliation::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(grants::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(retention::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(export::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(life::tell(Arc::clone(&core), news, stopped.clone())),
            tokio::spawn(life::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(refusals::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(uses::run(Arc::clone(&core), stopped.clone())),
            tokio::spawn(access::run(Arc::clone(&core.kept), stopped.clone())),
        ];
        let watcher = tokio::spawn(SiteWatch::begin(Arc::clone(&core)).run(stopped));
        Ok(Self {
            core,
            address,
            stop,
            server,
            watcher,
            readers,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the site again and puts it into force if it checks.
    ///
    /// # Errors
    /// Every problem; nothing has changed.
    pub async fn reload(&self) -> Result<Changes, Vec<Problem>> {
        self.core
            .reload_for("the program around the host", "")
            .await
    }

    /// How every system stands.
    #[must_use]
    pub fn status(&self) -> Vec<tombolo_kernel::system::SystemStatus> {
        self.core.status()
    }

    /// Takes nothing more in, answers what is under way within [`tombolo_kernel::limits::DRAIN`], and closes the store.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // Each ends by itself once told; a panic in one must not keep the store open.
        let _ = self.server.await;
        let _ = self.watcher.await;
        self.core.subscriptions.stop();
        for reader in self.readers {
            let _ = reader.await;
        }
        let stopped = AuditRecord::new(Kind::Host, self.core.clock.now_ms()).about("stopped");
        self.core.note(stopped);
        self.core.close().await;
        self.core.gather_uses();
        self.core.write_uses().await;
        if let Err(error) = self.core.kept.write_uses() {
            tracing::warn!(%error, "what tokens did cannot be written");
        }
        tracing::info!("stopped");
    }
}

/// Resolves when the host is told to stop.
pub(crate) async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the host is gone, which is the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
