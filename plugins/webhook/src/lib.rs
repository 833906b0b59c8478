//! Signed webhooks, JSON, forms, CSV and fixed-width files, to events.
//!
//! The operator declares each hook in the system file: how the sender is verified, and where in the body type, id,
//! subject, time and data stand. Nothing is read before the sender is verified; keys stay with the host, which
//! compares in constant time. An event's data is the body's own text.

mod body;
mod hook;
mod mapping;
mod options;
mod verify;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{Adapter, Failure, Inbound, Reception, Settings};

use hook::Hook;

/// The hooks of one system, made ready once. One that cannot work leaves the others alone.
pub struct Webhook {
    hooks: Offers<Hook>,
}

impl Adapter for Webhook {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        Ok(Self {
            hooks: Offers::compile("hook", &settings.hooks, Hook::compile),
        })
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        self.hooks.get(&inbound.hook)?.receive(inbound)
    }
}

tombolo_sdk::export!(Webhook);

#[cfg(test)]
mod tests;
