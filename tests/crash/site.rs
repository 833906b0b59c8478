//! The site under test: a hook, a sink, and one flow for each way in which a run can be interrupted.
//!
//! A flow's name is also the name of its load: `LOADS` says how it is fed. A new kind of step gets its flow here.

use std::net::SocketAddr;

use tombolo_tests::built::{adapter, scratch};
use tombolo_tests::site::TestSite;

/// How a flow is fed.
pub(crate) struct Load {
    /// The flow's name; its events are of type `load.NAME`.
    pub(crate) flow: &'static str,
    /// Senders, each with a key of its own.
    pub(crate) keys: u32,
    /// Through the hook, or published.
    pub(crate) by_hook: bool,
    /// Events that one sender may be ahead of the sink; 0: it sends one a life of the host, for runs that stay.
    pub(crate) ahead: u64,
    /// Its runs have a lane.
    pub(crate) in_order: bool,
    /// The last step of a run that went well.
    pub(crate) last_step: u32,
}

/// All loads.
pub(crate) const LOADS: [Load; 5] = [
    Load {
        flow: "plain",
        keys: 6,
        by_hook: false,
        ahead: 20,
        in_order: true,
        last_step: 1,
    },
    Load {
        flow: "posted",
        keys: 4,
        by_hook: true,
        ahead: 20,
        in_order: true,
        last_step: 1,
    },
    Load {
        flow: "asked",
        keys: 6,
        by_hook: false,
        ahead: 4,
        in_order: true,
        last_step: 3,
    },
    Load {
        flow: "timed",
        keys: 2,
        by_hook: true,
        ahead: 10,
        in_order: true,
        last_step: 2,
    },
    Load {
        flow: "parked",
        keys: 1,
        by_hook: false,
        ahead: 0,
        in_order: false,
        last_step: 1,
    },
];

/// The token that the hook's sender shows.
pub(crate) const HOOK_TOKEN: &str = "hook-token-0123456789";
/// The variable that holds it.
pub(crate) const HOOK_TOKEN_VARIABLE: &str = "CRASH_HOOK_TOKEN";

const RETRY: &str = "retry: { attempts: 100, backoff: 10ms, most: 40ms }";

/// Writes and approves it.
pub(crate) fn write(site: &TestSite, sink: SocketAddr) {
    for name in ["webhook", "rest"] {
        site.adapter(name, &adapter(&format!("plugins/{name}")));
    }
    let types: Vec<String> = LOADS
        .iter()
        .map(|load| format!("load.{}", load.flow))
        .collect();
    site.write(
        "systems/source.yaml",
        &format!(
            "adapter: adapters/webhook.wasm\nkeys: {{ token: env:{HOOK_TOKEN_VARIABLE} }}\nhooks:\n  post:\n    summary: Events of the driver\n    do: {{ verify: {{ token: {{ header: X-Token }} }}, type: {{ pointer: /flow, prefix: load. }}, id: /id, subject: /key }}\nemits: [{}]\n",
            types.join(", ")
        ),
    );
    site.write(
        "systems/sink.yaml",
        &format!(
            r#"adapter: adapters/rest.wasm
connections:
  api: {{ http: "http://{sink}", network: private, allow: ["POST /entries"] }}
actions:
  entry.add:
    effect: write
    summary: Takes an entry
    input: {{ type: object, required: [flow, key, n, step], properties: {{ flow: {{ type: string }}, key: {{ type: string }}, n: {{ type: integer }}, step: {{ type: integer }} }} }}
    do: {{ method: POST, path: /entries, body: input, timeout-ms: 150, idempotency-header: Idempotency-Key }}
"#
        ),
    );
    site.write(
        "flows/plain.yaml",
        &flow("plain", true, &call("plain", 1, "")),
    );
    site.write(
        "flows/posted.yaml",
        &flow("posted", true, &call("posted", 1, "")),
    );
    let asked = format!(
        r#"{}  - id: ok
    ask: {{ role: clerk, question: "Is ${{event.data.n}} right?", options: [yes, no] }}
    timeout: 150ms
  - if: steps.ok.answer != "no"
    then:
{}{}"#,
        call("asked", 1, ""),
        indented(&call("asked", 2, "")),
        call("asked", 3, "")
    );
    site.write("flows/asked.yaml", &flow("asked", true, &asked));
    let timed = format!(
        "{}{}",
        call("timed", 1, "    timeout: 2s\n"),
        call("timed", 2, "")
    );
    site.write("flows/timed.yaml", &flow("timed", true, &timed));
    let parked = format!(
        "{}  - ask: {{ role: nobody, question: \"For ever?\", options: [yes] }}\n    timeout: 48h\n",
        call("parked", 1, "")
    );
    site.write("flows/parked.yaml", &flow("parked", false, &parked));
    site.approve("source").approve("sink");
}

fn flow(name: &str, keyed: bool, steps: &str) -> String {
    let key = if keyed { "key: event.subject\n" } else { "" };
    format!("on: load.{name}\n{key}steps:\n{steps}")
}

/// A step that tells the sink where the run is.
fn call(flow: &str, step: u32, more: &str) -> String {
    format!(
        "  - call: sink.entry.add\n    with: {{ flow: {flow}, key: \"${{event.subject}}\", n: \"${{event.data.n}}\", step: {step} }}\n    {RETRY}\n{more}"
    )
}

fn indented(step: &str) -> String {
    step.lines().map(|line| format!("    {line}\n")).collect()
}

/// Copies the folder to where it can be looked at.
pub(crate) fn keep(site: &TestSite, seed: u64) {
    let to = scratch().join(format!("crash-{seed}"));
    let _ = std::fs::remove_dir_all(&to);
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(site.path())
        .arg(&to)
        .status();
    if copied.is_ok_and(|status| status.success()) {
        println!("the site is kept in {}", to.display());
    }
}
