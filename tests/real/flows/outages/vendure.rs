//! Vendure. Where its disk is full it tells of an internal error, or ends.

use serde_json::{Value, json};

use super::midway::{Midway, Plan, Server, Takes, without_feeds};
use crate::servers::Process;
use crate::servers::vendure::Vendure;
use crate::vendure::example;

/// A shop, and the order of each case.
struct Shop {
    vendure: Vendure,
    orders: Vec<(String, Value)>,
}

impl Server for Shop {
    fn process(&mut self) -> &mut Process {
        &mut self.vendure.process
    }

    fn input(&mut self, case: &str) -> Value {
        let code = self.vendure.order("1", 1);
        let query = "query($code: String!) { orders(options: { filter: { code: { eq: $code } } }) { items { id } } }";
        let found = self.vendure.admin(query, &json!({ "code": code }));
        let id = found["orders"]["items"][0]["id"].clone();
        self.orders.push((case.to_owned(), id.clone()));
        json!({ "id": id, "carrier": "DHL", "tracking": case })
    }

    fn made(&self, case: &str) -> usize {
        let (_, id) = self.orders.iter().find(|(name, _)| name == case).unwrap();
        let query = "query($id: ID!) { order(id: $id) { fulfillments { state trackingCode } } }";
        let there = self.vendure.admin(query, &json!({ "id": id }));
        let made = there["order"]["fulfillments"].as_array().unwrap().iter();
        made.filter(|one| one["state"] == "Shipped" && one["trackingCode"] == case)
            .count()
    }
}

#[test]
fn an_order_is_shipped_once_whatever_vendure_suffers() {
    let vendure = Vendure::start();
    let token = vendure.token();
    let system = example(vendure.port).replace("env:SHOP_TOKEN", "file:secret");
    let system = without_feeds(&system);
    let mut shop = Shop {
        vendure,
        orders: Vec::new(),
    };
    let midway = Midway::start(&Plan {
        adapter: "rest",
        system: &system,
        secret: &token,
        first: ("stock.get", json!({ "sku": "WID-1" })),
        second: "order.fulfil",
    });
    midway.stopped(&mut shop, &["unavailable"]);
    midway.slow(&mut shop, &["did not answer in time"]);
    midway.wrong_password(
        &mut shop,
        &token,
        Takes::Dying("unauthorized"),
        &["FORBIDDEN"],
    );
    let full = |shop: &mut Shop| shop.process().disk_is_full(true);
    let has_room = |shop: &mut Shop| {
        shop.process().stop();
        shop.process().again();
    };
    midway.case(
        &mut shop,
        "full",
        Takes::Waiting,
        &["unavailable"],
        full,
        has_room,
    );
}
