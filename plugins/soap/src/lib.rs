//! SOAP 1.1 and 1.2, and plain XML, by operations that the operator declares: JSON in and out, XML on the way.
//!
//! Operations are made ready once per instance. Texts stay as they are: a number keeps every digit. What an answer may
//! not have is refused: document types and entities of its own, elements nested too deep.

mod fault;
mod operation;
mod options;
mod plain;
mod security;
mod xml;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Settings};

use operation::Operation;

/// The operations of one system. One that cannot work leaves the others alone.
pub struct Soap {
    operations: Offers<Operation>,
}

impl Adapter for Soap {
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

tombolo_sdk::export!(Soap);

#[cfg(test)]
mod tests;
