//! An adapter that does whatever its input says. Hostile tests grant it little and ask it for much.

use std::cell::Cell;
use std::hint::black_box;

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::http::{Method, Request};
use tombolo_sdk::{
    ActionCall, Adapter, Event, Failure, Inbound, Json, Page, Reception, actions, keys, log, sql,
    store, to_json,
};

struct Attacker {
    calls: Cell<u32>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Deed {
    /// Says what it got, and which call of this instance it is.
    Echo {},
    Loop {},
    /// Grows its memory until it cannot.
    Grow {},
    Recurse {},
    Trap {},
    /// Answers with so many bytes.
    Answer {
        bytes: usize,
    },
    /// Logs so many lines of a text.
    Log {
        text: String,
        lines: u32,
    },
    Http {
        connection: String,
        method: String,
        path: String,
        #[serde(default)]
        query: Vec<(String, String)>,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: Option<String>,
    },
    /// Posts so many bytes.
    Pour {
        connection: String,
        path: String,
        bytes: usize,
    },
    /// Posts under the call's key, and traps where the answer says so.
    Obey {
        connection: String,
        path: String,
        body: Value,
    },
    Sql {
        statement: String,
        parameters: Value,
    },
    Hmac {
        key: String,
        message: String,
    },
    Keep {
        key: String,
        value: String,
    },
    Kept {
        key: String,
    },
    Keys {
        prefix: String,
    },
    /// Tries every look-up it has until the host says no.
    Flood {},
    /// Keeps so many tiny values until the host says no.
    Litter {
        count: u32,
    },
    /// Sends again and again, and waits each time; before each it works for so many turns.
    Hammer {
        connection: String,
        path: String,
        turns: u64,
        timeout_ms: Option<u32>,
    },
    /// Asks another system to do something.
    Call {
        system: String,
        input: Value,
    },
    /// Asks another system to ask this one the same.
    Bounce {
        here: String,
        there: String,
    },
    /// Fails in words of the tester's choice, and logs them.
    Fail {
        text: String,
    },
}

impl Adapter for Attacker {
    fn start() -> Result<Self, Failure> {
        Ok(Self {
            calls: Cell::new(0),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        self.calls.set(self.calls.get() + 1);
        let said = match call.parse()? {
            Deed::Echo {} => {
                json!({"input": call.input, "calls": self.calls.get(), "key": call.idempotency_key})
            }
            Deed::Loop {} => endless(),
            Deed::Grow {} => grow(),
            Deed::Recurse {} => json!(recurse(1)),
            #[expect(clippy::panic, reason = "this is the attack")]
            Deed::Trap {} => panic!("as told"),
            Deed::Answer { bytes } => json!("x".repeat(bytes)),
            Deed::Log { text, lines } => {
                for _ in 0..lines {
                    log::info(&text);
                }
                json!({"logged": lines})
            }
            Deed::Http {
                connection,
                method,
                path,
                query,
                headers,
                body,
            } => http(&connection, &method, path, query, headers, body)?,
            Deed::Pour {
                connection,
                path,
                bytes,
            } => {
                let body = Some("x".repeat(bytes));
                http(&connection, "POST", path, Vec::new(), Vec::new(), body)?
            }
            Deed::Obey {
                connection,
                path,
                body,
            } => obey(&connection, path, &body, &call.idempotency_key)?,
            Deed::Sql {
                statement,
                parameters,
            } => match sql::run_json("db", &statement, &to_json(&parameters)?) {
                Ok(outcome) => json!({"rows": outcome.rows, "affected": outcome.affected}),
                Err(error) => json!({"error": format!("{error:?}")}),
            },
            Deed::Hmac { key, message } => json!(format!(
                "{:?}",
                keys::hmac(&key, keys::Hash::Sha256, message.as_bytes())
            )),
            Deed::Keep { key, value } => json!(format!("{:?}", store::set(&key, value.as_bytes()))),
            Deed::Kept { key } => json!(format!("{:?}", store::get(&key))),
            Deed::Keys { prefix } => json!(format!("{:?}", store::keys(&prefix, None, 1000))),
            Deed::Flood {} => flood(),
            Deed::Litter { count } => litter(count),
            Deed::Hammer {
                connection,
                path,
                turns,
                timeout_ms,
            } => hammer(&connection, path, turns, timeout_ms),
            Deed::Call { system, input } => actions::call(&system, "go", &input)?,
            Deed::Bounce { here, there } => actions::call(
                &there,
                "go",
                &json!({"do": "bounce", "here": there, "there": here}),
            )?,
            Deed::Fail { text } => {
                log::warn(&text);
                return Err(Failure::rejected(&*text, &*text));
            }
        };
        to_json(&said)
    }

    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        if let Some(path) = inbound.header("x-calls") {
            // Whatever comes of it: the host has seen the attempt.
            let _ = Request::new("api", Method::Get, path).send();
        }
        let event: Event = Event::new(
            inbound.header("x-type").unwrap_or("attack.received"),
            inbound.text()?.to_owned(),
        );
        let count = inbound.header("x-count").and_then(|text| text.parse().ok());
        Ok(Reception {
            events: vec![event; count.unwrap_or(1)],
            answer: None,
        })
    }

    /// Asks for what the cursor names and brings one event, which says what came of that.
    fn read(&self, _feed: &str, cursor: Option<&str>, _limit: u32) -> Result<Page, Failure> {
        let path = cursor.unwrap_or("/orders/first");
        let sent = Request::new("api", Method::Get, path).send();
        let said = json!({"path": path, "refused": sent.err().map(|error| format!("{error:?}"))});
        Ok(Page {
            events: vec![Event::new("attack.received", to_json(&said)?)],
            cursor: None,
            more: false,
        })
    }
}

fn endless() -> Value {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            return json!(turns);
        }
    }
}

fn grow() -> Value {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(black_box(vec![1; 1 << 20]));
        if kept.len() > 1 << 14 {
            return json!(kept.len());
        }
    }
}

#[expect(unconditional_recursion, reason = "this is the attack")]
fn recurse(depth: u64) -> u64 {
    let local = black_box([depth; 64]);
    recurse(black_box(depth + 1)) + local[0]
}

fn flood() -> Value {
    let mut count = 0_u32;
    while store::get("flood").is_ok() {
        count += 1;
        if count > 1_000_000 {
            break;
        }
    }
    json!({"calls": count})
}

fn litter(count: u32) -> Value {
    for kept in 0..count {
        if let Err(error) = store::set(&format!("k{kept}"), b"") {
            return json!({"kept": kept, "error": format!("{error:?}")});
        }
    }
    json!({"kept": count})
}

fn hammer(connection: &str, path: String, turns: u64, timeout_ms: Option<u32>) -> Value {
    let mut request = Request::new(connection, Method::Get, path);
    if let Some(timeout) = timeout_ms {
        request = request.timeout_ms(timeout);
    }
    let mut sent = 0_u32;
    while sent < 1_000 {
        for turn in 0..turns {
            black_box(turn);
        }
        black_box(request.send().is_ok());
        sent += 1;
    }
    json!({"sent": sent})
}

fn http(
    connection: &str,
    method: &str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
) -> Result<Value, Failure> {
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => {
            return Err(Failure::internal(format!(
                "the attacker has no method {other}"
            )));
        }
    };
    let mut request = Request::new(connection, method, path);
    for (name, value) in query {
        request = request.query(name, value);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.body("text/plain", body);
    }
    Ok(match request.send() {
        Ok(response) => {
            json!({"status": response.status, "headers": response.headers, "body": String::from_utf8_lossy(&response.body)})
        }
        Err(error) => json!({"error": format!("{error:?}")}),
    })
}

fn obey(connection: &str, path: String, body: &Value, key: &str) -> Result<Value, Failure> {
    let answer: Value = Request::new(connection, Method::Post, path)
        .header("Idempotency-Key", key)
        .body("application/json", body.to_string())
        .call()?
        .json()?;
    assert_ne!(answer["trap"], true, "as the answer said");
    Ok(answer)
}

tombolo_sdk::export!(Attacker);
