//! The host's process: started, asked, killed and started again.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::built::tombolo;
use crate::site::{TOKEN, TOKEN_VARIABLE, TestSite};

/// How long anything may take before a test gives up: far above what it takes, so that only what never comes fails.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How long the log of a host that has ended is waited for.
const LAST_LINES: Duration = Duration::from_secs(2);

/// An answer of the host.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }
}

/// A running host; killed with this value. A panic in it, which is always a bug, fails the test then.
pub struct TestHost {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    /// Told when its log has ended.
    log_ended: Mutex<mpsc::Receiver<()>>,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl TestHost {
    /// Starts `tombolo serve` on the site and waits until it listens.
    pub fn start(site: &TestSite, environment: &[(&str, &str)]) -> Self {
        let mut child = outliving_full_disks(tombolo())
            .arg("serve")
            .arg(site.path())
            .env(TOKEN_VARIABLE, TOKEN)
            .env("TOMBOLO_LOG", "info")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        let (ended, log_ended) = mpsc::channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap().push(line));
            // Nobody waits for it where the host did not even start.
            let _ = ended.send(());
        });
        let address = wait("the host listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!(
                    "the host ended with {status}:\n{}",
                    log.lock().unwrap().join("\n")
                );
            }
            let log = log.lock().unwrap();
            log.iter().find_map(|line| listening(line))
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            // A kept connection may be closed by the host just when the next request goes out on it.
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self {
            child,
            address,
            log,
            log_ended: Mutex::new(log_ended),
            runtime,
            client,
        }
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits; returns its exit code.
    pub fn stop(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Has it read its site again.
    pub fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// From now on no file of the host can grow; or again as much as it likes.
    pub fn disk_is_full(&self, full: bool) {
        let limit = rustix::process::Rlimit {
            current: full.then_some(0),
            maximum: None,
        };
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is alive.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a request as it is.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let url = format!("http://{}{target}", self.address);
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.runtime.block_on(async {
            let response = request
                .send()
                .await
                .unwrap_or_else(|error| panic!("{method} {target}: {error:?}"));
            let headers = response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
                .collect();
            Response {
                status: response.status().as_u16(),
                headers,
                body: response.text().await.unwrap(),
            }
        })
    }

    /// Asks the API with the test's token.
    pub fn get(&self, target: &str) -> Value {
        let response = self.send(
            "GET",
            target,
            &[("authorization", &format!("Bearer {TOKEN}"))],
            b"",
        );
        assert_eq!(response.status, 200, "GET {target}: {}", response.body);
        response.json()
    }

    /// Posts JSON to the API with the test's token.
    pub fn post(&self, target: &str, body: &Value) -> Response {
        let headers = [
            ("authorization", &*format!("Bearer {TOKEN}")),
            ("content-type", "application/json"),
        ];
        self.send("POST", target, &headers, body.to_string().as_bytes())
    }

    /// Publishes one event of `kind`.
    pub fn publish(&self, kind: &str, id: &str, data: &Value) -> Response {
        let event = serde_json::json!({"specversion": "1.0", "type": kind, "source": "/test", "id": id, "data": data});
        let headers = [
            ("authorization", &*format!("Bearer {TOKEN}")),
            ("content-type", "application/cloudevents+json"),
        ];
        self.send("POST", "/events", &headers, event.to_string().as_bytes())
    }

    /// Waits until a run of `flow` has `status`, and returns the run with its trace.
    pub fn wait_for_run(&self, flow: &str, status: &str) -> Value {
        let id = wait(&format!("a run of {flow} that is {status}"), || {
            let runs = self.get(&format!("/api/runs?flow={flow}&status={status}"));
            runs.as_array()?.first()?["id"].as_str().map(str::to_owned)
        });
        self.get(&format!("/api/runs/{id}"))
    }

    /// Waits until `seen` finds what it looks for.
    pub fn wait_for<T>(&self, what: &str, mut seen: impl FnMut(&Self) -> Option<T>) -> T {
        wait(what, || seen(self))
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A program that the host started may hold the log open for longer.
        let _ = self.log_ended.lock().unwrap().recv_timeout(LAST_LINES);
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("the host's log:\n{log}");
        } else if let Some(panic) = panic_in(&log) {
            panic!("the host panicked, which no input may bring about: {panic}\nits log:\n{log}");
        }
    }
}

/// The line of a log that says that a thread of the host panicked. What a guest or a sender wrote stands within a line of
/// the host's own.
fn panic_in(log: &str) -> Option<&str> {
    let says_so = |line: &&str| line.starts_with("thread '") && line.contains(" panicked at ");
    log.lines().find(says_so)
}

/// A program for which a file over its process's limit is an error of the write, as on a full disk, and not a signal's end.
pub fn outliving_full_disks(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"])
        .arg(program);
    command
}

/// The address in the line of a log that says where the host listens.
pub fn listening(line: &str) -> Option<SocketAddr> {
    if !line.contains("serving") {
        return None;
    }
    let from = line.find("127.0.0.1:")?;
    let text: String = line[from..]
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':'))
        .collect();
    text.parse().ok()
}

/// Asks again until there is an answer; fails with `what` when none comes.
pub fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited {} s in vain for: {what}",
            PATIENCE.as_secs()
        );
        std::thread::sleep(Duration::from_millis(20)); // reason: a pause between two looks at another process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_host_is_found_and_what_others_wrote_of_one_is_not() {
        let log = "2026-11-22T13:05:00Z INFO serving address=127.0.0.1:1\n\
            thread 'tokio-runtime-worker' (71) panicked at host/server/src/core.rs:7:5:\nas told\n";
        assert!(panic_in(log).is_some_and(|line| line.contains("core.rs:7:5")));
        let guest = "2026-11-22T13:05:00Z WARN system=shop thread 'main' panicked at a.rs:1:1";
        assert_eq!(panic_in(guest), None);
    }
}
