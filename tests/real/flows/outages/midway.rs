//! A flow of two steps that both ask one server, and stands between them until the test lets it go on. Meanwhile the server
//! can be harmed; afterwards it is looked at itself.

use serde_json::{Value, json};
use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::servers::Process;

/// Where the system's file has its secret: `file:secret`.
const SECRET: &str = "secret";
const SYSTEM: &str = "systems/it.yaml";

/// A server of which the flow's second step makes something.
pub(super) trait Server {
    fn process(&mut self) -> &mut Process;
    /// What the second step is asked for; what it makes can be told from other cases'.
    fn input(&mut self, case: &str) -> Value;
    /// How often the server has it, as it says itself.
    fn made(&self, case: &str) -> usize;
}

/// The system and the flow's two calls.
pub(super) struct Plan<'a> {
    pub(super) adapter: &'a str,
    /// The system file, as far as it is particular; its name is `it`.
    pub(super) system: &'a str,
    pub(super) secret: &'a str,
    /// An action and its input.
    pub(super) first: (&'a str, Value),
    pub(super) second: &'a str,
}

/// An example's system file without its adapter and its feeds, which read all the time.
pub(super) fn without_feeds(system: &str) -> String {
    let mut is_left_out = false;
    let keeps = |line: &&str| {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            is_left_out = ["feeds:", "adapter:"]
                .iter()
                .any(|part| line.starts_with(part));
        }
        !is_left_out
    };
    let kept: Vec<&str> = system.lines().filter(keeps).collect();
    kept.join("\n")
}

/// How a run takes it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// It is tried again until the server is back.
    Waiting,
    /// It is a dead letter of this kind until somebody has it carried out again.
    Dying(&'static str),
}

/// A host with that system and that flow.
pub(super) struct Midway {
    site: TestSite,
    /// The system's file.
    system: String,
    host: TestHost,
}

impl Midway {
    pub(super) fn start(plan: &Plan<'_>) -> Self {
        let site = TestSite::new();
        site.adapter("it", &adapter(&format!("plugins/{}", plan.adapter)));
        let system = format!(
            "adapter: adapters/it.wasm\n{}\ndelivery: {{ backoff: 100 ms, most: 500 ms }}\n",
            plan.system
        );
        site.write(SYSTEM, &system);
        site.write(SECRET, plan.secret);
        let (first, input) = &plan.first;
        site.write(
            "flows/midway.yaml",
            &format!(
                "on: test.begins\nsteps:\n  - id: first\n    call: it.{first}\n    with: {input}\n  - wait: {{ on: test.goes-on, when: event.data.case == run.event.id }}\n  - id: second\n    call: it.{}\n    with: \"${{event.data}}\"\n",
                plan.second
            ),
        );
        site.approve("it");
        let host = TestHost::start(&site, &[]);
        Self { site, system, host }
    }

    /// Harms the server between the steps, mends it, and holds what became of it against what is expected: how the run takes
    /// it, and words that an operator reads.
    pub(super) fn case<S: Server>(
        &self,
        server: &mut S,
        name: &str,
        takes: Takes,
        words: &[&str],
        harm: impl FnOnce(&mut S),
        mend: impl FnOnce(&mut S),
    ) {
        let input = server.input(name);
        let run = self.begins(name, &input);
        harm(server);
        let read = self.goes_on(name, &run, takes);
        Self::reads(name, &read, words);
        mend(server);
        if let Takes::Dying(_) = takes {
            self.says(&["dead", "retry", &run, "--by", "mia", "--reason", name]);
        }
        self.is(&run, "done");
        assert_eq!(server.made(name), 1, "{name}: made once");
    }

    /// The server is killed, and started again on what it has on disk.
    pub(super) fn stopped<S: Server>(&self, server: &mut S, words: &[&str]) {
        let (stop, again) = (
            |server: &mut S| server.process().stop(),
            |server: &mut S| server.process().again(),
        );
        self.case(server, "stopped", Takes::Waiting, words, stop, again);
    }

    /// The server takes connections and does not answer within the call's deadline, which is short as long as it hangs.
    pub(super) fn slow<S: Server>(&self, server: &mut S, words: &[&str]) {
        let hang = |server: &mut S| {
            server.process().hang(true);
            self.has(
                SYSTEM,
                &format!("{}limits: {{ deadline: 2 s }}\n", self.system),
            );
        };
        self.case(server, "slow", Takes::Waiting, words, hang, |server| {
            server.process().hang(false);
            self.has(SYSTEM, &self.system);
        });
    }

    /// The connection has another password than the server, until the operator writes the right one.
    pub(super) fn wrong_password<S: Server>(
        &self,
        server: &mut S,
        right: &str,
        takes: Takes,
        words: &[&str],
    ) {
        let password = |text: &'static str| move |_: &mut S| self.has(SECRET, text);
        let right = right.to_owned();
        self.case(
            server,
            "wrong-password",
            takes,
            words,
            password("wrong"),
            |_| {
                self.has(SECRET, &right);
            },
        );
    }

    /// No file of the server can grow.
    pub(super) fn full_disk<S: Server>(&self, server: &mut S, takes: Takes, words: &[&str]) {
        let full = |full| move |server: &mut S| server.process().disk_is_full(full);
        self.case(server, "full", takes, words, full(true), full(false));
    }

    /// An input that the server has no room for is refused with these words, and a smaller one is taken in its place.
    pub(super) fn mended(&self, name: &str, input: &Value, words: &[&str], less: &Value) {
        let run = self.begins(name, input);
        let read = self.goes_on(name, &run, Takes::Dying("rejected"));
        Self::reads(name, &read, words);
        let less = less.to_string();
        self.says(&[
            "dead", "edit", &run, "--input", &less, "--by", "mia", "--reason", name,
        ]);
        self.is(&run, "done");
    }

    /// A file of the site has another text, which counts from now on.
    fn has(&self, file: &str, text: &str) {
        self.site.write(file, text);
        // Answers when it is done; what the log tells of may be a reload that was asked for before.
        let reloaded = self.host.post("/api/reload", &json!({}));
        assert_eq!(reloaded.status, 200, "{}", reloaded.body);
    }

    /// A run that has its first step behind it; its id.
    fn begins(&self, case: &str, input: &Value) -> String {
        let published = self.host.publish("test.begins", case, input);
        assert_eq!(published.status, 202, "{}", published.body);
        let run = format!("{}.midway", published.json()["events"][0]["seq"]);
        wait(&format!("{run} stands between its steps"), || {
            let found = self.found(&run)?;
            found["trace"]["steps"].get(1).map(|_| ())
        });
        run
    }

    /// Begins the second step, and waits until it failed as it should: what an operator reads then.
    fn goes_on(&self, case: &str, run: &str, takes: Takes) -> String {
        let go = json!({ "case": case });
        let published = self
            .host
            .publish("test.goes-on", &format!("go-{case}"), &go);
        assert_eq!(published.status, 202, "{}", published.body);
        if let Takes::Dying(kind) = takes {
            self.is(run, "dead");
            let list = self.says(&["dead", "list", "--kind", kind]);
            return format!("{list}{}", self.says(&["dead", "show", run]));
        }
        wait(&format!("an attempt of {case} that failed"), || {
            let run = self.host.get(&format!("/api/runs/{run}"));
            let attempts = &run["trace"]["steps"][2]["attempts"];
            attempts[0]["failure"].is_object().then_some(())
        });
        format!(
            "{}{}",
            self.says(&["system", "status"]),
            self.says(&["run", "show", run])
        )
    }

    /// That these words are in what an operator reads.
    #[track_caller]
    fn reads(name: &str, read: &str, words: &[&str]) {
        for word in words {
            assert!(read.contains(word), "{name}: no `{word}` in\n{read}");
        }
    }

    /// Waits until the run has this status.
    #[track_caller]
    fn is(&self, run: &str, status: &str) {
        wait(&format!("{run} is {status}"), || {
            let found = self.found(run)?;
            let is = found["run"]["status"].as_str()?;
            let is_dead = is == "dead" && status != "dead";
            assert!(
                !is_dead,
                "expected {status}, found a dead letter: {found:#}"
            );
            (is == status).then_some(())
        });
    }

    /// The run, once it is stored.
    fn found(&self, run: &str) -> Option<Value> {
        let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
        let headers = [("authorization", authorization.as_str())];
        let target = format!("/api/runs/{run}");
        let found = self.host.send("GET", &target, &headers, b"");
        (found.status == 200).then(|| found.json())
    }

    /// What a command prints, which goes well.
    fn says(&self, command: &[&str]) -> String {
        let address = self.host.address.to_string();
        let all = [command, &["--address", &address]].concat();
        let (code, out, err) = self.site.tombolo(&all);
        assert_eq!(code, 0, "{command:?}: {out}{err}");
        out
    }
}
