//! Tryton by its REST interface or by JSON-RPC: `erp/1` and `crm/1`.
//!
//! | module | is |
//! |---|---|
//! | `client`, `domain`, `value`, `failure` | requests, conditions, decimals and dates, what answers mean |
//! | `party`, `item`, `sale`, `shipment`, `request`, `purchase`, `invoice` | `erp/1` |
//! | `activity`, `opportunity` | what `crm/1` has beside parties |
//! | `order` | what sales and purchases have in common |
//! | `feeds`, `stock` | what changed |
//! | `mark` | how a create finds what it made before |

mod activity;
mod client;
mod domain;
mod failure;
mod feeds;
mod invoice;
mod item;
mod mark;
mod opportunity;
mod order;
mod paging;
mod party;
mod purchase;
mod request;
mod sale;
mod settings;
mod shipment;
mod stock;
mod value;

use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Page, Settings};

use client::Client;
use party::As;
use settings::Options;

/// One company's Tryton, as one of its users sees it.
pub struct Tryton {
    client: Client,
    options: Options,
}

impl Adapter for Tryton {
    fn start() -> Result<Self, Failure> {
        let options: Options = Settings::read()?.parse()?;
        Ok(Self {
            client: Client::new(options.protocol),
            options,
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        let (client, options) = (&self.client, &self.options);
        match call.action.as_str() {
            "party.find" => party::find(client, &call, As::Party),
            "party.get" => party::get(client, &call, As::Party),
            "party.create" => party::create(client, options, &call, As::Party),
            "item.find" => item::find(client, &call),
            "item.stock" => item::stock(client, &call),
            "sale.create" => sale::create(client, &call),
            "sale.get" => sale::get(client, &call),
            "sale.confirm" => sale::confirm(client, &call),
            "sale.cancel" => sale::cancel(client, &call),
            "sale.ship" => sale::ship(client, &call),
            "purchase.request" => request::request(client, &call),
            "purchase.order" => purchase::order(client, &call),
            "purchase.get" => purchase::get(client, &call),
            "purchase.confirm" => purchase::confirm(client, &call),
            "purchase.cancel" => purchase::cancel(client, &call),
            "invoice.find" => invoice::find(client, &call),
            "customer.find" => party::find(client, &call, As::Customer),
            "customer.get" => party::get(client, &call, As::Customer),
            "customer.create" => party::create(client, options, &call, As::Customer),
            "customer.update" => party::update(client, &call),
            "activity.add" => activity::add(client, &call),
            "opportunity.create" => opportunity::create(client, &call),
            "opportunity.get" => opportunity::get(client, &call),
            "opportunity.close" => opportunity::close(client, &call),
            other => Err(Failure::not_offered(format!(
                "there is no action `{other}`"
            ))),
        }
    }

    fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        feeds::read(&self.client, &self.options, feed, cursor, limit)
    }
}

tombolo_sdk::export!(Tryton);

#[cfg(test)]
mod tests;
