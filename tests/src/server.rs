//! An HTTP server that records what it gets and answers what it is told. A fake by nature: what stands behind a
//! REST adapter in these tests is only a place that remembers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The status it was answered with; 0 while it hangs.
    pub answered: u16,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Never answer: hold the request until the server goes.
    pub hang: bool,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.into(),
            hang: false,
        }
    }

    /// A file as it is.
    pub fn file(bytes: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: bytes,
            hang: false,
        }
    }

    pub fn hanging() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            hang: true,
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

#[derive(Default)]
struct Inside {
    received: Vec<Received>,
    replies: VecDeque<Reply>,
    always: Option<Reply>,
}

/// Records and answers until it is dropped. Without a scripted reply it answers `200 {}`.
#[derive(Clone)]
pub struct RecordingServer {
    pub address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    _runtime: Arc<tokio::runtime::Runtime>,
}

impl RecordingServer {
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// The same at this address.
    pub fn start_at(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let inside = Arc::new(Mutex::new(Inside::default()));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inside));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            inside,
            _runtime: Arc::new(runtime),
        }
    }

    /// What the next requests are answered, in order.
    pub fn reply(&self, reply: Reply) -> &Self {
        self.inside.lock().unwrap().replies.push_back(reply);
        self
    }

    /// What everything is answered from now on for which no reply is scripted; none: `200 {}`.
    pub fn always(&self, reply: Option<Reply>) -> &Self {
        self.inside.lock().unwrap().always = reply;
        self
    }

    /// Everything that arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.inside.lock().unwrap().received.clone()
    }
}

async fn answer(
    State(inside): State<Arc<Mutex<Inside>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = {
        let mut inside = inside.lock().unwrap();
        inside.received.push(Received {
            method: method.to_string(),
            target: uri.to_string(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
            answered: 0,
        });
        let scripted = inside.replies.pop_front().or(inside.always.clone());
        let reply = scripted.unwrap_or_else(|| Reply::json(200, "{}"));
        if let Some(received) = inside.received.last_mut().filter(|_| !reply.hang) {
            received.answered = reply.status;
        }
        reply
    };
    if reply.hang {
        std::future::pending::<()>().await;
    }
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(
            axum::http::HeaderName::try_from(name).unwrap(),
            value.parse().unwrap(),
        );
    }
    response
}
