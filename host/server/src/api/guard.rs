//! Who comes in: the one place that reads a request's token and holds it against what `routes.rs` states of the route.
//! A handler runs only behind it, and learns who asks as [`Caller`].

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use tombolo_flow::delivery::Rate;
use tombolo_kernel::limits;

use super::errors::Refusal;
use super::routes::{Reach, Route, Who};
use super::tokens::Token;
use crate::access::{Dimension, Pace, Role, Scopes, TokenUse, Usable};
use crate::core::Core;
use crate::refusals::Refused;

/// Where events are published.
const PUBLISH: &str = "/events";
/// How fast, by a token without a rate of its own.
const PUBLISHING: Rate = Rate {
    calls: limits::PUBLISH_RATE,
    per_ms: 1_000,
};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The token's name, for the audit.
    pub(crate) name: Token,
    /// What the token is narrowed to.
    pub(crate) scopes: Scopes,
    /// What it does.
    used: Arc<TokenUse>,
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
            Dimension::Types => PUBLISH,
            _ => "/api",
        };
        self.used.was_forbidden();
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
        let Usable {
            name, access, used, ..
        } = known(&core, request.headers(), path)?;
        may(&access.roles, roles)
            .and_then(|()| {
                within(
                    &access.scopes,
                    route.reach,
                    &parameters,
                    request.uri().query(),
                )
            })
            .map_err(|refusal| {
                used.was_forbidden();
                on_record(&core, refusal, &name, path)
            })?;
        let scopes = access.scopes.clone();
        let caller = Caller { name, scopes, used };
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

/// Whose token the headers bear; that it came is noted.
///
/// # Errors
/// [`Refusal::NoToken`] or [`Refusal::TooOften`], and it is on record.
pub(crate) fn known(core: &Core, headers: &HeaderMap, path: &str) -> Result<Usable, Refusal> {
    let (tokens, kept, now_ms) = (core.tokens.load(), core.kept.current(), core.clock.now_ms());
    let bearer = tokens
        .bearer(&kept, headers, now_ms)
        .map_err(|refusal| on_record(core, refusal, &Token::from(""), path))?;
    let (pace, rate) = match bearer.access.rate {
        Some(own) => (Pace::Asking(own), own),
        None if path == PUBLISH => (Pace::Publishing(PUBLISHING), PUBLISHING),
        None => {
            let usual = core.front.load().rate;
            (Pace::Asking(usual), usual)
        }
    };
    match bearer.used.comes(pace, now_ms) {
        Ok(()) => Ok(bearer.clone()),
        Err(ms) => {
            let refusal = Refusal::TooOften(rate, ms);
            Err(on_record(core, refusal, &bearer.name, path))
        }
    }
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
    let place = if path.starts_with(PUBLISH) {
        PUBLISH
    } else {
        "/api"
    };
    let why = match refusal {
        Refusal::MayNot(_) => "403 a token without this right",
        Refusal::TooOften(..) => "429 a token that asks too often",
        _ => "401 no valid token",
    };
    core.refused(Refused {
        why,
        token: token.to_string(),
        place: place.to_owned(),
    });
    refusal
}
