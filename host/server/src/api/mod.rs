//! The HTTP API for people, tools and the command line. Every path but `/health` wants a token, from loopback too.
//! Whether a request means this host at all is decided before, by `ingress`.

mod audit;
mod dead;
pub(crate) mod decided;
pub(crate) mod errors;
mod events;
mod feeds;
mod grants;
pub(crate) mod guard;
mod health;
mod lanes;
mod life;
mod lineage;
mod mend;
mod person;
mod reconciliations;
mod reload;
mod replay;
mod routes;
mod runs;
mod systems;
mod tasks;
#[cfg(test)]
mod tests;
mod tokens;
mod xref;

pub(crate) use routes::router;
pub(crate) use tokens::{Tokens, presented};

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tombolo_kernel::limits;

use self::errors::Refusal;
use crate::core::Core;
use crate::ingress;

/// Without a token not even which paths exist.
async fn unknown(State(core): State<Arc<Core>>, uri: http::Uri, headers: HeaderMap) -> Refusal {
    match guard::known(&core, &headers, uri.path()) {
        Ok(_) => Refusal::Unknown("there is no such path in this version of the API".into()),
        Err(refusal) => refusal,
    }
}

/// Nor which methods they take.
async fn wrong_method(
    State(core): State<Arc<Core>>,
    uri: http::Uri,
    headers: HeaderMap,
) -> Refusal {
    match guard::known(&core, &headers, uri.path()) {
        Ok(_) => Refusal::Method("GET or POST, as the documentation of the API says for each path"),
        Err(refusal) => refusal,
    }
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
