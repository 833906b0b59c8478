//! What servers, the store and other systems answer is what a guest reads, within the bounds; beyond them it is told.

use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::{Binding, Credential, HttpBinding, Inbound, SystemSpec};

use super::fixture::{Fixture, spec};
use super::guest::Guest;
use super::reach::calls;
use super::values::{each, nested, short, text};

/// Functions of the guests here: `$failed (error, cases with a text) -> result` fails with the error's text, or `cap` where
/// it has none; `$answer (body) -> result` answers a message; both make room for the next call.
pub(crate) const FUNCTIONS: &str = r#"
(data (i32.const 2048) "api/adbputallcap")
(data (i32.const 2064) "text/plain")
(func $failed (param i32 i32) (result i32)
  (i32.store8 (i32.const 512) (i32.const 1)) (i32.store8 (i32.const 520) (i32.const 2))
  (i32.store (i32.const 528) (i32.const 2061)) (i32.store (i32.const 532) (i32.const 3))
  (if (i32.and (i32.shr_u (local.get 1) (i32.load8_u (local.get 0))) (i32.const 1)) (then
    (i32.store (i32.const 528) (i32.load offset=8 (local.get 0))) (i32.store (i32.const 532) (i32.load offset=12 (local.get 0)))))
  (global.set $next (i32.const 65536))
  (i32.const 512))
(func $answer (param i32 i32) (result i32)
  (i32.store8 (i32.const 512) (i32.const 0)) (i32.store (i32.const 520) (i32.const 4096)) (i32.store (i32.const 524) (i32.const 0))
  (i32.store8 (i32.const 528) (i32.const 1)) (i32.store16 (i32.const 532) (i32.const 200))
  (i32.store (i32.const 536) (i32.const 2064)) (i32.store (i32.const 540) (i32.const 10))
  (i32.store (i32.const 544) (local.get 0)) (i32.store (i32.const 548) (local.get 1))
  (global.set $next (i32.const 65536))
  (i32.const 512))"#;

/// Returns from the guest's function if the import said no; `texts` are the error's cases that have one.
pub(crate) fn or_fails(texts: u8) -> String {
    format!(
        "(if (i32.load8_u (i32.const 8192)) (then (return (call $failed (i32.const 8200) (i32.const {texts})))))"
    )
}

fn inbound(key: &str, body: Vec<u8>) -> Inbound {
    Inbound {
        hook: "in".into(),
        method: "POST".into(),
        url: "http://localhost/hooks/sut/in".into(),
        query: vec![("key".into(), key.into())],
        headers: Vec::new(),
        body: body.into(),
        received_ms: 5,
    }
}

/// What the guest answered to a message, or the words it failed with.
async fn answered(fixture: &Fixture, inbound: Inbound) -> Result<Vec<u8>, String> {
    let received = fixture.systems.receive("sut", inbound).await.result;
    match received {
        Ok(reception) => Ok(reception.answer.expect("an answer").body),
        Err(Failure::Conflict { message }) => Err(message),
        Err(other) => panic!("the guest did not see its error: {other:?}"),
    }
}

/// With room for large values.
pub(crate) fn roomy(guest: &Guest) -> SystemSpec {
    let mut spec = spec("sut", guest);
    spec.limits.memory = 32 << 20;
    spec.limits.cpu = std::time::Duration::from_secs(5);
    spec
}

// === servers ===

/// Asks the server, and answers every message with the body it got, or, if the message begins with `1`, with the value of
/// the answer's first header.
fn asks() -> Guest {
    Guest {
        imports: format!(
            r#"(import "tombolo:adapter/http@0.1.0" "send" (func $send (param{})))"#,
            " i32".repeat(15)
        ),
        fields: FUNCTIONS.into(),
        receive: format!(
            "(call $send (i32.const 2048) (i32.const 3) (i32.const 0) (i32.const 2051) (i32.const 2) {} (i32.const 8192)) {}
             (if (i32.eq (i32.load8_u (local.get 10)) (i32.const 49)) (then
               (return (call $answer (i32.load offset=8 (i32.load (i32.const 8204))) (i32.load offset=12 (i32.load (i32.const 8204)))))))
             (call $answer (i32.load (i32.const 8212)) (i32.load (i32.const 8216)))",
            "(i32.const 0) ".repeat(9),
            or_fails(0b10_0111)
        ),
        manifest: "[connections.api]\nkind = \"http\"\nreason = \"It asks\"\nallow = [\"GET /a\"]\n".into(),
        ..Guest::default()
    }
}

/// A server that answers every request with these bytes.
type Said = Arc<Mutex<Vec<u8>>>;

async fn with_server(said: Said) -> Fixture {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while stream
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|read| read > 0)
                {
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        let answer = said.lock().clone();
                        if stream.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    let fixture = Fixture::new();
    let mut spec = roomy(&asks());
    let binding = HttpBinding {
        base: base.parse().unwrap(),
        allow: vec!["GET /a".into()],
        credential: Credential::None,
        private_network: true,
        keeps_cookies: false,
    };
    spec.connections
        .insert("api".into(), Binding::Http(binding));
    fixture.connect_with(spec).await.unwrap();
    fixture
}

/// An answer with this body: whole, or in chunks of this size.
fn answer(body: &[u8], chunks: Option<usize>) -> Vec<u8> {
    let Some(size) = chunks else {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        return [head.as_bytes(), body].concat();
    };
    let mut out = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}

#[test]
fn the_body_of_an_answer_reaches_the_guest_as_it_was_sent() {
    let said = Said::default();
    let body = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 0..=limits::JSON_BYTES).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let case = (body, prop::option::of(1..5_000_usize));
    each(
        with_server(said.clone()),
        case,
        async |fixture, (body, chunks)| {
            *said.lock() = answer(&body, chunks);
            prop_assert_eq!(
                answered(fixture, inbound("", b"0".to_vec())).await,
                Ok(body)
            );
            Ok(())
        },
    );
}

#[tokio::test]
async fn the_body_of_an_answer_beyond_the_bound_is_an_error_and_no_part_of_it_is_read() {
    let said = Said::default();
    let fixture = with_server(said.clone()).await;
    let most = usize::try_from(limits::HTTP_BODY).unwrap();
    for chunks in [None, Some(most)] {
        *said.lock() = answer(&vec![7; most + 1], chunks);
        let came = answered(&fixture, inbound("", b"0".to_vec())).await;
        assert_eq!(came, Err("cap".into()));
    }
}

#[test]
fn a_header_of_an_answer_reaches_the_guest_as_the_text_it_is() {
    let said = Said::default();
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        short().prop_map(String::into_bytes),
    ];
    each(
        with_server(said.clone()),
        value,
        async |fixture, mut value| {
            value.retain(|byte| !b"\r\n".contains(byte));
            let head = [
                b"HTTP/1.1 200 OK\r\nx-odd: ",
                value.as_slice(),
                b"\r\ncontent-length: 0\r\n\r\n",
            ];
            *said.lock() = head.concat();
            let came = answered(fixture, inbound("", b"1".to_vec())).await;
            let controls = value
                .iter()
                .any(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127);
            if controls {
                prop_assert!(
                    came.as_ref().is_err_and(|words| words.contains("not HTTP")),
                    "{:?}",
                    came
                );
            } else {
                // What is no text cannot be one: a mark stands in its place.
                let text = String::from_utf8_lossy(value.trim_ascii()).into_owned();
                prop_assert_eq!(came, Ok(text.into_bytes()));
            }
            Ok(())
        },
    );
}

// === the store ===

/// Keeps every message under the key that its query has, and answers with what it then finds there.
fn keeps() -> Guest {
    Guest {
        imports: r#"(import "tombolo:adapter/store@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
                    (import "tombolo:adapter/store@0.1.0" "get" (func $get (param i32 i32 i32)))"#
            .into(),
        fields: FUNCTIONS.into(),
        receive: format!(
            "(call $set (i32.load offset=8 (local.get 6)) (i32.load offset=12 (local.get 6)) (local.get 10) (local.get 11) (i32.const 8192)) {fails}
             (call $get (i32.load offset=8 (local.get 6)) (i32.load offset=12 (local.get 6)) (i32.const 8192)) {fails}
             (if (i32.eqz (i32.load8_u (i32.const 8200))) (then unreachable))
             (call $answer (i32.load (i32.const 8204)) (i32.load (i32.const 8208)))",
            fails = or_fails(0b1_0011)
        ),
        manifest: "[store]\nquota = \"1 MiB\"\nreason = \"It keeps what it saw\"\n".into(),
        ..Guest::default()
    }
}

#[test]
fn what_a_guest_keeps_it_finds_again_and_what_is_too_large_it_is_told() {
    let value = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 0..=2 * limits::STORE_VALUE).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let key = prop_oneof![3 => short(), 1 => text()];
    let running = async {
        let fixture = Fixture::new();
        let mut spec = roomy(&keeps());
        spec.store_quota = Some(1 << 20);
        fixture.connect_with(spec).await.unwrap();
        fixture
    };
    each(running, (key, value), async |fixture, (key, value)| {
        let found = answered(fixture, inbound(&key, value.clone())).await;
        let fits =
            (1..=limits::STORE_KEY).contains(&key.len()) && value.len() <= limits::STORE_VALUE;
        if fits {
            prop_assert_eq!(found, Ok(value));
        } else {
            prop_assert!(
                found
                    .as_ref()
                    .is_err_and(|words| words.contains("expected")),
                "{:?}",
                found
            );
        }
        Ok(())
    });
}

// === other systems ===

#[test]
fn what_another_system_answers_is_what_the_guest_reads() {
    let running = async {
        let fixture = Fixture::running(&calls("other")).await;
        fixture.connect("other", &Guest::default()).await.unwrap();
        fixture
    };
    let odd = prop::sample::select(
        &[
            "1.50",
            " [ 1,2 ] ",
            "1e2",
            "{\"b\":1, \"a\":2, \"b\":3}",
            "-0.0",
            "12345678901234567890123",
        ][..],
    );
    let input = prop_oneof![
        2 => nested().prop_map(|nested| nested.to_string()),
        1 => text().prop_map(|text| Value::from(text).to_string()),
        1 => odd.prop_map(str::to_owned),
    ];
    each(running, input, async |fixture, input| {
        let outcome = fixture.act(&input).await;
        prop_assert_eq!(outcome.result, Ok(input));
        Ok(())
    });
}
