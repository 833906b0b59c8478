//! `/api/xref`: cross-references: listed, imported, and repaired by people. Who and why is kept with every id.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::Kind;
use tombolo_kernel::clock::new_id;
use tombolo_kernel::limits;
use tombolo_store::{
    ChangeFilter, Conflict, Entity, EntityFilter, Link, LinkChange, LinkOrder, LinkOutcome, Maker,
    OnConflict, StoreError, SystemId, Unlink, contradiction, displaced,
};

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, Query, limit, object, person};
use crate::core::Core;

/// Largest repair, bytes: some ids, a reason and some room.
const REPAIR_BODY: usize = 64 << 10;
/// Largest batch of an import, bytes: ids of some hundred bytes in every row.
const IMPORT_BODY: usize = 4 << 20;

/// Which entities.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntitiesQuery {
    kind: Option<String>,
    system: Option<String>,
    id: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

/// A page of entities.
#[derive(Debug, Serialize)]
pub(crate) struct EntitiesPage {
    entities: Vec<Entity>,
    /// Goes into `after` for the next page.
    next: Option<i64>,
}

/// Which changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesQuery {
    kind: Option<String>,
    system: Option<String>,
    id: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// A link that a person makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    kind: String,
    ids: Vec<SystemId>,
    by: String,
    reason: String,
    /// Take away what contradicts it.
    #[serde(default)]
    replace: bool,
}

/// An id that a person takes out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlinkBody {
    kind: String,
    system: String,
    id: String,
    by: String,
    reason: String,
}

/// Rows of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportBody {
    kind: String,
    /// The file's name.
    file: String,
    /// Its columns.
    systems: Vec<String>,
    /// Ids, in the order of the columns; empty: none in that system.
    rows: Vec<Vec<String>>,
    /// Who is asked about conflicts.
    role: String,
    by: String,
    reason: String,
}

/// What came of a link.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// `linked`, `known`, `conflict`, `refused`.
    outcome: &'static str,
    /// Why not, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    /// The task that asks about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
}

/// By number; `next` goes into `after` for the next page.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<EntitiesQuery>,
) -> Result<Json<EntitiesPage>, Refusal> {
    let most = limit(query.limit)?;
    let filter = EntityFilter {
        kind: query.kind,
        system: query.system,
        id: query.id,
        after: query.after,
        limit: most,
    };
    let entities = core.store.entities(filter).await?;
    let is_full = u32::try_from(entities.len()).is_ok_and(|found| found == most);
    let last = entities.last().map(|entity| entity.number);
    Ok(Json(EntitiesPage {
        next: last.filter(|_| is_full),
        entities,
    }))
}

/// What was linked and unlinked, the newest first.
pub(crate) async fn history(
    State(core): State<Arc<Core>>,
    Query(query): Query<ChangesQuery>,
) -> Result<Json<Vec<LinkChange>>, Refusal> {
    let filter = ChangeFilter {
        kind: query.kind,
        system: query.system,
        id: query.id,
        before: query.before,
        limit: limit(query.limit)?,
    };
    Ok(Json(core.store.link_changes(filter).await?))
}

/// Makes a link; one that contradicts others only with `replace`.
pub(crate) async fn link(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<Outcome>, Refusal> {
    let expected = "{\"kind\", \"ids\", \"by\", \"reason\", \"replace\"}";
    let body: LinkBody = object(&headers, content, REPAIR_BODY, expected).await?;
    person::check_with_reason(&body.by, &body.reason)?;
    let systems = body.ids.iter().map(|id| id.system.as_str());
    known(&core, &body.kind, systems)?;
    let link = Link {
        kind: body.kind,
        ids: body.ids,
        maker: Maker {
            by: body.by,
            cause: String::new(),
            reason: body.reason,
        },
    };
    link.check()
        .map_err(|message| Refusal::Invalid(format!("ids: {message}")))?;
    let on_conflict = match body.replace {
        true => OnConflict::Replace,
        false => OnConflict::Tell,
    };
    let order = LinkOrder {
        link: link.clone(),
        on_conflict,
    };
    let systems: Vec<&str> = link.ids.iter().map(|id| id.system.as_str()).collect();
    let record = decision(&core, Kind::Link, &token)
        .by(&link.maker.by)
        .about(format!("{} linked in {}", link.kind, systems.join(", ")))
        .because(&link.maker.reason);
    let store = Arc::clone(&core.store);
    let work = async move { store.link(vec![order]).await };
    let outcome = decided(&core, record, work).await?.pop();
    match outcome {
        Some(LinkOutcome::Conflict(conflict)) => {
            let (why, then) = (contradiction(&link, &conflict), displaced(&conflict));
            Err(Refusal::Store(StoreError::Conflict(format!(
                "{why} Nothing was changed; to link them all the same, say replace{then}"
            ))))
        }
        Some(outcome) => {
            tracing::info!(kind = %link.kind, by = %link.maker.by, "a person linked ids");
            Ok(Json(told(&link, outcome)))
        }
        None => Err(Refusal::Store(StoreError::Format(
            "the store did not say what came of a link".into(),
        ))),
    }
}

/// Takes an id out of its entity; answers the entity as it was.
pub(crate) async fn unlink(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<Entity>, Refusal> {
    let expected = "{\"kind\", \"system\", \"id\", \"by\", \"reason\"}";
    let body: UnlinkBody = object(&headers, content, REPAIR_BODY, expected).await?;
    person::check_with_reason(&body.by, &body.reason)?;
    let (kind, by) = (body.kind.clone(), body.by.clone());
    let unlink = Unlink {
        kind: body.kind,
        id: SystemId {
            system: body.system,
            id: body.id,
        },
        maker: Maker {
            by: body.by,
            cause: String::new(),
            reason: body.reason,
        },
    };
    let record = decision(&core, Kind::Link, &token)
        .by(&by)
        .about(format!("{kind} unlinked in {}", unlink.id.system))
        .because(&unlink.maker.reason);
    let store = Arc::clone(&core.store);
    let was = decided(&core, record, async move { store.unlink(unlink).await }).await?;
    tracing::info!(%kind, %by, "a person unlinked an id");
    Ok(Json(was))
}

/// Makes a link of every row. What contradicts becomes a task that belongs to no run.
pub(crate) async fn import(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<Vec<Outcome>>, Refusal> {
    let expected = "{\"kind\", \"file\", \"systems\", \"rows\", \"role\", \"by\", \"reason\"}";
    let body: ImportBody = object(&headers, content, IMPORT_BODY, expected).await?;
    person::check_with_reason(&body.by, &body.reason)?;
    known(&core, &body.kind, body.systems.iter().map(String::as_str))?;
    core.named
        .load()
        .check_role("role", &body.role)
        .map_err(Refusal::Invalid)?;
    for (what, text) in [("file", &body.file), ("role", &body.role)] {
        if text.len() > limits::EVENT_NAME {
            let most = limits::EVENT_NAME;
            return Err(Refusal::Invalid(format!(
                "{what}: found {} bytes, expected at most {most}",
                text.len()
            )));
        }
    }
    if body.rows.len() > limits::LINK_BATCH {
        let (found, most) = (body.rows.len(), limits::LINK_BATCH);
        return Err(Refusal::Invalid(format!(
            "rows: found {found}, expected at most {most} at a time"
        )));
    }
    let maker = Maker {
        by: body.by,
        cause: format!("import {}", body.file),
        reason: body.reason,
    };
    let now = core.clock.now_ms();
    let mut orders = Vec::with_capacity(body.rows.len());
    for row in body.rows {
        if row.len() != body.systems.len() {
            let (found, expected) = (row.len(), body.systems.len());
            return Err(Refusal::Invalid(format!(
                "rows: found {found} ids, expected one for each of {expected} systems"
            )));
        }
        let ids = body.systems.iter().zip(row).map(|(system, id)| SystemId {
            system: system.clone(),
            id,
        });
        let link = Link {
            kind: body.kind.clone(),
            ids: ids.filter(|id| !id.id.is_empty()).collect(),
            maker: maker.clone(),
        };
        let (task, role) = (new_id(now), body.role.clone());
        let on_conflict = OnConflict::Ask { task, role };
        orders.push(LinkOrder { link, on_conflict });
    }
    let links: Vec<Link> = orders.iter().map(|order| order.link.clone()).collect();
    let record = decision(&core, Kind::Link, &token)
        .by(&maker.by)
        .about(format!("{} rows of {} imported", links.len(), body.kind))
        .because(&maker.reason);
    let store = Arc::clone(&core.store);
    let outcomes = decided(&core, record, async move { store.link(orders).await }).await?;
    tracing::info!(kind = %body.kind, rows = links.len(), "links imported");
    let both = links.iter().zip(outcomes);
    Ok(Json(
        both.map(|(link, outcome)| told(link, outcome)).collect(),
    ))
}

fn known<'n>(
    core: &Core,
    kind: &str,
    mut systems: impl Iterator<Item = &'n str>,
) -> Result<(), Refusal> {
    let named = core.named.load();
    named
        .check_kind("kind", kind)
        .and_then(|()| systems.try_for_each(|system| named.check_system("system", system)))
        .map_err(Refusal::Invalid)
}

fn told(link: &Link, outcome: LinkOutcome) -> Outcome {
    let (outcome, why, task) = match outcome {
        LinkOutcome::Linked => ("linked", String::new(), None),
        LinkOutcome::Known => ("known", String::new(), None),
        LinkOutcome::Refused(why) => ("refused", why, None),
        LinkOutcome::Conflict(conflict) => {
            let why = contradiction(link, &conflict);
            let Conflict { task, .. } = conflict;
            ("conflict", why, task)
        }
    };
    Outcome { outcome, why, task }
}
