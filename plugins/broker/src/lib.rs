//! Messages of MQTT, AMQP and NATS brokers: actions publish, hooks turn what arrives into events.
//!
//! Nothing here knows a protocol. The host delivers a message like a post and acknowledges it to the broker only after
//! its events are on disk.

mod hook;
mod publish;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{ActionCall, Adapter, Failure, Inbound, Json, Reception, Settings};

use hook::Hook;
use publish::Publish;

/// The operations of one system. One that cannot work leaves the others alone.
pub struct Broker {
    actions: Offers<Publish>,
    hooks: Offers<Hook>,
}

impl Adapter for Broker {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        Ok(Self {
            actions: Offers::compile("action", &settings.actions, Publish::compile),
            hooks: Offers::compile("hook", &settings.hooks, Hook::compile),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        self.actions.get(&call.action)?.run(&call)
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        self.hooks.get(&inbound.hook)?.receive(inbound)
    }
}

tombolo_sdk::export!(Broker);

#[cfg(test)]
mod tests;
