//! SAP's CAP.

use serde_json::{Value, json};

use super::midway::{Midway, Plan, Server, Takes, without_feeds};
use crate::odata::example;
use crate::servers::Process;
use crate::servers::cap::{CLERK, Cap};

impl Server for Cap {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn input(&mut self, case: &str) -> Value {
        let lines = [json!({ "sku": "TG11", "quantity": 1 })];
        json!({ "customer": "17100001", "reference": case, "lines": lines })
    }

    fn made(&self, case: &str) -> usize {
        let same = format!("PurchaseOrderByCustomer eq '{case}'");
        self.entities("API_SALES_ORDER_SRV/A_SalesOrder", &same)
            .len()
    }
}

#[test]
fn an_order_is_made_once_whatever_cap_suffers() {
    let mut cap = Cap::kept();
    let system = example(&cap, "v2", CLERK.0, "SECRET").replace("env:SECRET", "file:secret");
    let system = without_feeds(&system);
    let midway = Midway::start(&Plan {
        adapter: "odata",
        system: &system,
        secret: CLERK.1,
        first: ("item.stock", json!({ "sku": "TG11" })),
        second: "sale.create",
    });
    midway.stopped(&mut cap, &["unavailable"]);
    midway.slow(&mut cap, &["did not answer in time"]);
    midway.wrong_password(&mut cap, CLERK.1, Takes::Dying("unauthorized"), &["401"]);
    midway.full_disk(&mut cap, Takes::Waiting, &["500"]);
}
