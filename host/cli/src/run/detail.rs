//! One run with its event and its trace, as the API tells it.

use serde::Deserialize;
use tombolo_flow::trace::{RunTrace, StepTrace};

use super::RunView;
use crate::client::{self, Client};
use crate::event::EventView;

/// A run, whole.
#[derive(Debug, Deserialize)]
pub(crate) struct Detail {
    pub(crate) run: RunView,
    #[serde(default)]
    pub(crate) event: Option<EventView>,
    #[serde(default)]
    pub(crate) trace: RunTrace,
}

/// Where the API tells of one run.
pub(crate) fn path(id: &str) -> String {
    format!("/api/runs/{}", client::encoded(id))
}

/// The run, which must be there.
pub(crate) async fn fetch(client: &Client, id: &str) -> anyhow::Result<Detail> {
    client.read(&path(id)).await
}

/// The run, if it is there: a run that has not waited or ended yet may not be.
pub(crate) async fn find(client: &Client, id: &str) -> anyhow::Result<Option<Detail>> {
    match client.find(&path(id)).await? {
        Some(value) => Ok(Some(client::into(value, &path(id))?)),
        None => Ok(None),
    }
}

/// All steps, those inside others too, in the order in which they began.
pub(crate) fn flat(steps: &[StepTrace]) -> Vec<&StepTrace> {
    let mut all = Vec::new();
    for step in steps {
        all.push(step);
        all.extend(flat(&step.steps));
    }
    all
}
