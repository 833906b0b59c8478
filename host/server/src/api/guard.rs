//! Who comes in: the one place that reads a request's token and holds it against what `routes.rs` states of the route.
//! A handler runs only behind it, and learns who asks as [`Caller`].

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;

use super::errors::Refusal;
use super::routes::{Reach, Route, Who};
use super::tokens::Token;
use crate::access::{Access, Dimension, Role, Scopes};
use crate::core::Core;
use crate::refusals::Refused;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The token's name, for the audit.
    pub(crate) name: Token,
    /// What the token is narrowed to.
    pub(crate) scopes: Scopes,
}

impl Caller {
    /// Refuses what the token is not narrowed to; the refusal is on record.
    ///
    /// # Errors
    /// [`Refusal::MayNot`].
    pub(crate) fn must_have(
        &self,
        core: &Core,
        dimension: Dimension,
        name: &str,
    ) -> Result<(), Refusal> {
        if self.scopes.within(dimension).has(name) {
            return Ok(());
        }
        let path = match dimension {
            Dimension::Types => "/events",
            _ => "/api",
        };
        Err(on_record(core, narrowed(&self.scopes), &self.name, path))
    }
}

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Core>) -> Result<Self, Refusal> {
        // Only a route for anyone has none, and its handler asks for none.
        parts.extensions.get().cloned().ok_or(Refusal::NoToken)
    }
}

/// Stands before every route.
pub(crate) async fn admit(
    State((core, route)): State<(Arc<Core>, &'static Route)>,
    parameters: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if let Who::Roles(roles) = route.who {
        let path = request.uri().path();
        let (name, access) = known(&core, request.headers(), path)?;
        may(&access.roles, roles)
            .and_then(|()| {
                within(
                    &access.scopes,
                    route.reach,
                    &parameters,
                    request.uri().query(),
                )
            })
            .map_err(|refusal| on_record(&core, refusal, &name, path))?;
        let scopes = access.scopes.clone();
        request.extensions_mut().insert(Caller { name, scopes });
    }
    Ok(next.run(request).await)
}

/// Whose token the headers bear.
///
/// # Errors
/// [`Refusal::NoToken`], and it is on record.
pub(crate) fn known(
    core: &Core,
    headers: &HeaderMap,
    path: &str,
) -> Result<(Token, Arc<Access>), Refusal> {
    let (tokens, kept, now_ms) = (core.tokens.load(), core.kept.current(), core.clock.now_ms());
    let bearer = tokens
        .bearer(&kept, headers, now_ms)
        .map_err(|refusal| on_record(core, refusal, &Token::from(""), path))?;
    if kept.iter().any(|kept| std::ptr::eq(kept, bearer)) {
        core.kept.note_use(&bearer.name, now_ms);
    }
    Ok((Arc::clone(&bearer.name), Arc::clone(&bearer.access)))
}

fn may(has: &BTreeSet<Role>, wanted: &[Role]) -> Result<(), Refusal> {
    if wanted.iter().any(|role| has.contains(role)) {
        return Ok(());
    }
    let names: Vec<&str> = wanted.iter().map(|role| role.name()).collect();
    Err(Refusal::MayNot(format!(
        "it is for the role {}",
        names.join(" or ")
    )))
}

/// Whether a narrowed token may use this route for what the request names. What cannot be narrowed is not for it.
fn within(
    scopes: &Scopes,
    reach: Reach,
    parameters: &RawPathParams,
    query: Option<&str>,
) -> Result<(), Refusal> {
    if scopes.is_whole() {
        return Ok(());
    }
    let parameter = |name: &str| {
        let mut found = parameters.iter().filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.to_owned())
    };
    let asked = |name: &str| {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let mut found = pairs.filter(|(key, _)| key == name);
        // Two would be read as one of them by one reader and as the other by the next.
        let first = found.next().filter(|_| found.next().is_none());
        first.map(|(_, value)| value.into_owned())
    };
    let (dimension, name) = match reach {
        Reach::Whole => return Err(narrowed(scopes)),
        Reach::Inside => return Ok(()),
        Reach::System => (
            Dimension::Systems,
            parameter("system").or_else(|| asked("system")),
        ),
        Reach::Flow => {
            let flow = match parameter("id") {
                Some(run) => flow_of(&run),
                None => asked("flow"),
            };
            (Dimension::Flows, flow)
        }
        Reach::Type => (Dimension::Types, asked("type")),
    };
    match name {
        Some(name) if scopes.within(dimension).has(&name) => Ok(()),
        _ => Err(narrowed(scopes)),
    }
}

/// The flow of a run's id: `1042.spare-part`, `1042.spare-part.replay-1`. A flow's name has no dot.
fn flow_of(run: &str) -> Option<String> {
    run.split('.').nth(1).map(str::to_owned)
}

fn narrowed(scopes: &Scopes) -> Refusal {
    let told = Dimension::ALL.into_iter().filter_map(|dimension| {
        let names = scopes.of(dimension)?.iter().map(String::as_str);
        Some(format!(
            "{} {}",
            dimension.name(),
            names.take(5).collect::<Vec<_>>().join(", ")
        ))
    });
    Refusal::MayNot(format!(
        "it is narrowed to {}; name one of these, or use a token that is not narrowed",
        told.collect::<Vec<_>>().join("; ")
    ))
}

/// Records a refusal and hands it back.
fn on_record(core: &Core, refusal: Refusal, token: &Token, path: &str) -> Refusal {
    let place = if path.starts_with("/events") {
        "/events"
    } else {
        "/api"
    };
    let why = match refusal {
        Refusal::MayNot(_) => "403 a token without this right",
        _ => "401 no valid token",
    };
    core.refused(Refused {
        why,
        token: token.to_string(),
        place: place.to_owned(),
    });
    refusal
}
