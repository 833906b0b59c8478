//! When the host is killed: some time after it listens, right after an acknowledgement (a sync), right after a
//! request arrived at the sink, or before it listens at all, while it recovers.

use std::time::Duration;

use tokio::sync::watch;

use crate::host::Host;
use crate::journal::Journal;
use crate::sink::Sink;

/// Nothing happens any more: kill all the same.
const LONGEST: Duration = Duration::from_secs(2);

/// Kills it so many times, and leaves it running.
pub(crate) async fn run(
    kills: u32,
    seed: u64,
    host: &Host,
    journal: &Journal,
    sink: &Sink,
) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed ^ 0xdead);
    host.spawn()?;
    host.listens().await?;
    for kill in 1..=kills {
        match random.u32(0..10) {
            0 if kill > 1 => {
                // While it starts: it listens after some 50 ms.
                pause(random.u64(0..60)).await;
            }
            0..4 => {
                host.listens().await?;
                pause(random.u64(1..120)).await;
            }
            4..8 => {
                host.listens().await?;
                more(journal.count(), random.u64(1..60)).await;
            }
            _ => {
                host.listens().await?;
                more(sink.arrived(), random.u64(1..60)).await;
            }
        }
        host.kill()?;
        sink.quiet().await;
        if kill.is_multiple_of(50) {
            println!("{kill} kills, {} acknowledged", *journal.count().borrow());
        }
        host.spawn()?;
    }
    host.listens().await
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await; // reason: the moment of a kill is a time drawn by the seed
}

/// Until a counter has grown by so many.
async fn more(mut counter: watch::Receiver<u64>, by: u64) {
    let target = *counter.borrow() + by;
    let _ = tokio::time::timeout(LONGEST, counter.wait_for(|count| *count >= target)).await;
}
