//! Runs a scenario's folder: `scenario.yaml` says what happens, `site/` is copied as the operator's folder.
//!
//! In the site's files `{{NAME}}` is the address of the recording server NAME, in what is sent `{{task}}` the id of the open
//! task. Steps run in order against the real
//! binary; each waits for the state it names, never for a time.

mod check;
mod hook;
mod task;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::built::{adapter, root};
use crate::host::TestHost;
use crate::server::{RecordingServer, Reply};
use crate::site::TestSite;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it shows, a sentence.
    #[expect(dead_code, reason = "for people")]
    title: String,
    #[serde(default)]
    adapters: Vec<String>,
    #[serde(default)]
    servers: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// File in the site to the SQL that makes it.
    #[serde(default)]
    databases: BTreeMap<String, String>,
    /// Systems that a reviewer approves before the start.
    #[serde(default)]
    approve: Vec<String>,
    /// What `tombolo check` prints instead of a run: each line must be contained.
    #[serde(default)]
    check_says: Vec<String>,
    /// What `tombolo flow test` prints, which must go well.
    #[serde(default)]
    flow_tests: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    /// Post to a hook, signed as told.
    Hook {
        to: String,
        #[serde(default)]
        body: Value,
        /// Instead of a JSON body.
        #[serde(default)]
        text: Option<String>,
        /// What stands in the answer.
        #[serde(default)]
        says: String,
        #[serde(default)]
        sign: Option<Sign>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        expect: u16,
    },
    Publish {
        r#type: String,
        id: String,
        data: Value,
        expect: u16,
        /// Headers that the answer has.
        #[serde(default)]
        answers: Vec<String>,
    },
    Run {
        flow: String,
        status: String,
        /// Text that stands somewhere in its trace.
        #[serde(default)]
        says: Vec<String>,
    },
    /// How many runs a flow has.
    Runs { flow: String, count: usize },
    /// Post to the API.
    Post {
        to: String,
        body: Value,
        expect: u16,
    },
    /// Answer the only open task.
    Answer { answer: String, by: String },
    /// SIGKILL, then start again.
    Kill {},
    /// What the next request to a server is answered.
    Reply {
        server: String,
        status: u16,
        #[serde(default)]
        body: Value,
        /// Instead of a JSON body.
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// What a server answers from now on to everything; without a status it answers `200 {}` again.
    Always {
        server: String,
        #[serde(default)]
        status: Option<u16>,
        #[serde(default)]
        body: Option<Value>,
    },
    /// Wait until `/api/systems` says something of a system: JSON pointers and what is there.
    System {
        name: String,
        says: BTreeMap<String, Value>,
    },
    /// Run `tombolo` with these arguments and `--site`; `{{site}}` is its folder; each text must be in what it prints.
    Command {
        run: Vec<String>,
        #[serde(default)]
        says: Vec<String>,
        #[serde(default)]
        code: i32,
    },
    /// Run `tombolo` with these arguments and nothing more: what needs no host, or none that runs.
    Tool {
        run: Vec<String>,
        #[serde(default)]
        says: Vec<String>,
        #[serde(default)]
        code: i32,
    },
    /// SIGKILL, and this folder of the site is gone.
    Lose { folder: String },
    /// Start the host again.
    Start {},
    /// The same as `command`, until it prints all of that.
    WaitCommand { run: Vec<String>, says: Vec<String> },
    /// All requests that a server got with this body had one and the same header.
    SameHeader {
        server: String,
        body: Value,
        name: String,
    },
    /// Wait until so many runs of a flow are done.
    Settled { flow: String, done: usize },
    /// What stands in a field of the bodies that were answered with 200, in order.
    Order {
        server: String,
        target: String,
        field: String,
        are: Vec<Value>,
    },
    /// Wait until a server has got so many requests; then compare the last.
    Received {
        server: String,
        count: usize,
        #[serde(default)]
        target: Option<String>,
        #[serde(default)]
        body: Option<Value>,
        /// Texts that stand in the body.
        #[serde(default)]
        says: Vec<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Compare a query's rows.
    Rows {
        database: String,
        query: String,
        are: Vec<Vec<Value>>,
    },
    /// Write a site file and wait until the log says something.
    Write {
        file: String,
        text: String,
        log_says: String,
    },
    /// Write a file that no reload follows, as a rotated secret is.
    Put { file: String, text: String },
    /// Send SIGHUP and wait until the log says something.
    HangUp { log_says: String },
    /// No file of the host can grow any more, or all can again.
    DiskIsFull(bool),
    /// Wait until the log has said something.
    LogSays(String),
    /// How many events the log has of a type.
    Events { r#type: String, count: usize },
    /// Approve a system while the host runs, and wait until it is running.
    Approve { system: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sign {
    /// Variable that holds the `whsec_` secret.
    secret: String,
    id: String,
    /// Seconds to add to the present time.
    #[serde(default)]
    skew: i64,
}

/// Runs the scenario of `tests/scenarios/NAME`.
pub fn run(name: &str) {
    let folder = root().join("tests/scenarios").join(name);
    let text = fs::read_to_string(folder.join("scenario.yaml"))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let scenario: Scenario = serde_saphyr::from_str(&text)
        .unwrap_or_else(|error| panic!("{name}/scenario.yaml: {error}"));
    Running::prepare(&folder, &scenario).play(&scenario);
}

struct Running {
    site: TestSite,
    host: Option<TestHost>,
    servers: BTreeMap<String, RecordingServer>,
    environment: Vec<(String, String)>,
}

impl Running {
    fn prepare(folder: &Path, scenario: &Scenario) -> Self {
        let site = TestSite::new();
        let servers: BTreeMap<String, RecordingServer> = scenario
            .servers
            .iter()
            .map(|name| (name.clone(), RecordingServer::start()))
            .collect();
        let values: Vec<(String, String)> = servers
            .iter()
            .map(|(name, server)| (name.clone(), server.address.to_string()))
            .collect();
        for name in &scenario.adapters {
            site.adapter(name, &adapter(&format!("plugins/{name}")));
        }
        site.copy(&folder.join("site"), &values);
        for (file, sql) in &scenario.databases {
            rusqlite::Connection::open(site.path().join(file))
                .unwrap()
                .execute_batch(sql)
                .unwrap();
        }
        for system in &scenario.approve {
            site.approve(system);
        }
        let environment = scenario.environment.clone().into_iter().collect();
        Self {
            site,
            host: None,
            servers,
            environment,
        }
    }

    fn play(mut self, scenario: &Scenario) {
        if !scenario.check_says.is_empty() {
            let (code, out, err) =
                crate::built::run(&["check", self.site.path().to_str().unwrap()], &[]);
            assert_eq!(code, 1, "check found nothing wrong:\n{out}{err}");
            for line in &scenario.check_says {
                assert!(
                    out.contains(line) || err.contains(line),
                    "check does not say {line:?}:\n{out}{err}"
                );
            }
        }
        if let Some(line) = &scenario.flow_tests {
            let site = self.site.path().to_str().unwrap();
            let (code, out, err) = crate::built::run(&["flow", "test", "--site", site], &[]);
            assert!(code == 0 && out.contains(line), "{out}{err}");
        }
        if scenario.steps.is_empty() {
            return;
        }
        self.start();
        for step in &scenario.steps {
            self.step(step);
        }
        assert!(
            self.host.as_mut().unwrap().is_alive(),
            "the host ended by itself"
        );
    }

    fn start(&mut self) {
        let environment: Vec<(&str, &str)> = self
            .environment
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        self.host = Some(TestHost::start(&self.site, &environment));
    }

    fn host(&self) -> &TestHost {
        self.host.as_ref().unwrap()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Hook {
                to,
                body,
                text,
                says,
                sign,
                headers,
                expect,
            } => {
                let body = text.clone().unwrap_or_else(|| body.to_string());
                let body = self.with_task(body);
                let answer = self.hook(to, &body, sign.as_ref(), headers, *expect);
                assert!(
                    answer.contains(says),
                    "hook {to} does not say {says:?}: {answer}"
                );
            }
            Step::Publish {
                r#type,
                id,
                data,
                expect,
                answers,
            } => {
                let data = self.with_task(data.to_string()).parse().unwrap();
                let response = self.host().publish(r#type, id, &data);
                assert_eq!(response.status, *expect, "publish: {}", response.body);
                for name in answers {
                    let has = response.headers.iter().any(|(header, _)| header == name);
                    assert!(has, "no {name} in {:?}", response.headers);
                }
            }
            Step::Run { flow, status, says } => {
                let run = self.host().wait_for_run(flow, status).to_string();
                for text in says {
                    assert!(run.contains(text), "the run does not say {text:?}: {run}");
                }
            }
            Step::Runs { flow, count } => {
                let runs = self.host().wait_for("so many runs", |host| {
                    let runs = host.get(&format!("/api/runs?flow={flow}"));
                    Some(runs)
                        .filter(|runs| runs.as_array().is_some_and(|runs| runs.len() >= *count))
                });
                assert_eq!(runs.as_array().map(Vec::len), Some(*count), "{runs}");
            }
            Step::Post { to, body, expect } => {
                let response = self.host().post(to, body);
                assert_eq!(response.status, *expect, "{to}: {}", response.body);
            }
            Step::Answer { answer, by } => self.answer(answer, by),
            Step::Kill {} => {
                self.host.take().unwrap().kill();
                self.start();
            }
            Step::Reply {
                server,
                status,
                body,
                text,
                headers,
            } => {
                let body = text.clone().unwrap_or_else(|| body.to_string());
                let mut reply = Reply::json(*status, &body);
                reply.headers.extend(headers.clone());
                self.servers[server].reply(reply);
            }
            Step::Always {
                server,
                status,
                body,
            } => self.always(server, *status, body.as_ref()),
            Step::System { name, says } => self.system(name, says),
            Step::Command { run, says, code } => self.command(run, says, *code),
            Step::Tool { run, says, code } => self.tool(run, says, *code),
            Step::Lose { folder } => {
                self.host.take().unwrap().kill();
                fs::remove_dir_all(self.site.path().join(folder)).unwrap();
            }
            Step::Start {} => self.start(),
            Step::WaitCommand { run, says } => self.wait_command(run, says),
            Step::SameHeader { server, body, name } => self.same_header(server, body, name),
            Step::Settled { flow, done } => self.host().wait_for("so many runs are done", |host| {
                let runs = host.get(&format!("/api/runs?flow={flow}&status=done&limit=1000"));
                (runs.as_array().map(Vec::len) == Some(*done)).then_some(())
            }),
            Step::Order {
                server,
                target,
                field,
                are,
            } => self.order(server, target, field, are),
            Step::Received {
                server,
                count,
                target,
                body,
                says,
                headers,
            } => {
                self.received(server, *count, target.as_deref(), body.as_ref(), headers);
                let got = self.servers[server].received();
                let last = got.last().map_or("", |last| last.body.as_str());
                for text in says {
                    assert!(
                        last.contains(text),
                        "the request does not say {text:?}: {last}"
                    );
                }
            }
            Step::Rows {
                database,
                query,
                are,
            } => assert_eq!(self.rows(database, query), *are, "{query}"),
            Step::Write {
                file,
                text,
                log_says,
            } => {
                let seen = self.host().log().len();
                self.site.write(file, text);
                self.host().wait_for(log_says, |host| {
                    host.log()[seen..].contains(log_says).then_some(())
                });
            }
            Step::Put { file, text } => {
                self.site.write(file, text);
            }
            Step::HangUp { log_says } => {
                let seen = self.host().log().len();
                self.host().hang_up();
                self.host().wait_for(log_says, |host| {
                    host.log()[seen..].contains(log_says).then_some(())
                });
            }
            Step::DiskIsFull(full) => self.host().disk_is_full(*full),
            Step::LogSays(words) => self
                .host()
                .wait_for(words, |host| host.log().contains(words).then_some(())),
            Step::Events { r#type, count } => {
                let events = self
                    .host()
                    .get(&format!("/api/events?type={type}&limit=1000"));
                assert_eq!(events.as_array().map(Vec::len), Some(*count), "{events}");
            }
            Step::Approve { system } => self.approve(system),
        }
    }

    fn approve(&self, system: &str) {
        self.site.approve(system);
        self.host().wait_for("the system runs", |host| {
            let systems = host.get("/api/systems");
            let systems = systems.as_array().cloned()?;
            systems
                .iter()
                .find(|status| status["system"] == *system && status["state"] == "running")
                .map(|_| ())
        });
    }
}

/// The folders of `tests/scenarios`.
pub fn all() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.yaml").exists())
        .collect();
    found.sort();
    found
}
