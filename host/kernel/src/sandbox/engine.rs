//! The engine: how guests are compiled and confined. The one place where wasmtime is configured.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine as Runtime, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::background::Background;
use super::bindings::Adapter;
use super::cache::Cache;
use super::limiter::MemoryOfAll;
use super::load::Loaded;
use super::pool::Pool;
use super::state::StoreState;
use super::ticker::Ticker;
use crate::limits;

/// How compilation is done.
#[derive(Debug, Clone)]
pub struct CompileConfig {
    /// Private folder for compiled code; made with mode 0700.
    pub cache: PathBuf,
    /// Program and arguments that run [`compile_child_main`](super::compile_child_main); normally this executable
    /// with `compile-child`.
    pub child: (PathBuf, Vec<String>),
}

/// The engine, shared by all systems through an `Arc`.
pub struct Engine {
    pub(super) runtime: Runtime,
    pub(super) linker: Linker<StoreState>,
    pub(super) ticker: Ticker,
    pub(super) cache: Cache,
    pub(super) child: (PathBuf, Vec<String>),
    pub(super) compiles: Semaphore,
    pub(super) instances: Arc<Semaphore>,
    /// Where calls go on that run longer than [`limits::GUEST_SLICE`].
    pub(super) background: Background,
    pub(super) memory: Arc<MemoryOfAll>,
    pub(super) loaded: Mutex<Loaded>,
    pools: Mutex<Vec<Weak<Pool>>>,
}

/// Why the engine cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

impl Engine {
    /// Starts the engine and its epoch thread.
    ///
    /// # Errors
    /// No room for the pool, no cache folder.
    pub fn new(config: CompileConfig) -> Result<Self, EngineError> {
        let runtime = Runtime::new(&pooled()).map_err(|error| {
            EngineError(format!(
                "the sandbox could not reserve address space for {} instances: {error:#}; \
                 lift the limit of address space of this process (ulimit -v)",
                limits::INSTANCES
            ))
        })?;
        let mut linker = Linker::new(&runtime);
        Adapter::add_to_linker::<StoreState, HasSelf<StoreState>>(&mut linker, |state| state)
            .map_err(|error| {
                EngineError(format!(
                    "the contract's imports could not be linked: {error:#}"
                ))
            })?;
        let ticker = Ticker::start(&runtime).map_err(|error| {
            EngineError(format!(
                "the thread that interrupts guests could not start: {error}"
            ))
        })?;
        let background = Background::start(ticker.background()).map_err(|error| {
            EngineError(format!(
                "the threads for adapters that compute long could not start: {error}"
            ))
        })?;
        let cache = Cache::open(config.cache, &runtime)?;
        Ok(Self {
            runtime,
            linker,
            ticker,
            cache,
            child: config.child,
            compiles: Semaphore::new(limits::COMPILES),
            instances: Arc::new(Semaphore::new(limits::INSTANCES as usize)),
            background,
            memory: Arc::new(MemoryOfAll::default()),
            loaded: Mutex::new(Loaded::default()),
            pools: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn register(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools.lock();
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    /// Drops instances that nobody used for [`limits::INSTANCE_IDLE`].
    pub(crate) fn reap(&self) {
        self.each_pool(|pool| pool.reap(limits::INSTANCE_IDLE));
    }

    /// Drops every idle instance: somebody waits for a place.
    pub(super) fn make_room(&self) {
        self.each_pool(|pool| pool.reap(std::time::Duration::ZERO));
    }

    fn each_pool(&self, act: impl Fn(&Pool)) {
        let pools: Vec<_> = self.pools.lock().iter().filter_map(Weak::upgrade).collect();
        for pool in pools {
            act(&pool);
        }
    }
}

/// What decides which code is made of a component. The compiling child uses exactly this.
pub(super) fn compiling() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits::WASM_STACK)
        .async_stack_size(limits::FIBER_STACK)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        .cranelift_opt_level(wasmtime::OptLevel::Speed);
    config
}

fn pooled() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    let instances = limits::INSTANCES;
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(limits::CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(limits::TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(limits::CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(limits::TABLES)
        .max_tables_per_module(limits::TABLES)
        .max_memory_size(usize::try_from(limits::MEMORY_MOST).unwrap_or(usize::MAX))
        .table_elements(limits::TABLE_ELEMENTS)
        // An instance is used thousands of times before its slot is given back: nothing stays resident in a free slot.
        .max_unused_warm_slots(16)
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    let mut config = compiling();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
