//! Runs adapters: engine, compiling child and its cache, instance pool, limits, generated bindings.
//!
//! What a guest may do is not decided here: `imports` hands every call to a capability, which asks the grant. What is
//! decided here is how long, how often and in how much memory a guest runs, and that a broken one is thrown away.

mod background;
mod bindings;
mod cache;
mod compile;
mod convert;
mod engine;
mod export;
mod imports;
mod imports_keys;
mod instance;
mod limiter;
mod load;
mod meter;
mod pool;
mod state;
mod ticker;
mod trap;

pub use compile::compile_child_main;
pub use engine::{CompileConfig, Engine, EngineError};
pub(crate) use export::{Export, Read, Start};
pub use load::LoadedCode;
pub(crate) use pool::{Ended, Pool};
pub(crate) use state::{CallState, Cause};
