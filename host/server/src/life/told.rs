//! The events `tombolo.system-quarantined` and `tombolo.canary-fell-back`: what systems did by themselves, so that a flow
//! can alert people wherever they are. A canary's fall is also kept: its version is not tried again.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tombolo_kernel::clock::{Millis, rfc3339};
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_kernel::system::{LifeNews, Systems};

use super::canary::fall_back;
use crate::core::Core;
use crate::host::told_to_stop;

/// That a system kept crashing and rests until somebody enables it or another version takes its place.
const QUARANTINED: &str = "tombolo.system-quarantined";
/// That a canary did worse than the version beside it, which has all lanes again.
const FELL_BACK: &str = "tombolo.canary-fell-back";
/// Who decides where the host does.
const HOST: &str = "the host";

/// What is not told yet.
pub(crate) type News = mpsc::Receiver<(String, LifeNews)>;

/// Gathers the news of these systems from now on.
pub(crate) fn gather(systems: &Systems) -> News {
    let (tell, told) = mpsc::channel(limits::LIFE_NEWS);
    systems.on_news(move |system, news| {
        // Full only where something happens to every system at once; each is in the host's log and the audit, too.
        let _ = tell.try_send((system.to_owned(), news));
    });
    told
}

/// Puts each into the log until the host stops.
pub(crate) async fn tell(core: Arc<Core>, mut news: News, mut stopped: watch::Receiver<bool>) {
    loop {
        let (system, one) = tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            Some(one) = news.recv() => one,
            else => return,
        };
        match one {
            LifeNews::Quarantined(quarantine) => {
                let running = core.status().into_iter().find(|one| one.system == system);
                let (adapter, version, digest) = running.map_or_else(Default::default, |status| {
                    (status.adapter, status.version, status.digest)
                });
                let data = json!({
                    "system": system,
                    "since": rfc3339(quarantine.since_ms),
                    "adapter": adapter,
                    "version": version,
                    "digest": digest,
                    "failure": quarantine.message,
                });
                publish(&core, QUARANTINED, system, quarantine.since_ms, &data).await;
            }
            LifeNews::FellBack { digest, why } => {
                let now = core.clock.now_ms();
                let data = json!({ "system": system, "since": rfc3339(now), "digest": digest, "failure": why });
                let kept = fall_back(&core, &system, digest, HOST.to_owned(), why).await;
                if let Err(error) = kept {
                    tracing::error!(%system, %error, "that the canary fell back could not be kept: it is tried again at the next reload");
                }
                publish(&core, FELL_BACK, system, now, &data).await;
            }
        }
    }
}

async fn publish(
    core: &Core,
    kind: &str,
    system: String,
    since_ms: Millis,
    data: &serde_json::Value,
) {
    let Ok(data) = serde_json::value::to_raw_value(data) else {
        return;
    };
    let event = Event {
        id: format!("{kind}/{since_ms}"),
        source: format!("/systems/{system}"),
        kind: kind.to_owned(),
        subject: Some(system),
        time: rfc3339(since_ms),
        data,
        hops: 0,
        cause: None,
        root: None,
    };
    // A store that is down is reported where it was met; the news itself is in the host's log.
    let _ = core.publish(vec![event]).await;
}
