//! `plugins/tryton` against Tryton itself, through the real host: each action is called by a flow of one step.

mod crm;
mod erp;
mod feeds;
mod lost;
mod refused;

use std::cell::Cell;

use serde_json::Value;
use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::servers::tryton::Tryton;

const ACTIONS: &[&str] = &[
    "party.find",
    "party.get",
    "party.create",
    "item.find",
    "item.stock",
    "sale.create",
    "sale.get",
    "sale.confirm",
    "sale.cancel",
    "sale.ship",
    "purchase.request",
    "purchase.order",
    "purchase.get",
    "purchase.confirm",
    "purchase.cancel",
    "invoice.find",
    "customer.find",
    "customer.get",
    "customer.create",
    "customer.update",
    "activity.add",
    "opportunity.create",
    "opportunity.get",
    "opportunity.close",
];

/// A host whose system `erp` is a Tryton.
struct Company {
    host: TestHost,
    site: TestSite,
    calls: Cell<u32>,
}

impl Company {
    fn of(tryton: &Tryton) -> Self {
        Self::with(&tryton.url(), &tryton.key("tombolo"), "")
    }

    /// With the base address, the key, and more of the system file.
    fn with(url: &str, key: &str, more: &str) -> Self {
        let site = TestSite::new();
        site.adapter("tryton", &adapter("plugins/tryton"));
        site.write(
            "systems/erp.yaml",
            &format!(
                "adapter: adapters/tryton.wasm\nconnections:\n  api: {{ http: \"{url}\", network: private, credential: {{ bearer: \"env:TRYTON_KEY\" }} }}\ndelivery: {{ attempts: 4, backoff: 200 ms, most: 2 s }}\n{more}"
            ),
        );
        for action in ACTIONS {
            let name = action.replace('.', "-");
            site.write(
                &format!("flows/{name}.yaml"),
                &format!(
                    "on: do.{name}\nsteps:\n  - id: it\n    call: erp.{action}\n    with: \"${{event.data}}\"\n"
                ),
            );
        }
        site.approve("erp");
        let host = TestHost::start(&site, &[("TRYTON_KEY", key)]);
        Self {
            host,
            site,
            calls: Cell::new(0),
        }
    }

    /// The result of an action.
    #[track_caller]
    fn does(&self, action: &str, input: Value) -> Value {
        let run = self.run(action, &input);
        assert_eq!(run["run"]["status"], "done", "{action} {input}: {run:#}");
        let result = &run["trace"]["steps"][0]["result"];
        // A trace keeps results as JSON or as its text.
        match result.as_str() {
            Some(text) => serde_json::from_str(text).unwrap(),
            None => result.clone(),
        }
    }

    /// That an action fails, and with these words.
    #[track_caller]
    fn fails(&self, action: &str, input: Value, words: &[&str]) {
        let run = self.run(action, &input);
        assert_eq!(run["run"]["status"], "dead", "{action} {input}: {run:#}");
        let trace = run["trace"].to_string();
        for word in words {
            assert!(trace.contains(word), "{action}: no `{word}` in {run:#}");
        }
    }

    /// The ended run of an action.
    fn run(&self, action: &str, input: &Value) -> Value {
        let name = action.replace('.', "-");
        self.calls.set(self.calls.get() + 1);
        let id = format!("call-{}", self.calls.get());
        let response = self.host.publish(&format!("do.{name}"), &id, input);
        assert_eq!(response.status, 202, "{}", response.body);
        let seq = response.json()["events"][0]["seq"].as_i64().unwrap();
        wait(&format!("the end of {seq}.{name}"), || {
            let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
            let target = format!("/api/runs/{seq}.{name}");
            let headers = [("authorization", authorization.as_str())];
            let response = self.host.send("GET", &target, &headers, b"");
            let run = (response.status == 200).then(|| response.json())?;
            matches!(run["run"]["status"].as_str(), Some("done" | "dead")).then_some(run)
        })
    }
}
