//! One instance of an adapter in its own store.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, UpdateDeadline};

use super::Engine;
use super::bindings::Adapter;
use super::export::Export;
use super::limiter::Limiter;
use super::load::Code;
use super::meter::{Meter, metered};
use super::pool::Alive;
use super::state::{CallState, StoreState};
use super::trap::{Broken, OverBudget};
use crate::limits;
use crate::system::Prepared;

/// An instance between two calls, or in one.
pub(super) struct Instance {
    pub(super) store: Store<StoreState>,
    pub(super) meter: Arc<Meter>,
    adapter: Option<Adapter>,
    pub(super) calls: u32,
    pub(super) idle_since: Instant,
    /// Its place among all instances, and among its system's.
    _counted: (OwnedSemaphorePermit, Alive),
}

impl Instance {
    /// A store without code yet: instantiating runs the guest's `start` and is part of the call.
    pub(super) fn new(
        engine: &Engine,
        system: &Arc<Prepared>,
        call: CallState,
        counted: (OwnedSemaphorePermit, Alive),
    ) -> Self {
        let meter = Arc::new(Meter::new(system.limits.cpu));
        let limiter = Limiter::new(system.limits.memory, Arc::clone(&engine.memory));
        let state = StoreState {
            system: Arc::clone(system),
            meter: Arc::clone(&meter),
            limiter,
            call,
        };
        let mut store = Store::new(&engine.runtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits::HOSTCALL_FUEL);
        store.set_max_component_handles(limits::HANDLES);
        store.epoch_deadline_callback(|context| {
            if context.data().meter.is_over() {
                return Err(OverBudget.into());
            }
            Ok(UpdateDeadline::Yield(1))
        });
        Self {
            store,
            meter,
            adapter: None,
            calls: 0,
            idle_since: Instant::now(),
            _counted: counted,
        }
    }

    /// Makes a used instance ready for the next call.
    pub(super) fn begin(&mut self, call: CallState) {
        let state = self.store.data_mut();
        state.call = call;
        state.limiter.refusal = None;
        self.meter.reset();
    }

    /// Runs one export under both limits of time, instantiating first if need be.
    pub(super) async fn run<E: Export>(
        &mut self,
        code: &Code,
        export: E,
    ) -> Result<E::Answer, Broken> {
        self.calls += 1;
        let deadline = self.store.data().call.deadline;
        let (store, adapter) = (&mut self.store, &mut self.adapter);
        store.set_epoch_deadline(1);
        // Pinned where it is: each future that took it in would be a copy.
        let guest = pin!(async {
            let adapter = match adapter {
                Some(adapter) => adapter,
                None => adapter.insert(code.instantiate_async(&mut *store).await?),
            };
            export.call(adapter, store).await
        });
        match tokio::time::timeout_at(deadline, metered(&self.meter, guest)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Broken::Ended(error)),
            Err(_elapsed) => Err(Broken::Deadline),
        }
    }

    pub(super) fn guest_micros(&self) -> u64 {
        u64::try_from(self.meter.spent().as_micros()).unwrap_or(u64::MAX)
    }
}
