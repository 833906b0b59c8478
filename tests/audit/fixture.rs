//! A site with a run, a hook and a feed that each reach out, and the commands of its operator.

use serde_json::{Value, json};
use tombolo_tests::built::{adapter, run};
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE, TestSite};

/// The secret of the system's connection; also what the tests send as a query and a body.
pub(crate) const SECRET: &str = "canary-0b7d1e55c2";

pub(crate) struct Audited {
    pub(crate) site: TestSite,
    pub(crate) host: TestHost,
    pub(crate) server: RecordingServer,
}

/// The site, running.
pub(crate) fn audited() -> Audited {
    audited_with("")
}

/// The same with more in its `tombolo.yaml`.
pub(crate) fn audited_with(settings: &str) -> Audited {
    let site = TestSite::new();
    let yaml = std::fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
    site.write("tombolo.yaml", &(yaml + settings));
    let server = RecordingServer::start();
    site.adapter("attacker", &adapter("tests/hostile/attacker"))
        .adapter("sql", &adapter("plugins/sql"))
        .write(
            "systems/shop.yaml",
            &format!(
                "adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{}\"
    credential: {{ bearer: \"env:SHOP_TOKEN\" }}
    network: private
    allow: [\"GET /orders/*\"]
actions:
  go: {{ effect: write, summary: Goes, do: {{}} }}
hooks:
  in: {{ summary: In, do: {{}} }}
emits: [attack.received]
",
                server.address
            ),
        )
        .write(
            "systems/erp.yaml",
            "adapter: adapters/sql.wasm
connections:
  db:
    sqlite: erp.db
    statements:
      since:
        effect: read
        text: SELECT no, 'x' AS state FROM orders WHERE no > coalesce(:cursor, 0) ORDER BY no LIMIT :limit
feeds:
  orders:
    every: 30 d
    page: 20
    do: { statement: since, cursor: /no, event: { type: order.placed, subject: \"{no}\" } }
emits: [order.placed]
",
        )
        .write(
            "flows/go.yaml",
            "on: go\nsteps:\n  - { id: reach, call: shop.go, with: \"${event.data}\", retry: { attempts: 1 } }\n",
        );
    rusqlite::Connection::open(site.path().join("erp.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE orders (no INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)",
        )
        .unwrap();
    site.approve("shop").approve("erp");
    let host = TestHost::start(&site, &[("SHOP_TOKEN", SECRET)]);
    Audited { site, host, server }
}

impl Audited {
    /// A run that makes a request; its id.
    pub(crate) fn runs(&self, id: &str, path: &str) -> String {
        let deed = json!({"do": "http", "connection": "api", "method": "GET", "path": path,
            "query": [["q", SECRET]], "body": SECRET});
        self.deed(id, &deed)
    }

    /// A run that does something; its id.
    pub(crate) fn deed(&self, id: &str, deed: &Value) -> String {
        let response = self.host.publish("go", id, deed);
        assert_eq!(response.status, 202, "{}", response.body);
        let seq = response.json()["events"][0]["seq"].as_i64().unwrap();
        let run = format!("{seq}.go");
        let target = format!("/api/runs/{run}");
        wait("the end of the run", || {
            let token = format!("Bearer {TOKEN}");
            let response = self
                .host
                .send("GET", &target, &[("authorization", &token)], b"");
            (response.status == 200
                && matches!(
                    response.json()["run"]["status"].as_str(),
                    Some("done" | "dead")
                ))
            .then_some(())
        });
        run
    }

    /// The digest of a system's adapter.
    pub(crate) fn digest(&self, system: &str) -> String {
        let systems = self.host.get("/api/systems");
        let of = |status: &&Value| status["system"] == system;
        let status = systems.as_array().unwrap().iter().find(of).unwrap();
        status["digest"].as_str().unwrap().to_owned()
    }

    /// A command that asks the host; its output.
    pub(crate) fn tombolo(&self, arguments: &[&str]) -> String {
        let address = self.host.address.to_string();
        let all = [arguments, &["--address", &address]].concat();
        let (code, out, err) = self.site.tombolo(&all);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    /// What `tombolo audit list` finds, as JSON.
    pub(crate) fn list(&self, filter: &[&str]) -> Vec<Value> {
        let out = self.tombolo(&[&["audit", "list", "--json"], filter].concat());
        let page: Value = serde_json::from_str(&out).unwrap();
        let records = page["records"].as_array().unwrap();
        records
            .iter()
            .map(|stored| stored["record"].clone())
            .collect()
    }

    /// A command of the audit that asks no host; its exit code and all it says.
    pub(crate) fn offline(&self, arguments: &[&str]) -> (i32, String) {
        let site = self.site.path().to_str().unwrap();
        let all = [&["audit"], arguments, &["--offline", site]].concat();
        let (code, out, err) = run(&all, &[(TOKEN_VARIABLE, "")]);
        (code, out + &err)
    }
}
