//! When the host is killed: some time after it listens, right after an acknowledgement, right after a request arrived at
//! the sink, before it listens at all, while it recovers, and right before or after a sync, its first ones included.
//! Once in a while it lives long enough to find a system up again that was down.

use std::time::Duration;

use tokio::sync::watch;

use crate::round::Round;
use crate::syncs::Syncs;

/// Nothing happens any more: kill all the same.
const LONGEST: Duration = Duration::from_secs(1);

/// The moment of a kill.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many milliseconds after the start: it listens after some 50.
    Starting(u64),
    /// So many milliseconds after it listens.
    After(u64),
    /// With so many acknowledgements more.
    Acknowledged(u64),
    /// With so many arrivals more.
    Arrived(u64),
    /// At a sync.
    Sync(i64),
}

impl Moment {
    fn draw(random: &mut fastrand::Rng, syncs: &mut Syncs) -> Self {
        match random.u32(0..100) {
            0..8 => Self::Starting(random.u64(0..60)),
            8..20 => Self::After(random.u64(1..100)),
            20..40 => Self::Acknowledged(random.u64(1..60)),
            40..64 => Self::Arrived(random.u64(1..60)),
            64..99 => Self::Sync(syncs.draw()),
            _ => Self::After(random.u64(1_200..2_500)),
        }
    }
}

/// Kills it so many times, or until the record is full, and leaves it running; returns how many times it was.
pub(crate) async fn run(
    kills: u32,
    random: &mut fastrand::Rng,
    syncs: &mut Syncs,
    round: &Round,
) -> anyhow::Result<u32> {
    let mut done = 0;
    while done < kills && !round.record.is_full() {
        let moment = Moment::draw(random, syncs);
        let sync = match moment {
            Moment::Sync(position) => Some((&*syncs, position)),
            _ => None,
        };
        round.host.spawn(sync)?;
        reach(moment, round).await?;
        round.kill().await?;
        done += 1;
    }
    round.host.spawn(None)?;
    round.host.listens().await?;
    Ok(done)
}

async fn reach(moment: Moment, round: &Round) -> anyhow::Result<()> {
    match moment {
        Moment::Starting(milliseconds) => pause(milliseconds).await,
        Moment::Sync(_) => {
            let _ = tokio::time::timeout(LONGEST, round.host.ended()).await;
        }
        Moment::After(milliseconds) => {
            round.host.listens().await?;
            pause(milliseconds).await;
        }
        Moment::Acknowledged(count) => {
            round.host.listens().await?;
            more(round.journal.count(), count).await;
        }
        Moment::Arrived(count) => {
            round.host.listens().await?;
            more(round.record.count(), count).await;
        }
    }
    Ok(())
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await; // reason: the moment of a kill is a time drawn by the seed
}

/// Until a counter has grown by so many.
async fn more(mut counter: watch::Receiver<u64>, by: u64) {
    let target = *counter.borrow() + by;
    let _ = tokio::time::timeout(LONGEST, counter.wait_for(|count| *count >= target)).await;
}
