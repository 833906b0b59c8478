//! The same hook, mapping and HTTP request by Node-RED 5 (nodered.org), beside the host in one run. Node-RED stores
//! nothing and here checks no signature, so the comparison favours it. It comes from npm; the ratio is 0 where it never
//! ran.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::e2e::{self, Size};
use crate::figures::{Figures, median};
use crate::load;
use crate::process::Process;
use crate::sink::free_port;
use crate::site;

/// What is compared with, and the Node.js it needs, which also comes from npm.
const PACKAGES: [&str; 2] = ["node-red@5.0.7", "node@22"];
const PROGRAM: &str = "node-red/red.js";
const ROUNDS: usize = 3;
/// The figure of the order.
pub(crate) const KEY: &str = "node_red_ratio";

/// Events of a round, so many that both work for about as long.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) host: Size,
    pub(crate) node_red: Size,
}

/// Measures host and Node-RED in turn.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    sizes: Sizes,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    say("node-red: installing it from npm");
    let modules = match installed() {
        Ok(modules) => modules,
        Err(error) => {
            say(&format!("node-red: not run: {error:#}"));
            return Ok(());
        }
    };
    let runtime = super::runtime()?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        say(&format!("node-red: round {round} of {ROUNDS}"));
        let host = runtime.block_on(e2e::host_round(adapters, sizes.host))?;
        let node_red = runtime.block_on(round_of(&modules, sizes.node_red))?;
        ours.push(host.per_second);
        theirs.push(node_red.per_second);
        say(&format!(
            "host {:.0}/s at {:.0} us",
            host.per_second, host.cpu_us
        ));
        ratios.push(host.per_second / node_red.per_second);
    }
    figures.note(
        "node_red_host_per_second",
        median(&mut ours),
        "events a second by the host in the same rounds, durable",
    );
    figures.note(
        "node_red_per_second",
        median(&mut theirs),
        "events a second by Node-RED, not durable, signature not checked",
    );
    figures.note(
        KEY,
        median(&mut ratios),
        "host over Node-RED, median of rounds; at least 6",
    );
    Ok(())
}

async fn round_of(modules: &Path, size: Size) -> anyhow::Result<e2e::Reached> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let (sink, port) = (e2e::new_sink(size).await?, free_port()?);
    let flow = folder.path().join("flow.json");
    std::fs::write(&flow, flow_text(&format!("http://{}", sink.address)))?;
    std::fs::write(
        folder.path().join("settings.js"),
        "module.exports = { uiHost: '127.0.0.1', logging: { console: { level: 'fatal' } }, httpAdminRoot: false }",
    )?;
    let arguments = [
        modules.join(PROGRAM).display().to_string(),
        "--userDir".into(),
        folder.path().display().to_string(),
        "--port".into(),
        port.to_string(),
        flow.display().to_string(),
    ];
    let process = Process::of(&modules.join("node/bin/node"), &arguments, &[])?;
    flow_is_there(port).await?;
    e2e::measure(process, port, &sink, size).await
}

/// Node-RED listens before its flows do: waits until an order that the flow ignores is accepted.
async fn flow_is_there(port: u16) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://127.0.0.1:{port}{}", load::PATH);
    for _ in 0..600 {
        let request = client
            .post(&url)
            .header("content-type", "application/json")
            .body(r#"{"amount":0}"#);
        if request
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("Node-RED did not serve its flow within 30 s")
}

/// Node-RED's own file of a flow: hook in, function, request out, answer.
fn flow_text(sink: &str) -> String {
    let map = format!(
        "const o = msg.payload;\n\
         if (o.amount < 100) {{ msg.statusCode = 202; msg.payload = ''; return [null, msg]; }}\n\
         msg.url = '{sink}/customers/' + o.customer.id + '/bookings';\n\
         msg.method = 'POST';\n\
         msg.headers = {{ 'content-type': 'application/json', authorization: 'Bearer bench' }};\n\
         msg.payload = {{ order: o.id, n: o.n, customer: o.customer.id, text: `Order ${{o.id}} of ${{o.customer.name}}: ${{o.note}}` }};\n\
         return [msg, null];"
    );
    let done = "msg.statusCode = 202; msg.headers = {}; msg.payload = ''; return msg;";
    json!([
        { "id": "tab", "type": "tab", "label": "bench" },
        { "id": "in", "z": "tab", "type": "http in", "url": load::PATH, "method": "post", "wires": [["map"]] },
        { "id": "map", "z": "tab", "type": "function", "func": map, "outputs": 2, "wires": [["send"], ["answer"]] },
        { "id": "send", "z": "tab", "type": "http request", "method": "use", "ret": "txt", "persist": true, "wires": [["done"]] },
        { "id": "done", "z": "tab", "type": "function", "func": done, "outputs": 1, "wires": [["answer"]] },
        { "id": "answer", "z": "tab", "type": "http response", "wires": [] }
    ])
    .to_string()
}

/// The folder of Node-RED's packages, installed once into `target/bench/node-red`.
fn installed() -> anyhow::Result<PathBuf> {
    let folder = site::scratch()?.join("node-red");
    let modules = folder.join("node_modules");
    let ready = || modules.join(PROGRAM).exists() && modules.join("node/bin/node").exists();
    if ready() {
        return Ok(modules);
    }
    std::fs::create_dir_all(&folder)?;
    let status = Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
        ])
        .arg(&folder)
        .args(PACKAGES)
        .stdout(Stdio::null())
        .status()
        .context("npm cannot be run")?;
    if !status.success() || !ready() {
        bail!("npm could not install {}: {status}", PACKAGES.join(" and "));
    }
    Ok(modules)
}
