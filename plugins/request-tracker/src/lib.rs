//! Tickets of Request Tracker 5 by its REST 2.0: the profile `ticketing/1`.
//!
//! Request Tracker answers 200 where it did half of what was asked, drops fields that it does not know, and knows no
//! idempotency key. So every write looks first and looks again: keys are kept in custom fields, and what was asked for
//! is compared with what the ticket has afterwards.

mod api;
mod create;
mod entry;
mod feed;
mod hook;
mod options;
mod query;
mod raw;
mod recent;
mod search;
mod ticket;
mod update;

use tombolo_sdk::{ActionCall, Adapter, Failure, Inbound, Json, Page, Reception, Settings};

use api::Api;

/// One Request Tracker.
pub struct RequestTracker {
    api: Api,
}

impl Adapter for RequestTracker {
    fn start() -> Result<Self, Failure> {
        Ok(Self {
            api: Api::new(Settings::read()?.parse()?)?,
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        match call.action.as_str() {
            "ticket.create" => create::create(&self.api, &call),
            "ticket.get" => ticket::get(&self.api, &call),
            "ticket.search" => search::search(&self.api, &call),
            "ticket.reply" => entry::write(&self.api, &call, "correspond"),
            "ticket.comment" => entry::write(&self.api, &call, "comment"),
            "ticket.update" => update::update(&self.api, &call),
            other => Err(Failure::not_offered(format!(
                "there is no action `{other}`"
            ))),
        }
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        hook::receive(&self.api, &inbound)
    }

    fn read(&self, _feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        feed::read(&self.api, cursor, limit)
    }
}

tombolo_sdk::export!(RequestTracker);

#[cfg(test)]
mod tests;
