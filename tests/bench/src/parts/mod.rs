//! One file per part of the benchmark.

pub(crate) mod adapter;
pub(crate) mod append;
pub(crate) mod attacks;
pub(crate) mod e2e;
pub(crate) mod feed;
pub(crate) mod grants;
pub(crate) mod leaks;
pub(crate) mod many;
pub(crate) mod node_red;
pub(crate) mod reconcile;
pub(crate) mod restart;
pub(crate) mod revoke;
pub(crate) mod swaps;
pub(crate) mod waiting;

/// What a part drives its load with: two threads, on every machine.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
