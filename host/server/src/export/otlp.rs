//! Records as log records of OTLP over HTTP, JSON encoded (`/v1/logs`, OpenTelemetry protocol 1.x).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls_platform_verifier::ConfigVerifierExt as _;
use serde_json::{Value, json};

use super::Batch;

/// An answer, bytes: what a collector has to say is short.
const ANSWER: usize = 64 << 10;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Hands over a batch.
///
/// # Errors
/// Why it was not taken, in words.
pub(super) async fn send(url: &str, batch: &Batch) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{url}/v1/logs"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body(batch).to_string())))
        .map_err(|error| format!("{url}: {error}"))?;
    let response = client()?
        .request(request)
        .await
        .map_err(|error| format!("{url} cannot be reached: {}", causes(&error)))?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER).collect().await;
    let answer = answer.map(|answer| answer.to_bytes()).unwrap_or_default();
    if !status.is_success() {
        return Err(format!("{url} answered {status}"));
    }
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let rejected = &answer["partialSuccess"]["rejectedLogRecords"];
    if !matches!(rejected, Value::Null) && rejected != "0" && rejected != 0 {
        tracing::warn!(%rejected, "the collector rejected records of the audit; they are not sent again");
    }
    Ok(())
}

fn client() -> Result<&'static Http, String> {
    static CLIENT: OnceLock<Result<Http, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        let tls = rustls::ClientConfig::with_platform_verifier();
        let tls = tls.map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false); // TLS is laid over it
        let connector = HttpsConnector::from((tcp, Arc::new(tls)));
        Ok(Client::builder(TokioExecutor::new()).build(connector))
    });
    made.as_ref().map_err(Clone::clone)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    words
}

fn body(batch: &Batch) -> Value {
    let records: Vec<Value> = batch
        .records
        .iter()
        .map(|(stored, fields)| {
            let severity = match fields["outcome"].as_str() {
                Some("allowed") => (9, "INFO"),
                _ => (13, "WARN"),
            };
            let mut attributes = vec![
                json!({"key": "tombolo.number", "value": {"intValue": stored.number.to_string()}}),
                text("tombolo.hash", &stored.hash),
            ];
            for (name, value) in fields.as_object().into_iter().flatten() {
                let key = format!("tombolo.{name}");
                match value {
                    Value::String(value) => attributes.push(text(&key, value)),
                    number => attributes
                        .push(json!({"key": key, "value": {"intValue": number.to_string()}})),
                }
            }
            let at_ms = fields["at_ms"].as_u64().unwrap_or(0);
            json!({
                "timeUnixNano": (u128::from(at_ms) * 1_000_000).to_string(),
                "severityNumber": severity.0,
                "severityText": severity.1,
                "eventName": "tombolo.audit",
                "body": {"stringValue": stored.record.get()},
                "attributes": attributes,
            })
        })
        .collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", "tombolo"), text("service.instance.id", &batch.site)]},
        "scopeLogs": [{"scope": {"name": "tombolo.audit"}, "logRecords": records}],
    }]})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
