//! `/api/reconciliations`: how jobs stand, their newest reports, and carrying one out now.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tombolo_kernel::audit::Kind;
use tombolo_store::StoreError;

use super::Json;
use super::decided::{Noted, decision, on_disk};
use super::errors::Refusal;
use super::guard::Caller;
use crate::core::Core;
use crate::reconciliation::report::{self, Report};
use crate::reconciliation::{JobView, NotNow};

/// Bytes of a report that are sent at once.
const CHUNK: usize = 64 << 10;

/// By name.
pub(crate) async fn list(State(core): State<Arc<Core>>) -> Result<Json<Vec<JobView>>, Refusal> {
    let listed = tokio::task::spawn_blocking(move || core.reconciliations.list(&core)).await;
    let listed = listed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(Json(listed))
}

#[derive(Debug, Serialize)]
struct Begun {
    running: bool,
}

/// Has one carried out now: 202, and the list tells how it goes on.
pub(crate) async fn run(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(job): Path<String>,
) -> Result<Response, Refusal> {
    let noted = Noted::begin(&core, decision(&core, Kind::Order, &token));
    let demanded = core.reconciliations
        .demand(&job)
        .map_err(|not_now| match not_now {
            NotNow::Unknown => unknown(),
            NotNow::Running => Refusal::Store(StoreError::Conflict(
                "the reconciliation is being carried out; ask again when `tombolo reconcile list` says that it waits"
                    .into(),
            )),
        });
    noted.end(demanded, |()| format!("reconciliation {job}"))?;
    on_disk(&core).await;
    Ok((StatusCode::ACCEPTED, Json(Begun { running: true })).into_response())
}

/// The newest report, with the first differences.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(job): Path<String>,
) -> Result<Json<Report>, Refusal> {
    newest(&core, &job).await.map(Json)
}

/// All differences of the newest report, as CSV.
pub(crate) async fn csv(
    State(core): State<Arc<Core>>,
    Path(job): Path<String>,
) -> Result<Response, Refusal> {
    let report = newest(&core, &job).await?;
    let path = report::csv(&report::folder(&core.data, &job), &report.run);
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, file)))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    Ok(response)
}

async fn newest(core: &Arc<Core>, job: &str) -> Result<Report, Refusal> {
    // Names of jobs are names of folders: only those of the site are looked for.
    if !core.reconciliations.has(job) {
        return Err(unknown());
    }
    let folder = report::folder(&core.data, job);
    let newest = tokio::task::spawn_blocking(move || report::newest(&folder)).await;
    let newest = newest.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    newest.map_err(unreadable)?.ok_or_else(|| {
        Refusal::Unknown(
            "it was not carried out yet; `tombolo reconcile run NAME` does it now".into(),
        )
    })
}

fn unknown() -> Refusal {
    Refusal::Unknown(
        "there is no such reconciliation; `tombolo reconcile list` shows those there are".into(),
    )
}

fn unreadable(error: std::io::Error) -> Refusal {
    Refusal::Store(StoreError::Unavailable(format!(
        "the report cannot be read: {error}"
    )))
}
