//! Tryton.

use serde_json::{Value, json};

use super::midway::{Midway, Plan, Server, Takes};
use crate::servers::Process;
use crate::servers::tryton::Tryton;

impl Server for Tryton {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn input(&mut self, case: &str) -> Value {
        let lines = [json!({ "sku": "WID-1", "quantity": 1 })];
        json!({ "customer": self.id("customer"), "reference": case, "lines": lines })
    }

    fn made(&self, case: &str) -> usize {
        let same = json!([["reference", "=", case]]);
        self.look("sale.sale", &same, &["state"]).len()
    }
}

#[test]
fn a_sale_is_made_once_whatever_tryton_suffers() {
    let mut tryton = Tryton::start();
    let key = tryton.key("tombolo");
    let midway = Midway::start(&Plan {
        adapter: "tryton",
        system: &format!(
            "connections:\n  api: {{ http: \"{}\", network: private, credential: {{ bearer: \"file:secret\" }} }}",
            tryton.url()
        ),
        secret: &key,
        first: ("item.stock", json!({ "sku": "WID-1" })),
        second: "sale.create",
    });
    midway.stopped(&mut tryton, &["unavailable"]);
    midway.slow(&mut tryton, &["did not answer in time"]);
    midway.wrong_password(
        &mut tryton,
        &key,
        Takes::Dying("unauthorized"),
        &["does not take the key"],
    );
    // Its answer is the same when a module is missing, which never passes: so it is not waited for.
    let words = ["whose disk is full", "carried out again"];
    midway.full_disk(&mut tryton, Takes::Dying("internal"), &words);
}
