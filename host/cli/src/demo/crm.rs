//! The sandbox CRM: a small REST server in the demo's own process. It stands for a CRM in the cloud, keeps its
//! records in memory, and knows nothing of Tombolo.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The customers it knows.
pub(super) const CUSTOMERS: [(&str, &str); 2] = [
    ("C-1042", "Hansa Packaging"),
    ("C-2077", "Lakeside Bottling"),
];
/// Records it keeps; a demo needs a handful.
const RECORDS: usize = 10_000;

/// A note in a customer's file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) customer: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) text: String,
    #[serde(skip)]
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NewActivity {
    #[serde(default)]
    kind: String,
    text: String,
}

/// The running server.
pub(super) struct SandboxCrm {
    address: SocketAddr,
    books: Arc<Books>,
    server: JoinHandle<()>,
}

struct Books {
    token: String,
    activities: Mutex<Vec<Activity>>,
}

impl SandboxCrm {
    /// Starts it on `port` of this machine, or on a free one.
    pub(super) async fn start(port: u16, token: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("the sandbox CRM cannot listen on 127.0.0.1:{port}; choose another with --crm-port"))?;
        let address = listener.local_addr()?;
        let books = Arc::new(Books {
            token,
            activities: Mutex::new(Vec::new()),
        });
        let routes = Router::new()
            .route("/customers/{customer}/activities", post(add).get(list))
            .with_state(Arc::clone(&books));
        let server = tokio::spawn(async move {
            // Ends with the demo; a failed accept is retried by axum itself.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            address,
            books,
            server,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it keeps, oldest first.
    pub(super) fn activities(&self) -> Vec<Activity> {
        self.books
            .activities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for SandboxCrm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = (StatusCode, Json<Value>);

async fn add(
    State(books): State<Arc<Books>>,
    Path(customer): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewActivity>,
) -> Answer {
    let name = match allowed(&books, &headers, &customer) {
        Ok(name) => name,
        Err(refusal) => return refusal,
    };
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(str::to_owned);
    let mut activities = books
        .activities
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = activities
        .iter()
        .find(|activity| activity.key.is_some() && activity.key == key)
    {
        return (StatusCode::OK, Json(json!(known)));
    }
    if activities.len() >= RECORDS {
        return refused(
            StatusCode::INSUFFICIENT_STORAGE,
            "full",
            "this sandbox keeps no more records",
        );
    }
    let id = format!("A-{}", activities.len() + 1);
    let activity = Activity {
        id,
        customer,
        name: name.to_owned(),
        kind: new.kind,
        text: new.text,
        key,
    };
    activities.push(activity.clone());
    (StatusCode::CREATED, Json(json!(activity)))
}

async fn list(
    State(books): State<Arc<Books>>,
    Path(customer): Path<String>,
    headers: HeaderMap,
) -> Answer {
    if let Err(refusal) = allowed(&books, &headers, &customer) {
        return refusal;
    }
    let activities = books
        .activities
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let of_customer: Vec<_> = activities
        .iter()
        .filter(|activity| activity.customer == customer)
        .collect();
    (StatusCode::OK, Json(json!({ "activities": of_customer })))
}

/// The customer's name, or the answer to someone who may not ask or asks for nobody.
fn allowed(books: &Books, headers: &HeaderMap, customer: &str) -> Result<&'static str, Answer> {
    let shown = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if shown.and_then(|value| value.strip_prefix("Bearer ")) != Some(books.token.as_str()) {
        return Err(refused(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "a bearer token is needed",
        ));
    }
    let known = CUSTOMERS.iter().find(|(id, _)| *id == customer);
    known.map(|(_, name)| *name).ok_or_else(|| {
        refused(
            StatusCode::NOT_FOUND,
            "unknown-customer",
            "no such customer",
        )
    })
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    (
        status,
        Json(json!({ "error": { "code": code, "message": message } })),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    async fn post_note(crm: &SandboxCrm, customer: &str, token: &str, key: &str) -> u16 {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only(Vec::new())
            .build()
            .unwrap();
        let request = http
            .post(format!("{}/customers/{customer}/activities", crm.base()))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(r#"{"kind":"note","text":"hello"}"#);
        request.send().await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn a_note_needs_a_token_and_a_customer_and_is_kept_once_per_key() {
        let crm = SandboxCrm::start(0, "right".into()).await.unwrap();
        assert_eq!(post_note(&crm, "C-1042", "wrong", "k").await, 401);
        assert_eq!(post_note(&crm, "C-9999", "right", "k").await, 404);
        assert!(crm.activities().is_empty());
        assert_eq!(post_note(&crm, "C-1042", "right", "k").await, 201);
        assert_eq!(post_note(&crm, "C-1042", "right", "k").await, 200);
        assert_eq!(post_note(&crm, "C-1042", "right", "another").await, 201);
        let kept: Vec<String> = crm
            .activities()
            .into_iter()
            .map(|activity| activity.id)
            .collect();
        assert_eq!(kept, ["A-1", "A-2"]);
    }
}
