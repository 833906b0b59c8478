//! Forgetting what is old enough, a little at a time: at the start, every [`limits::SWEEP_EVERY`], and when the site's
//! `retention` may have changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tombolo_kernel::limits;
use tombolo_store::{StoreError, Sweep};

use crate::core::Core;
use crate::export;
use crate::host::told_to_stop;

/// Between two steps, so that the writer is others' most of the time.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until the host stops.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            swept = sweep(&core) => {
                // The writer says why it cannot write.
                if let Err(error) = swept {
                    tracing::debug!(%error, "nothing was forgotten this time");
                }
            }
        }
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = core.site_changed.notified() => {}
            () = tokio::time::sleep(limits::SWEEP_EVERY) => {}
        }
    }
}

/// Records that a collector did not take yet are kept longer: after which, and until when.
async fn unexported(core: &Core, age: Duration) -> Result<Option<(i64, u64)>, StoreError> {
    let collectors = export::collectors(&core.exports.borrow());
    let mut behind = None;
    for name in collectors {
        let position = core.audit.position(name).await?;
        behind = Some(behind.map_or(position, |other: i64| other.min(position)));
    }
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let longer = age.saturating_mul(limits::AUDIT_UNEXPORTED);
    let before_ms = core.clock.now_ms().saturating_sub(longer);
    Ok(behind.map(|position| (position, before_ms)))
}

async fn sweep(core: &Core) -> Result<(), StoreError> {
    let retention = *core.retention.read();
    let now = core.clock.now_ms();
    let before = |age: Duration| now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(now));
    let mut sweep = Sweep {
        events_before_ms: before(retention.age),
        most_bytes: retention.size.unwrap_or(0),
        audits_before_ms: before(retention.audit),
        audits_kept: unexported(core, retention.audit).await?,
        after: 0,
    };
    let (mut events, mut runs, mut audits) = (0, 0, 0);
    loop {
        let swept = core.store.sweep(sweep.clone()).await?;
        events += swept.events;
        runs += swept.runs;
        audits += swept.audits;
        if !swept.more {
            break;
        }
        sweep.after = swept.next.unwrap_or(i64::MAX);
        tokio::time::sleep(PAUSE).await;
    }
    let flows = core.engine.forget_flows().await?;
    if events + audits + flows > 0 {
        tracing::info!(
            events,
            runs,
            audits,
            flows,
            "forgot what was older than the site keeps"
        );
    }
    Ok(())
}
