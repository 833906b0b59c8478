//! The in-memory host: an adapter's unit tests run natively, with plain `cargo test` and no host.
//!
//! ```no_run
//! # use tombolo_sdk::{Adapter, Failure, testing::{Host, Reply}};
//! # use serde_json::json;
//! # struct Orders;
//! # impl Adapter for Orders { fn start() -> Result<Self, Failure> { Ok(Self) } }
//! let host = Host::new(/* include_str!("../adapter.toml") */ "");
//! host.reply("api", "GET", "/orders/7", Reply::json(200, json!({ "state": "open" })));
//! let orders = host.start::<Orders>();
//! assert_eq!(orders.act("order.get", json!({ "id": "7" })), Ok(json!({ "state": "open" })));
//! ```
//!
//! HTTP answers, SQL rows and other actions' answers are scripted, and used once each, in order. The store and the
//! keys are real. Whatever the adapter tries beyond its manifest (for a generic adapter: beyond what
//! [`Host::system`] declares) is a panic with a sentence about it: the real host would refuse it.

mod check;
mod declared;
mod host;
mod inbound;
mod running;
mod script;

pub(crate) mod keys;
pub(crate) mod store;

use std::cell::RefCell;

pub use host::Host;
pub use running::Running;
pub use script::{LogLine, RanStatement, Reply, SentMessage, SentRequest};

thread_local! {
    /// The host of the call that this thread is in.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Asks the host of the call that this thread is in.
#[expect(
    clippy::panic,
    reason = "a test without a host must fail with this sentence"
)]
pub(crate) fn current<T>(ask: impl FnOnce(&Host) -> T) -> T {
    let host = CURRENT.with_borrow(Clone::clone);
    match host {
        Some(host) => ask(&host),
        None => panic!(
            "outside wasm an adapter needs `testing::Host`: start it with `host.start::<Adapter>()` and call it through what that returns"
        ),
    }
}

/// Runs with `host` as this thread's host, and puts back what was there.
fn enter<T>(host: &Host, run: impl FnOnce() -> T) -> T {
    struct PutBack(Option<Host>);
    impl Drop for PutBack {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _put_back = PutBack(CURRENT.replace(Some(host.clone())));
    run()
}

/// Ends the test: the adapter or the test did what the real host would refuse.
#[expect(
    clippy::panic,
    reason = "what an adapter tries beyond its manifest is a failed test"
)]
#[track_caller]
pub(crate) fn refuse(sentence: impl AsRef<str>) -> ! {
    panic!("{}", sentence.as_ref())
}

#[cfg(test)]
mod tests;
