//! `GET /api/systems`: how every system stands, and how calls to it go.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tombolo_flow::engine::DeliveryStatus;
use tombolo_kernel::system::SystemStatus;

use super::Json;
use super::tokens::MayOperate;
use crate::core::Core;

/// A system, whole.
#[derive(Debug, Serialize)]
pub(crate) struct SystemView {
    #[serde(flatten)]
    status: SystemStatus,
    /// Nothing where no call went to it since the start.
    delivery: Option<DeliveryStatus>,
}

/// By name.
pub(crate) async fn list(_: MayOperate, State(core): State<Arc<Core>>) -> Json<Vec<SystemView>> {
    let deliveries = core.engine.deliveries().into_iter();
    let mut deliveries: BTreeMap<String, DeliveryStatus> = deliveries
        .map(|delivery| (delivery.system.clone(), delivery))
        .collect();
    let with_delivery = |status: SystemStatus| SystemView {
        delivery: deliveries.remove(&status.system),
        status,
    };
    Json(core.status().into_iter().map(with_delivery).collect())
}
