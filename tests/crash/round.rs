//! One site from its first start to its verdict: kills, then the sink is healed, what is left settles, and the records
//! are compared. The next round begins with a fresh site, so that neither the store nor the driver grows for ever.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tombolo_tests::site::TestSite;

use crate::bus::Bus;
use crate::host::Host;
use crate::journal::Journal;
use crate::kills::Killed;
use crate::record::Record;
use crate::sender::Ends;
use crate::sink::Sink;
use crate::source::Source;
use crate::syncs::Syncs;
use crate::verdict::{self, Verdict, settling};
use crate::wires::{Brokers, Wires};
use crate::{journal, kills, people, sender, site};

/// Acknowledged events at which a round without kills ends.
const UNDISTURBED: u64 = 2_000;
/// How long they may take: far above what they take.
const UNDISTURBED_TIME: Duration = Duration::from_secs(120);

/// What is asked of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) kills: u32,
    pub(crate) seed: u64,
    /// The seed of the jobs' common walk through the syncs.
    pub(crate) walk: u64,
    /// Which job of how many, from 0.
    pub(crate) job: (usize, usize),
    /// The sink does not fail.
    pub(crate) calm: bool,
}

/// All that takes part.
pub(crate) struct Round {
    pub(crate) host: Arc<Host>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) record: Arc<Record>,
    sink: Arc<Sink>,
    source: Arc<Source>,
    bus: Arc<Bus>,
    wires: Arc<Wires>,
    site: TestSite,
}

/// Runs one; returns what came of it, and how often the host was killed.
pub(crate) async fn run(order: Order, brokers: &Brokers) -> anyhow::Result<(Verdict, Killed)> {
    let round = Round::prepare(order, brokers).await?;
    let ended = round.disturb_and_judge(order).await;
    if !ended.as_ref().is_ok_and(|(verdict, _)| verdict.is_good()) {
        println!("the host's last words:\n{}", round.host.last_words());
        round.record.write(&round.site.path().join("arrived.log"))?;
        site::keep(&round.site, order.seed);
    }
    ended
}

impl Round {
    async fn prepare(order: Order, brokers: &Brokers) -> anyhow::Result<Self> {
        let site = TestSite::new();
        let journal = Arc::new(Journal::create(&site.path().join("acknowledged.log"))?);
        let record = Arc::new(Record::default());
        let source = Arc::new(Source::new(&journal, &record));
        let sink = Sink::start(order.seed, order.calm, &record, &source).await?;
        let bus = Arc::new(Bus::start(&record).await?);
        let wires = brokers.wires(format!("round-{}", order.seed)).await?;
        site::write(&site, sink.address, bus.broker.port, &wires, order.calm);
        Ok(Self {
            host: Arc::new(Host::new(site.path())),
            journal,
            record,
            sink,
            source,
            bus,
            wires: Arc::new(wires),
            site,
        })
    }

    async fn disturb_and_judge(&self, order: Order) -> anyhow::Result<(Verdict, Killed)> {
        let ends = Ends {
            host: Arc::clone(&self.host),
            bus: Arc::clone(&self.bus),
            wires: Arc::clone(&self.wires),
            journal: Arc::clone(&self.journal),
            record: Arc::clone(&self.record),
        };
        let senders = sender::start(order.seed, ends);
        let people = people::start(order.seed, &self.host);
        let mut syncs = Syncs::build(self.site.path(), &order)?;
        let mut random = fastrand::Rng::with_seed(order.seed ^ 0xdead);
        let killed = kills::run(order.kills, &mut random, &mut syncs, self).await?;
        if order.kills == 0 {
            let mut count = self.journal.count();
            let enough = count.wait_for(|count| *count >= UNDISTURBED);
            tokio::time::timeout(UNDISTURBED_TIME, enough)
                .await
                .context("too few events are acknowledged")??;
        }
        senders.stop().await;
        self.settle(order).await?;
        people.abort();
        let acked = journal::read(&self.journal.path)?;
        let verdict = verdict::judge(&self.store(), &acked, &self.record.arrivals())?;
        Ok((verdict, killed))
    }

    /// SIGKILL, and all that the dead host sent is in the record. Says whether it had ended at its sync.
    pub(crate) async fn kill(&self) -> anyhow::Result<bool> {
        let ended = self.host.kill().await?;
        self.sink.quiet().await?;
        self.bus.quiet().await?;
        self.record.next_life();
        Ok(ended)
    }

    /// Heals everything, waits until what is left has come to its end, and ends the host.
    async fn settle(&self, order: Order) -> anyhow::Result<()> {
        self.source.close();
        self.sink.heal();
        if order.kills > 0 {
            // A fresh start finds every system up.
            self.kill().await?;
            self.host.spawn(None)?;
            self.host.listens().await?;
        }
        let acked = journal::read(&self.journal.path)?;
        settling::wait(&self.store(), &acked).await?;
        backup(&self.site);
        self.bus.quiet().await?;
        self.host.end();
        Ok(())
    }

    fn store(&self) -> PathBuf {
        self.site.path().join("data/tombolo.db")
    }
}

/// A copy taken while the host runs is whole.
fn backup(site: &TestSite) {
    let copy = site.path().join("copy.db");
    let (folder, copy) = (site.path().to_str().unwrap(), copy.to_str().unwrap());
    for arguments in [["backup", folder, copy], ["backup", "verify", copy]] {
        let (code, out, err) = tombolo_tests::built::run(&arguments, &[]);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    }
}
