//! The audit, sent to collectors while it is made: in order, at least once, from where the collector is, which is kept
//! beside the log. A collector that is down is waited for; it stops nothing and misses nothing that is still kept.

mod otlp;
mod syslog;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tombolo_kernel::limits;
use tombolo_store::StoredAudit;

use crate::core::Core;
use crate::host::told_to_stop;
use crate::site::AuditExport;

/// How often new records are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// First pause after a collector did not take a batch, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A collector, by the protocol it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Collector {
    Syslog(crate::site::SyslogPlace),
    Otlp(String),
}

/// A batch of records, in order.
pub(super) struct Batch {
    /// Whose: the store's id.
    site: String,
    records: Vec<(StoredAudit, Value)>,
}

impl Collector {
    fn all(export: &AuditExport) -> Vec<Self> {
        let syslog = export.syslog.clone().map(Self::Syslog);
        let otlp = export.otlp.clone().map(Self::Otlp);
        syslog.into_iter().chain(otlp).collect()
    }

    /// The name of its position.
    fn name(&self) -> &'static str {
        match self {
            Self::Syslog(_) => "syslog",
            Self::Otlp(_) => "otlp",
        }
    }

    /// Hands over a batch; an error says why it must come again.
    async fn take(&self, batch: &Batch) -> Result<(), String> {
        let taking = async {
            match self {
                Self::Syslog(place) => syslog::send(place, batch).await,
                Self::Otlp(url) => otlp::send(url, batch).await,
            }
        };
        tokio::time::timeout(limits::AUDIT_EXPORT, taking)
            .await
            .unwrap_or_else(|_| Err("it did not take a batch in time".to_owned()))
    }
}

/// The names of a site's collectors.
pub(crate) fn collectors(export: &AuditExport) -> Vec<&'static str> {
    Collector::all(export).iter().map(Collector::name).collect()
}

/// Exports until the host stops; takes up what a reload changed.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let mut settings = core.exports.subscribe();
    loop {
        let collectors = Collector::all(&settings.borrow_and_update());
        let exports = collectors
            .into_iter()
            .map(|collector| export(&core, collector));
        let all = futures_util::future::join_all(exports);
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            // An error means that the host is gone.
            changed = settings.changed() => if changed.is_err() { return },
            // Each goes on for ever; without any there is nothing to do before a change.
            () = async { all.await; std::future::pending::<()>().await } => {}
        }
    }
}

async fn export(core: &Core, collector: Collector) {
    let (name, mut pause, mut is_down) = (collector.name(), PAUSES.0, false);
    loop {
        let sent = match next(core, name).await {
            Ok(None) => {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            Ok(Some(batch)) => collector.take(&batch).await.map(|()| batch),
            Err(error) => Err(error),
        };
        match sent {
            Ok(batch) => {
                if std::mem::take(&mut is_down) {
                    tracing::info!(
                        collector = name,
                        "the audit's collector takes records again"
                    );
                }
                pause = PAUSES.0;
                if let Some((last, _)) = batch.records.last() {
                    core.audit.exported(name, last.number);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut is_down, true) {
                    tracing::warn!(
                        collector = name,
                        error,
                        "the audit's collector takes no records; they are kept for it and sent again"
                    );
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

/// The next records for a collector.
async fn next(core: &Core, name: &str) -> Result<Option<Batch>, String> {
    let words = |error: tombolo_store::StoreError| error.to_string();
    let position = core.audit.position(name).await.map_err(words)?;
    let records = core
        .audit
        .after(position, limits::AUDIT_EXPORTED)
        .await
        .map_err(words)?;
    let records: Vec<_> = records
        .into_iter()
        .map(|stored| {
            let fields = serde_json::from_str(stored.record.get()).unwrap_or_default();
            (stored, fields)
        })
        .collect();
    let site = core.store.id().to_owned();
    Ok((!records.is_empty()).then_some(Batch { site, records }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn listening() -> (TcpListener, Collector) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = crate::site::SyslogPlace {
            address: listener.local_addr().unwrap().to_string(),
            over_tcp: true,
        };
        (listener, Collector::Syslog(place))
    }

    fn batch() -> Batch {
        Batch {
            site: "s".to_owned(),
            records: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_syslog_collector_that_reads_to_the_end_and_closes_has_taken_a_batch() {
        let (listener, collector) = listening().await;
        let (batch, reading) = (batch(), async {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        });
        let (taken, read) = tokio::join!(collector.take(&batch), reading);
        assert_eq!(read.unwrap(), 0);
        assert_eq!(taken, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_syslog_collector_that_hangs_has_not() {
        let (_listener, collector) = listening().await;
        let taken = collector.take(&batch()).await;
        assert_eq!(taken, Err("it did not take a batch in time".to_owned()));
    }
}
