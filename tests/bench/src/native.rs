//! The same work by hand: axum in, HMAC check, serde, a condition and a mapping, reqwest out. No durability, no
//! sandbox, no grants: what a careful person would write for this one job.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

struct Shared {
    key: ring::hmac::Key,
    client: reqwest::Client,
    sink: String,
}

#[derive(Deserialize)]
struct Order {
    id: String,
    n: u64,
    amount: i64,
    customer: Customer,
    note: String,
}

#[derive(Deserialize)]
struct Customer {
    id: String,
    name: String,
}

#[derive(Serialize)]
struct Booking<'a> {
    order: &'a str,
    n: u64,
    customer: &'a str,
    text: String,
}

/// `native-program PORT PATH SINK`, the secret in `BENCH_SECRET`: serves until the process is ended.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, path, sink] = arguments.as_slice() else {
        anyhow::bail!("usage: native-program PORT PATH SINK");
    };
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let secret = std::env::var("BENCH_SECRET")?;
    let shared = Arc::new(Shared {
        key: ring::hmac::Key::new(
            ring::hmac::HMAC_SHA256,
            &STANDARD.decode(secret.trim_start_matches("whsec_"))?,
        ),
        client: reqwest::Client::builder().no_proxy().build()?,
        sink: format!("{sink}/customers/"),
    });
    let router = Router::new().route(path, post(receive)).with_state(shared);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !is_signed(&shared.key, &headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(order) = serde_json::from_slice::<Order>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    if order.amount < 100 {
        return StatusCode::ACCEPTED;
    }
    let booking = Booking {
        order: &order.id,
        n: order.n,
        customer: &order.customer.id,
        text: format!(
            "Order {} of {}: {}",
            order.id, order.customer.name, order.note
        ),
    };
    let Ok(json) = serde_json::to_vec(&booking) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let url = format!("{}{}/bookings", shared.sink, order.customer.id);
    let sent = shared
        .client
        .post(url)
        .header("content-type", "application/json")
        .header("authorization", "Bearer bench")
        .body(json)
        .send()
        .await;
    match sent {
        Ok(response) if response.status().is_success() => match response.bytes().await {
            Ok(_) => StatusCode::ACCEPTED,
            Err(_) => StatusCode::BAD_GATEWAY,
        },
        _ => StatusCode::BAD_GATEWAY,
    }
}

fn is_signed(key: &ring::hmac::Key, headers: &HeaderMap, body: &[u8]) -> bool {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signature)) = (
        field("webhook-id"),
        field("webhook-timestamp"),
        field("webhook-signature"),
    ) else {
        return false;
    };
    let fresh = timestamp
        .parse::<i64>()
        .is_ok_and(|at| (jiff::Timestamp::now().as_second() - at).abs() <= 300);
    let Some(Ok(tag)) = signature
        .strip_prefix("v1,")
        .map(|text| STANDARD.decode(text))
    else {
        return false;
    };
    let mut signed = Vec::with_capacity(body.len() + 64);
    signed.extend_from_slice(id.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(timestamp.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(body);
    fresh && ring::hmac::verify(key, &signed, &tag).is_ok()
}
