//! One file per part of the benchmark.

pub(crate) mod adapter;
pub(crate) mod append;
pub(crate) mod attacks;
pub(crate) mod e2e;
pub(crate) mod feed;
pub(crate) mod grants;
pub(crate) mod many;
pub(crate) mod node_red;
pub(crate) mod reconcile;
pub(crate) mod restart;
pub(crate) mod revoke;
pub(crate) mod swaps;
pub(crate) mod waiting;
