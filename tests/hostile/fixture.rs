//! A site with an attacker and a healthy neighbour, both running.

use serde_json::{Value, json};
use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

/// The secrets of the attacker's system: no byte of them may ever be seen outside the host.
pub(crate) const SECRET: &str = "canary-5f2c9a71d4";
pub(crate) const SIGNING: &str = "canary-77e0b3aa19";
pub(crate) const ENVIRONMENT: &[(&str, &str)] =
    &[("ATTACK_TOKEN", SECRET), ("ATTACK_SIGNING", SIGNING)];

const NEIGHBOUR: &str = "
adapter: adapters/attacker.wasm
actions:
  go: { effect: read, summary: Goes, do: {} }
";

const FLOWS: [(&str, &str); 2] = [
    (
        "flows/attack.yaml",
        "
on: attack
steps:
  - id: go
    call: attacker.go
    with: \"${event.data}\"
    retry: { attempts: 2, backoff: 50ms }
",
    ),
    (
        "flows/healthy.yaml",
        "
on: healthy
steps:
  - id: go
    call: neighbour.go
    with: { do: echo }
",
    ),
];

pub(crate) struct Attack {
    pub(crate) site: TestSite,
    pub(crate) host: TestHost,
    pub(crate) server: RecordingServer,
    counter: std::cell::Cell<u32>,
}

/// A site with the attacker's system as `system` describes it (`{{server}}` is the recording server), approved.
pub(crate) fn attack(system: &str) -> Attack {
    let site = TestSite::new();
    site.adapter("attacker", &adapter("tests/hostile/attacker"));
    start(site, system, &[])
}

/// The same with more variables in the host's environment.
pub(crate) fn attack_beside(system: &str, environment: &[(&str, &str)]) -> Attack {
    let site = TestSite::new();
    site.adapter("attacker", &adapter("tests/hostile/attacker"));
    start(site, system, environment)
}

/// The same on a site that has the attacker's adapter.
pub(crate) fn attack_at(site: TestSite, system: &str) -> Attack {
    start(site, system, &[])
}

/// The same with an adapter of these bytes as the attacker.
pub(crate) fn attack_with(component: &[u8]) -> Attack {
    let site = TestSite::new();
    site.adapter("attacker", &adapter("tests/hostile/attacker"));
    site.adapter_bytes("component", component);
    start(site, "adapter: adapters/component.wasm\n", &[])
}

fn start(site: TestSite, system: &str, environment: &[(&str, &str)]) -> Attack {
    let server = RecordingServer::start();
    site.write(
        "systems/attacker.yaml",
        &system.replace("{{server}}", &server.address.to_string()),
    );
    site.write("systems/neighbour.yaml", NEIGHBOUR);
    for (name, text) in FLOWS {
        site.write(name, text);
    }
    site.approve("attacker").approve("neighbour");
    let host = TestHost::start(&site, &[ENVIRONMENT, environment].concat());
    Attack {
        site,
        host,
        server,
        counter: std::cell::Cell::new(0),
    }
}

impl Attack {
    /// Lets the attacker do something in a run of its own; returns the ended run with its trace.
    pub(crate) fn deed(&self, deed: &Value) -> Value {
        self.run("attack", deed)
    }

    /// The neighbour does its work.
    pub(crate) fn neighbour_works(&self) {
        let run = self.run("healthy", &json!({}));
        assert_eq!(
            run["run"]["status"], "done",
            "the neighbour was harmed: {run:#}"
        );
    }

    /// A run of the flow named `kind` for an event of that type, ended.
    pub(crate) fn run(&self, kind: &str, data: &Value) -> Value {
        self.counter.set(self.counter.get() + 1);
        let response = self
            .host
            .publish(kind, &format!("{kind}-{}", self.counter.get()), data);
        assert_eq!(response.status, 202, "{}", response.body);
        let seq = response.json()["events"][0]["seq"]
            .as_i64()
            .expect("the answer has the event's place");
        let target = format!("/api/runs/{seq}.{kind}");
        wait(&format!("the end of run {seq}.{kind}"), || {
            let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
            let response =
                self.host
                    .send("GET", &target, &[("authorization", &authorization)], b"");
            let run = (response.status == 200).then(|| response.json())?;
            matches!(run["run"]["status"].as_str(), Some("done" | "dead")).then_some(run)
        })
    }

    /// Asserts that the host recorded a refusal that says all of `words`.
    pub(crate) fn refusal_is_recorded(&self, words: &[&str]) {
        wait(&format!("an audit record with {words:?}"), || {
            let records = self.host.get("/api/audit?outcome=denied&limit=1000");
            let records = records["records"].as_array().cloned().unwrap_or_default();
            records
                .iter()
                .map(Value::to_string)
                .find(|text| words.iter().all(|word| text.contains(word)))
        });
    }
}

/// Asserts that the run failed for good and its trace says `words`.
#[track_caller]
pub(crate) fn died_saying(run: &Value, words: &[&str]) {
    assert_eq!(
        run["run"]["status"], "dead",
        "it should have failed: {run:#}"
    );
    says(run, words);
}

/// Asserts that the run's trace says `words`.
#[track_caller]
pub(crate) fn says(run: &Value, words: &[&str]) {
    let text = run.to_string();
    for word in words {
        assert!(
            text.contains(word),
            "the run does not say {word:?}: {run:#}"
        );
    }
}

/// The most memory that the host ever had, bytes.
pub(crate) fn peak(host: &TestHost) -> u64 {
    memory(host, "VmHWM:")
}

/// A figure of the host's memory in `/proc/PID/status`, bytes.
pub(crate) fn memory(host: &TestHost, name: &str) -> u64 {
    figure(host.pid(), name).unwrap()
}

/// The same of any process; none where it has ended.
pub(crate) fn figure(pid: u32, name: &str) -> Option<u64> {
    let kib = word_after(pid, "status", name)?;
    Some(kib.parse::<u64>().unwrap() * 1024)
}

/// The first word after a name in a file of `/proc/PID`; none where the process has ended.
pub(crate) fn word_after(pid: u32, file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next().map(str::to_owned)
}
