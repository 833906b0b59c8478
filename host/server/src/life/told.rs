//! The event `tombolo.system-quarantined`: says that a system kept crashing and rests until somebody enables it or
//! another version takes its place, so that a flow can alert people wherever they are.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_kernel::system::{Quarantine, Systems};

use crate::core::Core;
use crate::host::told_to_stop;

/// Its type.
const QUARANTINED: &str = "tombolo.system-quarantined";

/// Quarantines that are not told yet.
pub(crate) type Quarantines = mpsc::Receiver<(String, Quarantine)>;

/// Gathers the quarantines of these systems from now on.
pub(crate) fn gather(systems: &Systems) -> Quarantines {
    let (tell, told) = mpsc::channel(limits::QUARANTINES_TOLD);
    systems.on_quarantine(move |system, quarantine| {
        // Full only where every system is quarantined at once; each is in the host's log and the audit, too.
        let _ = tell.try_send((system.to_owned(), quarantine));
    });
    told
}

/// Puts each into the log until the host stops.
pub(crate) async fn tell(
    core: Arc<Core>,
    mut quarantines: Quarantines,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let (system, quarantine) = tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            Some(one) = quarantines.recv() => one,
            else => return,
        };
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
        let Ok(data) = serde_json::value::to_raw_value(&data) else {
            continue;
        };
        let event = Event {
            id: format!("{QUARANTINED}/{}", quarantine.since_ms),
            source: format!("/systems/{system}"),
            kind: QUARANTINED.to_owned(),
            subject: Some(system),
            time: rfc3339(quarantine.since_ms),
            data,
            hops: 0,
            cause: None,
        };
        // A store that is down is reported where it was met; the quarantine itself is in the host's log.
        let _ = core.publish(vec![event]).await;
    }
}
