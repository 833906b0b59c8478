//! A kernel around the guests: engine, systems, a clock that tests move, an audit and a store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tombolo_kernel::audit::{AuditRecord, AuditSink};
use tombolo_kernel::capability::store::{KeyValueError, KeyValues};
use tombolo_kernel::clock::Clock;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::grant::{Approval, Grant, wishes};
use tombolo_kernel::package::{Package, Signer};
use tombolo_kernel::sandbox::{CompileConfig, Engine};
use tombolo_kernel::system::{
    ActionCall, ActionOffer, Actor, ConnectError, Outcome, Surroundings, SystemLimits, SystemSpec,
    Systems,
};

use super::guest::Guest;

/// Everything around the guests.
pub(crate) struct Fixture {
    pub systems: Arc<Systems>,
    pub clock: Arc<HandClock>,
    pub audit: Arc<Kept>,
    pub store: Arc<Gated>,
    pub folder: tempfile::TempDir,
}

/// Moves when a test says so.
#[derive(Default)]
pub(crate) struct HandClock(pub AtomicU64);

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Records in memory.
#[derive(Default)]
pub(crate) struct Kept(pub Mutex<Vec<Arc<AuditRecord>>>);

impl Kept {
    /// Records of calls, decisions left out.
    pub(crate) fn calls(&self) -> Vec<Arc<AuditRecord>> {
        let records = self.0.lock();
        let calls = records.iter().filter(|record| !record.kind.is_decision());
        calls.cloned().collect()
    }
}

impl AuditSink for Kept {
    fn record(&self, record: Arc<AuditRecord>) {
        self.0.lock().push(record);
    }
}

/// Keys and values in memory. Reading the key `gate` waits until the test opens it.
pub(crate) struct Gated {
    values: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    pub gate: Semaphore,
    pub arrived: Semaphore,
}

impl KeyValues for Gated {
    fn get<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(async move {
            if key == "gate" {
                self.arrived.add_permits(1);
                self.gate.acquire().await.unwrap().forget();
            }
            Ok(self
                .values
                .lock()
                .get(&(system.to_owned(), key.to_owned()))
                .cloned())
        })
    }

    fn set<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
        value: Vec<u8>,
        _expected: Option<Option<Vec<u8>>>,
        _quota: u64,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            self.values
                .lock()
                .insert((system.to_owned(), key.to_owned()), value);
            Ok(())
        })
    }

    fn delete<'a>(
        &'a self,
        _system: &'a str,
        _key: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async { Ok(()) })
    }

    fn keys<'a>(
        &'a self,
        _system: &'a str,
        _prefix: &'a str,
        _after: Option<&'a str>,
        _limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The child that compiles.
pub(crate) fn child() -> (std::path::PathBuf, Vec<String>) {
    (
        env!("CARGO_BIN_EXE_tombolo-compile-child").into(),
        Vec::new(),
    )
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(child(), tempfile::tempdir().unwrap())
    }

    pub(crate) fn with(
        child: (std::path::PathBuf, Vec<String>),
        folder: tempfile::TempDir,
    ) -> Self {
        let engine = Engine::new(CompileConfig {
            cache: folder.path().join("cache"),
            child,
        })
        .unwrap();
        let clock = Arc::new(HandClock(AtomicU64::new(1_000_000)));
        let audit = Arc::new(Kept::default());
        let store = Arc::new(Gated {
            values: Mutex::default(),
            gate: Semaphore::new(0),
            arrived: Semaphore::new(0),
        });
        let systems = Systems::new(Surroundings {
            engine: Arc::new(engine),
            clock: clock.clone(),
            audit: audit.clone(),
            key_values: store.clone(),
            brokers: Arc::new(NoBrokers),
            only_tried: false,
        });
        Self {
            systems,
            clock,
            audit,
            store,
            folder,
        }
    }

    /// With one system `sut` of this guest.
    pub(crate) async fn running(guest: &Guest) -> Self {
        let fixture = Self::new();
        fixture.connect("sut", guest).await.unwrap();
        fixture
    }

    pub(crate) async fn connect(&self, name: &str, guest: &Guest) -> Result<(), ConnectError> {
        self.connect_with(spec(name, guest)).await
    }

    /// Grants all it wishes.
    pub(crate) async fn connect_with(&self, spec: SystemSpec) -> Result<(), ConnectError> {
        let grant = granted(&spec);
        self.systems.connect(spec, Some(&grant)).await
    }

    pub(crate) async fn act(&self, input: &str) -> Outcome<String> {
        self.systems.act("sut", call(input)).await
    }
}

pub(crate) fn call(input: &str) -> ActionCall {
    ActionCall {
        action: "go".into(),
        input: input.into(),
        idempotency_key: "key".into(),
        attempt: 1,
        cause: "1.flow/step".into(),
        depth: 0,
        withheld: Gathered::Nothing,
        lane: None,
    }
}

pub(crate) fn spec(name: &str, guest: &Guest) -> SystemSpec {
    let package = Package::read(guest.build()).unwrap();
    let offer = ActionOffer {
        effect: tombolo_manifest::Effect::Write,
        summary: "Goes".into(),
        input: None,
        output: None,
    };
    SystemSpec {
        name: name.into(),
        emits: package.manifest.events.emits.keys().cloned().collect(),
        store_quota: package.manifest.store.is_some().then_some(1_000),
        calls: package
            .manifest
            .calls
            .keys()
            .filter_map(|name| name.split_once('.'))
            .map(|(system, action)| (system.into(), action.into()))
            .collect(),
        package: Arc::new(package),
        review: std::sync::Arc::default(),
        signer: Signer::Allowed {
            found: "a test's adapter".into(),
        },
        connections: BTreeMap::new(),
        keys: BTreeMap::new(),
        settings: r#"{"system":"sut"}"#.into(),
        actions: [("go".to_owned(), offer)].into(),
        hooks: BTreeSet::from(["in".to_owned()]),
        subscriptions: BTreeMap::new(),
        feeds: BTreeSet::new(),
        fields: Default::default(),
        limits: SystemLimits {
            cpu: std::time::Duration::from_millis(100),
            memory: 4 << 20,
            ..SystemLimits::default()
        },
    }
}

pub(crate) fn granted(spec: &SystemSpec) -> Grant {
    let approval = Approval {
        by: "reviewer".into(),
        at: "2026-11-22T00:00:00Z".into(),
        reason: "test".into(),
        signature: None,
    };
    Grant::whole(wishes(spec), approval)
}

/// No guest of these tests is bound to a broker.
struct NoBrokers;

impl tombolo_kernel::capability::broker::Brokers for NoBrokers {
    fn link(
        &self,
        _: &tombolo_kernel::system::BrokerPlace,
    ) -> Arc<dyn tombolo_kernel::capability::broker::BrokerLink> {
        unreachable!("no guest of these tests is bound to a broker")
    }
}
