//! The HTTP API for people, tools and the command line. Every path but `/health` wants a token, from loopback too.
//! The `Host` header decides nothing.

mod audit;
mod dead;
pub(crate) mod decided;
pub(crate) mod errors;
mod events;
mod feeds;
mod grants;
mod health;
mod lanes;
mod lineage;
mod mend;
mod person;
mod reconciliations;
mod reload;
mod replay;
mod runs;
mod systems;
mod tasks;
mod tokens;
mod xref;

pub(crate) use tokens::{MayPublish, Tokens};

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tombolo_kernel::limits;

use self::errors::Refusal;
use crate::core::Core;
use crate::ingress;

/// All paths but the hooks, which `ingress` answers without a router.
pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/events", post(ingress::publish))
        .route("/api/systems", get(systems::list))
        .route("/api/systems/{system}/disable", post(systems::disable))
        .route("/api/systems/{system}/enable", post(systems::enable))
        .route("/api/runs", get(runs::list))
        .route("/api/runs/{id}", get(runs::show))
        .route("/api/dead", get(dead::list))
        .route("/api/dead/{id}", get(dead::show))
        .route("/api/dead/{id}/retry", post(dead::retry))
        .route("/api/dead/{id}/edit", post(dead::edit))
        .route("/api/dead/{id}/discard", post(dead::discard))
        .route("/api/replay", post(replay::replay))
        .route("/api/lanes", get(lanes::list))
        .route("/api/runs/{id}/lineage", get(lineage::show))
        .route("/api/runs/{id}/mend", post(mend::mend))
        .route("/api/runs/{id}/move", post(mend::move_run))
        .route("/api/events", get(events::list))
        .route("/api/events/tail", get(events::tail))
        .route("/api/events/{seq}", get(events::show))
        .route("/api/tasks", get(tasks::list))
        .route("/api/tasks/{id}/answer", post(tasks::answer))
        .route("/api/xref", get(xref::list))
        .route("/api/xref/history", get(xref::history))
        .route("/api/xref/link", post(xref::link))
        .route("/api/xref/unlink", post(xref::unlink))
        .route("/api/xref/import", post(xref::import))
        .route("/api/feeds", get(feeds::list))
        .route("/api/feeds/{system}/{feed}/run", post(feeds::run))
        .route("/api/reconciliations", get(reconciliations::list))
        .route("/api/reconciliations/{job}", get(reconciliations::show))
        .route("/api/reconciliations/{job}/csv", get(reconciliations::csv))
        .route("/api/reconciliations/{job}/run", post(reconciliations::run))
        .route("/api/reload", post(reload::reload))
        .route("/api/grants/check", post(grants::check))
        .route("/api/audit", get(audit::list))
        .route("/api/audit/anchor", get(audit::anchor))
        .route("/api/audit/export", get(audit::export))
        .route("/api/audit/verify", get(audit::verify))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown)
        .with_state(core)
}

/// Without a token not even which paths exist.
async fn unknown(State(core): State<Arc<Core>>, uri: http::Uri, headers: HeaderMap) -> Refusal {
    match tokens::admit(&core, &headers, uri.path(), &[]) {
        Ok(_) => Refusal::Unknown("there is no such path in this version of the API".into()),
        Err(refusal) => refusal,
    }
}

async fn wrong_method() -> Refusal {
    Refusal::Method("GET or POST, as the documentation of the API says for each path")
}

/// 200 with a JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> axum::response::IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer of the API could not be written");
                Refusal::Store(tombolo_store::StoreError::Format(error.to_string())).into_response()
            }
        }
    }
}

/// The query, read into a type that names every key it takes.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Core>> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Core>) -> Result<Self, Refusal> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|error| {
                Refusal::Malformed(format!("the query cannot be read: {}", error.body_text()))
            })
    }
}

/// A request's body of at most so many bytes, read into a type that names every key it takes. `expected` says which.
pub(crate) async fn object<T: DeserializeOwned>(
    headers: &HeaderMap,
    content: Body,
    most: usize,
    expected: &str,
) -> Result<T, Refusal> {
    let bytes = ingress::body::read(headers, content, most).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::Malformed(format!(
            "the body cannot be read: {error}; expected {expected}"
        ))
    })
}

/// `limit` of a listing: absent is 50.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked {
        None => Ok(50),
        Some(asked) if (1..=limits::LISTING).contains(&asked) => Ok(asked),
        Some(asked) => Err(Refusal::Invalid(format!(
            "limit: found {asked}, expected 1 to {}",
            limits::LISTING
        ))),
    }
}
