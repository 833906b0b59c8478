//! Every route of the API, and who may use it: the router is made from this table, so that no route is without its
//! line. Hooks alone are answered without a router, by `ingress`; each adapter judges who sends.
//!
//! Who decides what systems may reach does not operate them, and the reverse: no route is for both but those that only
//! look, and the one that has the host stop at once what was revoked.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::{
    audit, dead, events, feeds, grants, guard, health, lanes, life, lineage, mend, reconciliations,
    reload, replay, runs, systems, tasks, unknown, wrong_method, xref,
};
use crate::access::Role::{self, Assistant, Auditor, Operator, Person, Publisher, Reviewer};
use crate::core::Core;
use crate::ingress;

/// A route and who may use it.
#[derive(Debug)]
pub(crate) struct Route {
    /// `get` or `post`.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test that walks all"))]
    pub(crate) method: &'static str,
    /// With its parameters.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test that walks all"))]
    pub(crate) path: &'static str,
    /// Whose tokens it takes.
    pub(crate) who: Who,
    /// What it is about, for narrowed tokens.
    pub(crate) reach: Reach,
}

/// Whose tokens a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Nobody's: it says nothing that anybody may not know.
    Anyone,
    /// Tokens of one of these roles.
    Roles(&'static [Role]),
}

/// What a route is about, so that a narrowed token can be held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The host as a whole: no narrowed token may use it.
    Whole,
    /// One system, named in the path or as `?system=`.
    System,
    /// One flow, named in the id of a run or as `?flow=`.
    Flow,
    /// One type of event, named as `?type=`.
    Type,
    /// What the request's body names, or a list that shows only what the token is narrowed to.
    Inside,
}

/// Who may look.
const LOOK: Who = Who::Roles(&[Operator, Reviewer, Auditor]);
/// Who keeps things going.
const OPERATE: Who = Who::Roles(&[Operator]);

macro_rules! routes {
    ($($method:ident $path:literal, $who:expr, $reach:ident => $handler:path;)+) => {
        /// All routes, as the router has them.
        #[cfg(test)]
        pub(crate) const TABLE: &[Route] = &[
            $(Route { method: stringify!($method), path: $path, who: $who, reach: Reach::$reach }),+
        ];

        /// All paths but the hooks.
        pub(crate) fn router(core: Arc<Core>) -> Router {
            let router = Router::new();
            $(let router = {
                const ROUTE: &Route = &Route {
                    method: stringify!($method),
                    path: $path,
                    who: $who,
                    reach: Reach::$reach,
                };
                let guard = from_fn_with_state((Arc::clone(&core), ROUTE), guard::admit);
                router.route($path, $method($handler).route_layer(guard))
            };)+
            router
                .method_not_allowed_fallback(wrong_method)
                .fallback(unknown)
                .with_state(core)
        }
    };
}

routes! {
    get "/health", Who::Anyone, Whole => health::health;
    post "/events", Who::Roles(&[Publisher]), Inside => ingress::publish;
    get "/api/systems", Who::Roles(&[Operator, Reviewer, Auditor, Assistant]), Inside => systems::list;
    post "/api/systems/{system}/disable", OPERATE, System => life::disable;
    post "/api/systems/{system}/enable", OPERATE, System => life::enable;
    post "/api/systems/{system}/rollback", OPERATE, System => life::rollback;
    post "/api/systems/{system}/forward", OPERATE, System => life::forward;
    post "/api/systems/{system}/canary", OPERATE, System => life::canary;
    get "/api/runs", LOOK, Flow => runs::list;
    get "/api/runs/{id}", LOOK, Flow => runs::show;
    get "/api/runs/{id}/lineage", LOOK, Flow => lineage::show;
    post "/api/runs/{id}/mend", OPERATE, Flow => mend::mend;
    post "/api/runs/{id}/move", OPERATE, Flow => mend::move_run;
    get "/api/dead", LOOK, Flow => dead::list;
    get "/api/dead/{id}", LOOK, Flow => dead::show;
    post "/api/dead/{id}/retry", OPERATE, Flow => dead::retry;
    post "/api/dead/{id}/edit", OPERATE, Flow => dead::edit;
    post "/api/dead/{id}/discard", OPERATE, Flow => dead::discard;
    post "/api/replay", OPERATE, Inside => replay::replay;
    get "/api/lanes", LOOK, Whole => lanes::list;
    get "/api/events", LOOK, Type => events::list;
    get "/api/events/tail", LOOK, Whole => events::tail;
    get "/api/events/{seq}", LOOK, Whole => events::show;
    get "/api/tasks", Who::Roles(&[Operator, Reviewer, Auditor, Person]), Inside => tasks::list;
    post "/api/tasks/{id}/answer", Who::Roles(&[Person]), Inside => tasks::answer;
    get "/api/xref", LOOK, Whole => xref::list;
    get "/api/xref/history", LOOK, Whole => xref::history;
    post "/api/xref/link", OPERATE, Whole => xref::link;
    post "/api/xref/unlink", OPERATE, Whole => xref::unlink;
    post "/api/xref/import", OPERATE, Whole => xref::import;
    get "/api/feeds", LOOK, Whole => feeds::list;
    post "/api/feeds/{system}/{feed}/run", OPERATE, System => feeds::run;
    get "/api/reconciliations", LOOK, Whole => reconciliations::list;
    get "/api/reconciliations/{job}", LOOK, Whole => reconciliations::show;
    get "/api/reconciliations/{job}/csv", LOOK, Whole => reconciliations::csv;
    post "/api/reconciliations/{job}/run", OPERATE, Whole => reconciliations::run;
    post "/api/reload", OPERATE, Whole => reload::reload;
    post "/api/grants/check", Who::Roles(&[Operator, Reviewer]), Whole => grants::check;
    get "/api/grants/{system}/usage", LOOK, System => grants::usage;
    get "/api/audit", LOOK, System => audit::list;
    get "/api/audit/anchor", LOOK, Whole => audit::anchor;
    get "/api/audit/export", LOOK, Whole => audit::export;
    get "/api/audit/verify", LOOK, Whole => audit::verify;
}
