//! `/hooks/SYSTEM/HOOK`, and every path below it: what a system's sender posts goes to its adapter, the events it makes go
//! to the log, and only then is the sender answered. A message that came before is answered like the first time.
//!
//! This is the hot path: no router, no layer, one JSON parse (the adapter's), one wait for the disk.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper::body::Incoming;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::{Answer, Inbound, Reception};

use super::{body, made};
use crate::api::errors::Refusal;
use crate::core::Core;
use crate::refusals::Refused;

/// Where hooks are.
pub(crate) const PREFIX: &str = "/hooks/";

/// Takes one message in.
pub(crate) async fn receive(core: &Core, request: Request<Incoming>) -> Response {
    match taken(core, request).await {
        Ok(answer) => acknowledged(answer),
        Err(refusal) => refusal.into_response(),
    }
}

async fn taken(core: &Core, request: Request<Incoming>) -> Result<Option<Answer>, Refusal> {
    let mut place = core
        .inbound
        .try_acquire()
        .map_err(|_| Refusal::Overloaded)?;
    if core.engine.is_overloaded() {
        return Err(Refusal::Overloaded);
    }
    let (head, content) = request.into_parts();
    let (system, hook) = names(head.uri.path()).ok_or_else(unknown)?;
    if ![Method::POST, Method::PUT, Method::GET].contains(&head.method) {
        return Err(Refusal::Method("POST, PUT, GET"));
    }
    let most = limits::HOOK_BODY;
    let content = body::read_large(&head.headers, content, most, &core.inbound, &mut place).await?;
    let received_ms = core.clock.now_ms();
    let inbound = Inbound {
        hook: hook.to_owned(),
        method: head.method.as_str().to_owned(),
        url: url(core, &head.uri),
        query: query(&head.uri),
        headers: headers(&head.headers),
        body: content,
        received_ms,
    };
    let outcome = core.systems.receive(system, inbound).await;
    let reception = outcome
        .result
        .map_err(|failure| refused(core, system, hook, failure))?;
    let Reception { events, answer } = reception;
    if !events.is_empty() {
        let events = made::stored(system, events, received_ms)
            .map_err(|(index, error)| Refusal::Event(index, error))?;
        core.publish(events).await?;
    }
    Ok(answer)
}

fn unknown() -> Refusal {
    Refusal::Failed(Failure::NotOffered {
        message: String::new(),
    })
}

/// `/hooks/erp/alarm`, exactly: names have no characters that would be encoded. What follows is the sender's, like the
/// query: some know an address only as the beginning of the paths that they call.
fn names(path: &str) -> Option<(&str, &str)> {
    let (system, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
    let hook = match rest.split_once('/') {
        Some((_, "")) => return None,
        Some((hook, _)) => hook,
        None => rest,
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (is_name(system) && is_name(hook)).then_some((system, hook))
}

/// The address as the sender wrote it, where the operator said what that is. The `Host` header is the sender's word.
fn url(core: &Core, uri: &Uri) -> String {
    match &*core.public_url.load() {
        Some(public) => format!(
            "{public}{}",
            uri.path_and_query().map_or("", |path| path.as_str())
        ),
        None => String::new(),
    }
}

fn query(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// hyper has the names in lower case already.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

fn refused(core: &Core, system: &str, hook: &str, failure: Failure) -> Refusal {
    match &failure {
        Failure::NotOffered { .. } => {}
        // The adapter answered: the hook is one of the site's.
        Failure::Unauthorized { .. } => core.refused(Refused {
            why: "401 the adapter did not accept the sender",
            token: String::new(),
            place: format!("{PREFIX}{system}/{hook}"),
        }),
        Failure::Internal { .. } => {
            tracing::error!(%system, %hook, %failure, "a hook's adapter failed")
        }
        _ => tracing::info!(%system, %hook, %failure, "a message at a hook was refused"),
    }
    Refusal::Failed(failure)
}

/// The adapter's answer, or 202.
fn acknowledged(answer: Option<Answer>) -> Response {
    const ACCEPTED: &[u8] = b"{\"accepted\":true}";
    let json = HeaderValue::from_static("application/json");
    let (status, kind, content) = match answer {
        None => (StatusCode::ACCEPTED, json, Bytes::from_static(ACCEPTED)),
        Some(answer) => {
            // The contract has 200-299 and 400-499; anything else would let an adapter redirect a sender.
            let status = StatusCode::from_u16(answer.status)
                .ok()
                .filter(|status| status.is_success() || status.is_client_error());
            let kind = HeaderValue::from_str(&answer.content_type)
                .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
            (
                status.unwrap_or(StatusCode::ACCEPTED),
                kind,
                Bytes::from(answer.body),
            )
        }
    };
    let empty = content.is_empty();
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = status;
    if !empty {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn two_plain_names_are_a_hook_whatever_is_below() {
        let table = [
            ("/hooks/erp/alarm", Some(("erp", "alarm"))),
            ("/hooks/crm-eu/changed", Some(("crm-eu", "changed"))),
            ("/hooks/erp", None),
            ("/hooks/erp/", None),
            ("/hooks//alarm", None),
            ("/hooks/erp/alarm/", None),
            ("/hooks/erp/alarm/more", Some(("erp", "alarm"))),
            ("/hooks/erp/alarm/v1/more%2f/7", Some(("erp", "alarm"))),
            ("/hooks/erp//alarm", None),
            ("/hooks/erp/../plant/alarm", None),
            ("/hooks/erp/%61larm", None),
            ("/hooks/../api", None),
        ];
        for (path, expected) in table {
            assert_eq!(names(path), expected, "{path}");
        }
    }

    #[test]
    fn an_adapter_cannot_answer_with_a_redirect_or_break_a_header() {
        let answer = |status, kind: &str, body: &str| {
            Some(Answer {
                status,
                content_type: kind.into(),
                body: body.into(),
            })
        };
        let table = [
            (None, 202, Some("application/json")),
            (
                answer(200, "text/plain", "challenge"),
                200,
                Some("text/plain"),
            ),
            (answer(204, "text/plain", ""), 204, None),
            (answer(302, "text/plain", "x"), 202, Some("text/plain")),
            (
                answer(200, "a\r\nset-cookie: x", "x"),
                200,
                Some("application/octet-stream"),
            ),
        ];
        for (answer, status, kind) in table {
            let response = acknowledged(answer);
            assert_eq!(response.status(), status);
            assert_eq!(
                response
                    .headers()
                    .get("content-type")
                    .map(|value| value.to_str().unwrap()),
                kind
            );
        }
    }
}
