//! OData against SAP CAP, in V2 and V4: the example `sap-s4` with each of its actions and feeds, and the ways of others.

mod dynamics;
mod sap;

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tombolo_tests::built::{adapter, root};
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::servers::cap::{CLERK, Cap, VISITOR};

/// The environment of all hosts here.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("S4_PASSWORD", CLERK.1),
    ("VISITOR_PASSWORD", VISITOR.1),
    ("WRONG_PASSWORD", "wrong"),
];

/// A server, a site with one system or several, and a host.
struct Fixture {
    cap: Cap,
    host: TestHost,
    site: TestSite,
}

impl Fixture {
    /// `systems` by name, as files; `actions` of each system get a flow that calls them on `do.SYSTEM.ACTION`.
    fn start(systems: impl Fn(&Cap) -> Vec<(&'static str, String)>, actions: &[&str]) -> Self {
        let cap = Cap::start();
        let site = TestSite::new();
        site.adapter("odata", &adapter("plugins/odata"));
        for (name, file) in systems(&cap) {
            site.write(&format!("systems/{name}.yaml"), &file);
            for action in actions {
                if !file.contains(&format!("\n  {action}:\n")) {
                    continue;
                }
                let flow = format!(
                    "on: do.{name}.{action}\nsteps:\n  - id: go\n    call: {name}.{action}\n    with: \"${{event.data}}\"\n    retry: {{ attempts: 3, backoff: 50ms }}\n"
                );
                let file = action.replace('.', "-");
                site.write(&format!("flows/{name}-{file}.yaml"), &flow);
            }
            site.approve(name);
        }
        let host = TestHost::start(&site, &ENVIRONMENT);
        Self { cap, host, site }
    }

    /// What an action gives; its failure as the run tells it.
    fn ask(&self, system: &str, action: &str, input: &Value) -> Result<Value, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = format!("e-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let published = self
            .host
            .publish(&format!("do.{system}.{action}"), &id, input);
        assert!(published.status < 300, "{}", published.body);
        let flow = format!("{system}-{}", action.replace('.', "-"));
        let run = wait(&format!("{system}.{action}"), || {
            let runs = self.host.get(&format!("/api/runs?flow={flow}"));
            runs.as_array()?.iter().find_map(|run| {
                let ended = matches!(run["status"].as_str(), Some("done" | "dead"));
                let run = ended.then(|| {
                    let run = run["id"].as_str().unwrap();
                    self.host.get(&format!("/api/runs/{run}"))
                })?;
                (run["event"]["id"] == *id).then_some(run)
            })
        });
        let step = &run["trace"]["steps"][0];
        match (run["run"]["status"].as_str(), &step["result"]) {
            (Some("done"), Value::String(text)) => {
                Ok(serde_json::from_str(text).unwrap_or_else(|_| step["result"].clone()))
            }
            (Some("done"), result) => Ok(result.clone()),
            _ => Err(run["trace"].to_string()),
        }
    }

    #[track_caller]
    fn good(&self, system: &str, action: &str, input: &Value) -> Value {
        self.ask(system, action, input)
            .unwrap_or_else(|failure| panic!("{action} {input}: {failure}\n{}", self.cap.log()))
    }

    /// That an action fails in this kind, with these words.
    #[track_caller]
    fn bad(&self, system: &str, action: &str, input: &Value, kind: &str, words: &str) {
        match self.ask(system, action, input) {
            Ok(result) => panic!("{action} {input} gave {result}"),
            Err(failure) => assert!(
                failure.contains(kind) && failure.contains(words),
                "expected {kind} and `{words}`: {failure}"
            ),
        }
    }

    /// Events of a type, the oldest first.
    fn events(&self, kind: &str) -> Vec<Value> {
        let events = self
            .host
            .get(&format!("/api/events?type={kind}&limit=1000"));
        let mut events = events.as_array().cloned().unwrap_or_default();
        events.reverse();
        events
    }
}

/// The example's system file, against this server.
pub(crate) fn example(cap: &Cap, version: &str, user: &str, password: &str) -> String {
    let file = root().join("plugins/odata/examples/sap-s4/system.yaml");
    let text = fs::read_to_string(file).unwrap();
    let place = if version == "v2" { "odata" } else { "odata4" };
    let replaced = [
        (
            "https://my000000-api.s4hana.example/sap/opu/odata/sap",
            format!(
                "http://127.0.0.1:{}/sap/opu/{place}/sap\n    network: private",
                cap.port
            ),
        ),
        ("user: TOMBOLO", format!("user: {user}")),
        ("env:S4_PASSWORD", format!("env:{password}")),
        ("version: v2", format!("version: {version}")),
        ("every: 1 min", "every: 1 s".to_owned()),
        ("page: 100", "page: 2".to_owned()),
    ];
    let mut text = replaced.into_iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, &to)
    });
    if version == "v4" {
        // Where V4 has actions and functions.
        for (from, to) in [
            (
                "API_SALES_ORDER_SRV/releaseApprovalRequest",
                "API_SALES_ORDER_SRV/A_SalesOrder({key})/releaseApprovalRequest",
            ),
            (
                "API_OUTBOUND_DELIVERY_SRV/PostGoodsIssue",
                "API_OUTBOUND_DELIVERY_SRV/A_OutbDeliveryHeader({key})/PostGoodsIssue",
            ),
            (
                "/DetermineAvailabilityAt",
                "/DetermineAvailabilityAt(ATPCheckingRule=@ATPCheckingRule,Material=@Material,SupplyingPlant=@SupplyingPlant,RequestedUTCDateTime=@RequestedUTCDateTime)",
            ),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
    }
    text
}
