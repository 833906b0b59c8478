//! `plugins/tryton` against Tryton itself, through the real host, over REST and over JSON-RPC: each action is called by a
//! flow of one step.

/// Tests of these functions, with each way to ask Tryton.
macro_rules! by_both {
    ($($case:ident),+) => {
        mod over_rest {
            $(#[test] fn $case() { super::$case(crate::tryton::By::Rest); })+
        }
        mod over_json_rpc {
            $(#[test] fn $case() { super::$case(crate::tryton::By::JsonRpc); })+
        }
    };
}

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

use crate::servers::tryton::{PASSWORD, Tryton};

/// The variable with what proves the user.
const SECRET: &str = "TRYTON_SECRET";
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

/// A way to ask Tryton.
#[derive(Clone, Copy)]
enum By {
    Rest,
    JsonRpc,
}

/// A host whose system `erp` is a Tryton.
struct Company {
    host: TestHost,
    site: TestSite,
    calls: Cell<u32>,
}

impl By {
    /// What proves that one is this user.
    fn secret(self, tryton: &Tryton, user: &str) -> String {
        match self {
            Self::Rest => tryton.key(user),
            Self::JsonRpc => PASSWORD.to_owned(),
        }
    }

    /// The system file's connection, and that this way is meant.
    fn system(self, url: &str, user: &str) -> String {
        match self {
            Self::Rest => format!(
                "connections:\n  api: {{ http: \"{url}\", network: private, credential: {{ bearer: \"env:{SECRET}\" }} }}\n"
            ),
            Self::JsonRpc => format!(
                "connections:\n  rpc: {{ http: \"{url}\", network: private, credential: {{ basic: {{ user: {user}, password: \"env:{SECRET}\" }} }} }}\nsettings: {{ protocol: json-rpc }}\n"
            ),
        }
    }

    /// What is in the request that makes a record of a model, and in no other.
    fn creates(self, model: &str) -> String {
        match self {
            Self::Rest => format!("POST /tryton/rest/model/{model}?"),
            Self::JsonRpc => format!("\"model.{model}.create\""),
        }
    }

    /// The same of one that changes a record.
    fn writes(self, model: &str) -> String {
        match self {
            Self::Rest => format!("PUT /tryton/rest/model/{model}/"),
            Self::JsonRpc => format!("\"model.{model}.write\""),
        }
    }
}

impl Company {
    fn of(tryton: &Tryton, by: By) -> Self {
        Self::with(tryton, by, "tombolo", "")
    }

    /// In the name of this user, with more of the system file.
    fn with(tryton: &Tryton, by: By, user: &str, more: &str) -> Self {
        Self::at(&tryton.url(), by, user, &by.secret(tryton, user), more)
    }

    /// At this address, with what is said to prove the user.
    fn at(url: &str, by: By, user: &str, secret: &str, more: &str) -> Self {
        let site = TestSite::new();
        site.adapter("tryton", &adapter("plugins/tryton"));
        site.write(
            "systems/erp.yaml",
            &format!(
                "adapter: adapters/tryton.wasm\n{}delivery: {{ attempts: 4, backoff: 200 ms, most: 2 s }}\n{more}",
                by.system(url, user)
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
        let host = TestHost::start(&site, &[(SECRET, secret)]);
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
