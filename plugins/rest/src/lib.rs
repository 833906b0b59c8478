//! REST and JSON by operations that the operator declares: each action is a request template, and says where in the
//! answer the result and the error text stand.
//!
//! Operations are made ready once per instance. The input and the answer are never built into trees: values are
//! found by pointer and copied as the text they are, so numbers keep every digit.

mod operation;
mod options;
mod outcome;
mod paging;
mod request;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Settings};

use operation::Operation;

/// The operations of one system. One that cannot work leaves the others alone.
pub struct Rest {
    operations: Offers<Operation>,
}

impl Adapter for Rest {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        Ok(Self {
            operations: Offers::compile("action", &settings.actions, Operation::compile),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        self.operations.get(&call.action)?.run(&call)
    }
}

tombolo_sdk::export!(Rest);

#[cfg(test)]
mod tests;
