//! What every request of a running host shares, and how a site is put into force.
//!
//! A new site takes effect in one step: systems are made ready beside the running ones, then systems, flows and tokens
//! switch together. An event meets either the old flows and systems or the new ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore, watch};
use tombolo_flow::Engine;
use tombolo_flow::delivery::Rate;
use tombolo_flow::problem::Problem;
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_kernel::clock::SharedClock;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_kernel::system::{Actor as _, Reason, SystemStatus, Systems};
use tombolo_store::{Appended, AuditTrail, PageIn, Store, StoreError};

use crate::access::KeptTokens;
use crate::api::Tokens;
use crate::connections::Connections;
use crate::feeds::Feeds;
use crate::in_force::InForce;
use crate::ingress::broker::Subscriptions;
use crate::ingress::knocking::Knocking;
use crate::ingress::origin::Names;
use crate::ingress::tls::Tls;
use crate::life::{self, Books, Standing};
use crate::reconciliation::Reconciliations;
use crate::refusals::{Refusals, Refused};
use crate::reviewed::Reviewed;
use crate::schedules::Schedules;
use crate::secrets::SecretSource;
use crate::site::{AuditExport, Digests, Named, Network, Retention, Settings, Site};
use crate::uses::GrantUses;

/// The shared state of a running host.
pub(crate) struct Core {
    /// The site's folder, absolute.
    pub(crate) folder: PathBuf,
    /// The folder of what the host keeps.
    pub(crate) data: PathBuf,
    /// The log.
    pub(crate) store: Arc<dyn Store>,
    /// Who reached what, and who decided what.
    pub(crate) audit: Arc<dyn AuditTrail>,
    /// Flows and runs.
    pub(crate) engine: Arc<Engine>,
    /// Connected systems.
    pub(crate) systems: Arc<Systems>,
    /// Time.
    pub(crate) clock: SharedClock,
    /// Who may use the API.
    pub(crate) tokens: ArcSwap<Tokens>,
    /// How it is reached, and by which names.
    pub(crate) front: ArcSwap<Front>,
    /// Its certificate.
    pub(crate) tls: Tls,
    /// Failed logins.
    pub(crate) knocking: Knocking,
    /// Tokens made by command.
    pub(crate) kept: Arc<KeptTokens>,
    /// What senders see.
    pub(crate) public_url: ArcSwapOption<String>,
    /// What the site names.
    pub(crate) named: ArcSwap<Named>,
    /// How long the past is kept.
    pub(crate) retention: RwLock<Retention>,
    /// Where records of the audit are sent to.
    pub(crate) exports: watch::Sender<AuditExport>,
    /// Told after every reload.
    pub(crate) site_changed: Notify,
    /// Requests under way.
    pub(crate) inbound: Semaphore,
    /// Long polls under way.
    pub(crate) tails: Semaphore,
    /// Told after every publish.
    pub(crate) published: Notify,
    /// Whether the last write reached the disk.
    store_is_well: AtomicBool,
    /// What is in force.
    pub(crate) connections: Connections,
    /// What is read page by page.
    pub(crate) feeds: Feeds,
    /// What brokers deliver.
    pub(crate) subscriptions: Subscriptions,
    /// What is compared.
    pub(crate) reconciliations: Reconciliations,
    /// What fires by the clock.
    pub(crate) schedules: Schedules,
    /// What people decided about systems.
    pub(crate) books: Books,
    /// What grants are used for.
    pub(crate) uses: GrantUses,
    /// Who was turned away.
    pub(crate) refusals: Refusals,
    /// Told when files of the site changed, before they are settled and read.
    pub(crate) grants_changed: Arc<Notify>,
    /// Withdrawals whose last calls have not ended, so many.
    pub(crate) withdrawing: watch::Sender<usize>,
    /// Which files of the site are in force.
    pub(crate) in_force: InForce,
    /// What reviewers decided, as far as it is on record.
    pub(crate) reviewed: Mutex<Reviewed>,
    /// Held while versions change.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// What the site has for systems that are rolled back.
    pub(crate) standing: ArcSwap<Standing>,
}

/// How the host is reached.
#[derive(Debug)]
pub(crate) struct Front {
    /// Who forwards to it.
    pub(crate) network: Network,
    /// By which names.
    pub(crate) names: Names,
    /// How fast by somebody without a rate of their own.
    pub(crate) rate: Rate,
}

impl Front {
    fn of(settings: &Settings) -> Self {
        let network = settings.network.clone();
        let names = Names::of(settings.public_url.as_deref(), &network.hosts);
        Self {
            network,
            names,
            rate: settings.access_rate,
        }
    }
}

/// What a reload changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Changes {
    /// Systems that were connected anew.
    pub connected: Vec<String>,
    /// Systems that wait for a reviewer or could not start; what ran before keeps running.
    pub waiting: Vec<String>,
    /// Systems that are no longer there.
    pub disconnected: Vec<String>,
}

impl Core {
    /// Puts the parts together. `connections` has the site's systems already.
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, where the host is put together"
    )]
    pub(crate) fn new(
        folder: PathBuf,
        store: Arc<dyn Store>,
        audit: Arc<dyn AuditTrail>,
        engine: Arc<Engine>,
        systems: Arc<Systems>,
        clock: SharedClock,
        (tokens, kept): (Tokens, Arc<KeptTokens>),
        tls: Tls,
        settings: &Settings,
        named: Named,
        connections: Connections,
        books: Books,
        standing: Standing,
    ) -> Self {
        kept.put_on_record(Arc::clone(&audit));
        Self {
            folder,
            data: settings.data.clone(),
            store,
            audit,
            engine,
            systems,
            clock,
            tokens: ArcSwap::from_pointee(tokens),
            front: ArcSwap::from_pointee(Front::of(settings)),
            tls,
            knocking: Knocking::default(),
            kept,
            public_url: ArcSwapOption::from_pointee(settings.public_url.clone()),
            named: ArcSwap::from_pointee(named),
            retention: RwLock::new(settings.retention),
            exports: watch::Sender::new(settings.export.clone()),
            site_changed: Notify::new(),
            inbound: Semaphore::new(limits::INBOUND_REQUESTS),
            tails: Semaphore::new(limits::TAILS),
            published: Notify::new(),
            store_is_well: AtomicBool::new(true),
            connections,
            feeds: Feeds::default(),
            subscriptions: Subscriptions::default(),
            reconciliations: Reconciliations::default(),
            schedules: Schedules::default(),
            books,
            uses: GrantUses::of(&settings.data),
            refusals: Refusals::default(),
            grants_changed: Arc::default(),
            withdrawing: watch::Sender::default(),
            in_force: InForce::read(&settings.data),
            reviewed: Mutex::default(),
            reloading: tokio::sync::Mutex::new(()),
            standing: ArcSwap::from_pointee(standing),
        }
    }

    /// Appends events and starts their runs; synced when it resolves.
    ///
    /// # Errors
    /// The store's. Nothing was promised.
    pub(crate) async fn publish(&self, events: Vec<Event>) -> Result<Vec<Appended>, StoreError> {
        self.noted(self.engine.publish(events).await)
    }

    /// Like [`Self::publish`], with the cursor of what was read.
    ///
    /// # Errors
    /// The store's. Nothing was appended and the cursor stays.
    pub(crate) async fn publish_page(&self, page: PageIn) -> Result<Vec<Appended>, StoreError> {
        self.noted(self.engine.publish_page(page).await)
    }

    /// Wakes who waits for events, and says when the store begins to fail or works again.
    fn noted(
        &self,
        result: Result<Vec<Appended>, StoreError>,
    ) -> Result<Vec<Appended>, StoreError> {
        self.published.notify_waiters();
        let well = !matches!(result, Err(StoreError::Unavailable(_)));
        if self.store_is_well.swap(well, Ordering::Relaxed) != well {
            match &result {
                Err(error) => {
                    tracing::error!(%error, "the store refuses writes; senders are told to come again")
                }
                Ok(_) => tracing::info!("the store takes writes again"),
            }
        }
        result
    }

    /// Takes note that a request was turned away.
    pub(crate) fn refused(&self, refused: Refused) {
        if let Some(record) = self.refusals.note(refused, self.clock.now_ms()) {
            self.note(record);
        }
    }

    /// Keeps a record that nobody waits for.
    pub(crate) fn note(&self, record: AuditRecord) {
        self.audit.keep(Arc::new(record));
    }

    /// Ends what is under way and closes the store.
    pub(crate) async fn close(&self) {
        self.engine.stop().await;
        self.store.close().await;
    }

    /// Whether the last write reached the disk.
    pub(crate) fn store_is_well(&self) -> bool {
        self.store_is_well.load(Ordering::Relaxed)
    }

    /// How every system stands, those whose secrets are missing included.
    pub(crate) fn status(&self) -> Vec<SystemStatus> {
        let mut all: BTreeMap<String, SystemStatus> = self
            .systems
            .status()
            .into_iter()
            .map(|status| (status.system.clone(), status))
            .collect();
        for status in self.connections.unresolved() {
            all.entry(status.system.clone()).or_insert(status);
        }
        all.into_values().collect()
    }

    /// Reads the site again and puts it into force if it checks; who or what asked is on record, and what came of it.
    ///
    /// # Errors
    /// Every problem; nothing has changed.
    pub(crate) async fn reload_for(
        self: &Arc<Self>,
        why: &str,
        token: &str,
    ) -> Result<Changes, Vec<Problem>> {
        let (core, why, token) = (Arc::clone(self), why.to_owned(), token.to_owned());
        // A caller that goes away leaves neither half a site nor no record.
        let task = tokio::spawn(async move {
            let result = core.reload(&why, &token).await;
            let record = AuditRecord::new(Kind::Reload, core.clock.now_ms())
                .because(why)
                .through(token);
            let record = match &result {
                Ok(changes) => record.about(changes.in_words()),
                Err(problems) => record.ended(
                    Outcome::Failed,
                    format!(
                        "{} problems in the site; nothing has changed",
                        problems.len()
                    ),
                ),
            };
            core.note(record);
            result
        });
        task.await.unwrap_or_else(|error| Err(broke_off(&error)))
    }

    /// Reads the site again and puts it into force if it checks. Which of its files changed is on record, with who or what
    /// asked.
    ///
    /// # Errors
    /// Every problem; nothing has changed.
    pub(crate) async fn reload(
        self: &Arc<Self>,
        why: &str,
        token: &str,
    ) -> Result<Changes, Vec<Problem>> {
        // What was revoked stops, whether the rest of the site checks or not; also what a site that was read before the
        // revocation has just put into force.
        self.withdraw().await;
        let result = self.put_into_force(why, token).await;
        self.withdraw().await;
        result
    }

    /// Notes which files are in force from now on.
    pub(crate) async fn now_in_force(self: &Arc<Self>, digests: Digests, why: &str, token: &str) {
        let core = Arc::clone(self);
        let put = move || core.in_force.put(digests, core.clock.now_ms());
        let records = tokio::task::spawn_blocking(put).await;
        for record in records.unwrap_or_default() {
            self.note(record.because(why).through(token));
        }
    }

    async fn put_into_force(
        self: &Arc<Self>,
        why: &str,
        token: &str,
    ) -> Result<Changes, Vec<Problem>> {
        let _alone = self.reloading.lock().await;
        let (folder, shelf) = (self.folder.clone(), Arc::clone(&self.connections.shelf));
        let kept = Arc::clone(&self.kept);
        let read = tokio::task::spawn_blocking(move || {
            let site = crate::site::read_with(&folder, &mut shelf.lock())?;
            let source = source(&site);
            let tokens = Tokens::resolve(&site.settings.tokens, &source, &kept)?;
            Ok::<_, Vec<Problem>>((site, source, tokens))
        });
        let (mut site, source, tokens) = read.await.map_err(|error| broke_off(&error))??;
        let standing = life::stand_in(&self.books, &mut site, self.clock.now_ms()).await;
        let unwell = self.unwell().await;
        let (mut changes, candidates) = self
            .connections
            .prepare(&self.systems, &site.systems, &site.grants, &source)
            .await;
        let names: BTreeSet<String> = site.systems.keys().cloned().collect();
        changes.disconnected = self.connections.all_but(&self.systems, &names);
        life::go_on(&self.books, &standing.ending, &changes.connected).await;
        self.connections.say_what_needs_a_restart(&site.settings);
        self.tls.replace(site.settings.network.tls.clone());
        let canaries = standing.canaries.clone();
        let (deliveries, named) = (site.deliveries(), Named::of(&site));
        let review = Arc::clone(&site.settings.review);
        self.systems.switch(candidates, &changes.disconnected, || {
            self.tokens.store(Arc::new(tokens));
            self.front.store(Arc::new(Front::of(&site.settings)));
            self.public_url
                .store(site.settings.public_url.clone().map(Arc::new));
            *self.retention.write() = site.settings.retention;
            self.exports.send_if_modified(|exports| {
                let is_other = *exports != site.settings.export;
                exports.clone_from(&site.settings.export);
                is_other
            });
            self.named.store(Arc::new(named));
            self.standing.store(Arc::new(standing));
            self.engine.replace_deliveries(deliveries);
            self.engine.replace_flows(site.flows);
            self.feeds.replace(&site.systems);
            self.schedules.replace(site.schedules);
            self.reconciliations.replace(site.reconciliations);
        });
        self.subscriptions.replace(self);
        // What runs by an approval that is no longer enough; what was approved anew has just been switched to.
        self.stopped(self.systems.withdraw(|grant| {
            review.unmet(grant).map(|why| Reason {
                kind: Kind::HoldBack,
                who: String::new(),
                why,
            })
        }));
        self.site_changed.notify_one();
        life::begin(self, &canaries, &source).await;
        let versions = life::in_force(&changes.connected, &site.systems, &site.grants, &unwell);
        let turn = self.books.turn().await;
        life::write_down(&self.books, versions, self.clock.now_ms(), turn).await;
        self.now_in_force(site.digests, why, token).await;
        Ok(changes)
    }

    /// Systems whose version is found bad: quarantined.
    async fn unwell(&self) -> BTreeSet<String> {
        let books = self.books.all().await;
        let rests = |name: &String| {
            let disabled = books.get(name).is_some_and(|book| book.disabled.is_some());
            !disabled && self.systems.rests(name).is_some()
        };
        books.keys().filter(|name| rests(name)).cloned().collect()
    }
}

fn broke_off(error: &tokio::task::JoinError) -> Vec<Problem> {
    vec![Problem {
        file: "tombolo.yaml".into(),
        line: 0,
        column: 0,
        message: format!("reading the site broke off: {error}"),
    }]
}

impl Changes {
    /// `connected crm, erp; waiting shop`, or that nothing changed.
    pub(crate) fn in_words(&self) -> String {
        let parts = [
            ("connected", &self.connected),
            ("waiting", &self.waiting),
            ("disconnected", &self.disconnected),
        ];
        let words: Vec<String> = parts
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what} {}", names.join(", ")))
            .collect();
        if words.is_empty() {
            "no system changed".to_owned()
        } else {
            words.join("; ")
        }
    }
}

/// The secrets of a site.
pub(crate) fn source(site: &Site) -> SecretSource {
    SecretSource::new(&site.folder, site.settings.secrets.clone())
}
