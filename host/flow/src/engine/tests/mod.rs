#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
//! The engine driven for real: with a store in memory and tokio's paused time where time matters, with the store of
//! the product where restarts do. The systems are a [`actor::ScriptedActor`].

mod actor;
mod clock;
mod dead;
mod events;
mod fake_links;
mod fake_store;
mod kept;
mod lanes;
mod links;
mod outages;
mod outside;
mod replays;
mod restart;
mod retries;
mod storms;
mod tasks;
mod texts;
mod waits;

use std::sync::Arc;

use serde_json::value::RawValue;
use tombolo_kernel::event::Event;
use tombolo_store::{RunFilter, RunRow, RunStatus, Store};

use self::actor::ScriptedActor;
use self::clock::TokioClock;
use self::fake_store::FakeStore;
use super::{Engine, EngineParts};
use crate::definition::{Flow, FlowSet};
use crate::delivery::{Deliveries, Delivery};
use crate::trace::RunTrace;

const START_MS: u64 = 1_800_000_000_000;

fn flows(texts: &[(&str, &str)]) -> FlowSet {
    FlowSet::new(
        texts
            .iter()
            .map(|(name, text)| Flow::parse(&format!("flows/{name}.yaml"), text).unwrap())
            .collect(),
    )
}

fn event(id: &str, data: &str) -> Event {
    Event {
        id: id.into(),
        source: "/systems/plant".into(),
        kind: "device.alarm".into(),
        subject: Some(format!("device-{id}")),
        time: "2026-11-22T00:00:00Z".into(),
        data: RawValue::from_string(data.to_owned()).unwrap(),
        hops: 0,
        cause: None,
        root: None,
    }
}

/// An engine over a store in memory, on tokio's clock.
struct Bench {
    engine: Arc<Engine>,
    store: Arc<FakeStore>,
    actor: Arc<ScriptedActor>,
    clock: Arc<TokioClock>,
}

impl Bench {
    async fn new(texts: &[(&str, &str)], actor: ScriptedActor) -> Self {
        Self::over(Arc::new(FakeStore::default()), texts, actor).await
    }

    /// With this policy for the system `erp`.
    async fn with_delivery(
        texts: &[(&str, &str)],
        actor: ScriptedActor,
        delivery: Delivery,
    ) -> Self {
        let deliveries = Deliveries::from([("erp".to_owned(), delivery)]);
        Self::with_all(Arc::new(FakeStore::default()), texts, actor, deliveries).await
    }

    async fn over(store: Arc<FakeStore>, texts: &[(&str, &str)], actor: ScriptedActor) -> Self {
        Self::with_all(store, texts, actor, Deliveries::new()).await
    }

    async fn with_all(
        store: Arc<FakeStore>,
        texts: &[(&str, &str)],
        actor: ScriptedActor,
        deliveries: Deliveries,
    ) -> Self {
        let actor = Arc::new(actor);
        let clock = Arc::new(TokioClock::starting_at(START_MS));
        store.set_clock(clock.clone());
        let parts = EngineParts {
            store: store.clone(),
            actor: actor.clone(),
            clock: clock.clone(),
            deliveries,
        };
        let engine = Engine::start(parts, flows(texts)).await.unwrap();
        Self {
            engine,
            store,
            actor,
            clock,
        }
    }

    async fn publish(&self, events: Vec<Event>) {
        self.engine.publish(events).await.unwrap();
    }

    /// Lets everything happen that happens within this time.
    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await; // reason: simulated
    }

    async fn run(&self, id: &str) -> RunRow {
        self.store
            .run(id)
            .await
            .unwrap()
            .unwrap_or_else(|| panic!("no run {id}"))
    }

    async fn trace(&self, id: &str) -> RunTrace {
        serde_json::from_str(&self.run(id).await.trace).unwrap()
    }

    async fn with_status(&self, status: RunStatus) -> Vec<String> {
        let filter = RunFilter {
            status: Some(status),
            limit: 1_000,
            ..RunFilter::default()
        };
        let mut rows = self.store.runs(filter).await.unwrap();
        rows.sort_by_key(|row| row.seq);
        rows.into_iter().map(|row| row.id).collect()
    }
}
