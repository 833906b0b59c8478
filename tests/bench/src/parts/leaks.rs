//! Whether a secret, a hidden or a masked field of many calls is seen outside: in what the guest says, in the log, in the
//! API's answers, in the audit, in the host's files, or at the server that it calls.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::attacks::{CANARY, logging};
use crate::publish::Served;
use crate::sink::{Sink, free_port};
use crate::site;

/// Values that the system file has hidden or masked, as the events carry them.
const KEPT_BACK: [&str; 5] = [
    "canary-born-1980-02-29",
    "canary-note-51d0",
    "+49 170 5550173",
    "4111111155501234",
    "DE555017342",
];
/// What is left of the phone's number: seen where the guest was given the rest of its input.
const MASKED: &str = "+** *** ****173";
/// Runs that are looked at one by one, the newest.
const LOOKED_AT: usize = 1_000;

/// Calls to a server that gives everything back, then a look everywhere outside: places where a canary was seen. The log
/// of events holds what the events carried, and no secret.
pub(crate) async fn leaks(adapters: &Path, calls: usize) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let echo = echo_server(Arc::clone(&arrived)).await?;
    let sink = Sink::start(1, 1).await?;
    let port = free_port()?;
    site::write_e2e(folder.path(), adapters, port, sink.address)?;
    site::add_attacker(folder.path(), adapters, echo)?;
    site::keep_back(folder.path())?;
    let host = logging(folder.path(), port)?;
    let event = |n: usize| json!({"specversion": "1.0", "type": "attack", "source": "/bench", "id": format!("c-{n}"), "data": deed(n)});
    host.publish(calls, event).await?;
    let looked_at = calls.min(LOOKED_AT);
    until_finished(&host, looked_at).await?;
    let (events, other) = answers(&host, looked_at).await?;
    ensure!(
        other.contains(MASKED),
        "no run shows the masked phone: the guest was given nothing, and nothing was tried"
    );
    drop(host);
    let mut found = secrets(&events) + secrets(&other) + kept_back(&other);
    found += arrived.load(Ordering::Relaxed);
    let database = folder.path().join("data/tombolo.db");
    for record in audit(&database)? {
        found += kept_back(&record);
    }
    let mut files = vec![folder.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                files.push(entry?.path());
            }
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        found += secrets(&text);
        if !is_store(&path) {
            found += kept_back(&text);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count that should be nothing")]
    let found = found as f64;
    Ok(found)
}

/// What an event has the guest do, with fields that it must not see at every depth.
fn deed(n: usize) -> Value {
    let [born, note, phone, card, passport] = KEPT_BACK;
    let mut deed = match n % 6 {
        0 => {
            json!({"do": "http", "connection": "api", "method": "GET", "path": format!("/orders/{n}")})
        }
        1 => json!({"do": "http", "connection": "api", "method": "GET", "path": "/not/granted"}),
        2 => json!({"do": "hmac", "key": "signing", "message": "x"}),
        3 => json!({"do": "fail", "text": format!("it fails for {passport} here")}),
        4 => json!({"do": "echo"}),
        _ => json!({"do": "obey", "connection": "api", "path": format!("/orders/{n}/notes"),
            "body": {"birthday": born, "lines": [{"Phone": phone}], "text": format!("of {passport}")}}),
    };
    deed["birthday"] = born.into();
    deed["customer"] = json!({"notes": [note, {"more": note}], "phone": phone});
    deed["lines"] = json!([{"birthday": born, "deep": [[{"card-number": card}]]}]);
    deed["passport"] = format!("{passport} until 2031").into();
    deed
}

fn secrets(text: &str) -> usize {
    text.matches(CANARY).count()
}

fn kept_back(text: &str) -> usize {
    let found = KEPT_BACK.iter().map(|value| text.matches(value).count());
    found.sum()
}

/// The file of the log of events, and those beside it.
fn is_store(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("tombolo.db")
}

/// What the API says: of events, and of all else.
async fn answers(host: &Served, runs: usize) -> anyhow::Result<(String, String)> {
    let get = async |target: &str| {
        let answer = host.get(target).await?;
        answer.with_context(|| format!("no answer of {target}"))
    };
    let events = get("/api/events?limit=1000").await?.to_string();
    let mut other = String::new();
    for target in [
        "/api/systems",
        "/api/runs?limit=1000",
        "/api/dead?limit=1000",
        "/api/audit?limit=1000",
        "/api/audit?limit=1000&outcome=denied",
    ] {
        other.push_str(&without_events(get(target).await?).to_string());
    }
    let newest = get(&format!("/api/runs?flow=attack&limit={runs}")).await?;
    for run in newest.as_array().into_iter().flatten() {
        let id = run["id"].as_str().unwrap_or_default();
        let run = get(&format!("/api/runs/{id}")).await?;
        other.push_str(&without_events(run).to_string());
    }
    Ok((events, other))
}

/// An answer without what the host itself was given: events, and the inputs that it made of them.
fn without_events(answer: Value) -> Value {
    match answer {
        Value::Object(fields) => {
            let own = |(name, _): &(String, Value)| !matches!(&**name, "event" | "input" | "data");
            let fields = fields.into_iter().filter(own);
            fields
                .map(|(name, value)| (name, without_events(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(without_events).collect(),
        other => other,
    }
}

/// Every record of the audit.
fn audit(database: &Path) -> anyhow::Result<Vec<String>> {
    let database = rusqlite::Connection::open(database)?;
    let mut records = database.prepare("SELECT record FROM audit")?;
    let records = records.query_map([], |row| row.get(0))?;
    Ok(records.collect::<Result<_, _>>()?)
}

/// Waits until the newest runs ended and no newer ones came.
async fn until_finished(host: &Served, count: usize) -> anyhow::Result<()> {
    let mut before = Value::Null;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let runs = host.get("/api/runs?flow=attack&limit=1000").await?;
        let runs = runs.unwrap_or_default();
        let is_final = |run: &Value| matches!(run["status"].as_str(), Some("done" | "dead"));
        let ended = runs
            .as_array()
            .is_some_and(|runs| runs.len() >= count && runs.iter().all(is_final));
        if ended && runs[0]["id"] == before {
            return Ok(());
        }
        before = runs[0]["id"].clone();
    }
}

/// Answers every request with all that it got, and counts what arrived that was kept back.
async fn echo_server(arrived: Arc<AtomicUsize>) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let arrived = Arc::clone(&arrived);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while stream
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|read| read > 0)
                {
                    let text = String::from_utf8_lossy(&request).into_owned();
                    if !is_whole(&text) {
                        continue;
                    }
                    arrived.fetch_add(kept_back(&text), Ordering::Relaxed);
                    let length = text.len();
                    let answer =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    request.clear();
                }
            });
        }
    });
    Ok(address)
}

/// Whether a request's body is there to its end.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
