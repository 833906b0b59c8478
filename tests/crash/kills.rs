//! When the host is killed: some time after it listens, right after an acknowledgement, right after a request arrived at
//! the sink, before it listens at all, while it recovers, and right before or after a sync, its first ones included.
//! Once in a while it lives long enough to find a system up again that was down.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use crate::round::Round;
use crate::syncs::Syncs;

/// Nothing happens any more: kill all the same.
const LONGEST: Duration = Duration::from_secs(1);
/// The same of a sync, of which a busy machine has fewer in a time.
const LONGEST_TO_A_SYNC: Duration = Duration::from_secs(3);

/// The moment of a kill.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many milliseconds after the start: it listens after 60, or 200 where it is not optimized.
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
    fn draw(random: &mut fastrand::Rng, syncs: &mut Syncs, must_walk: bool) -> Self {
        if must_walk {
            return Self::Sync(syncs.draw());
        }
        match random.u32(0..100) {
            0..8 => Self::Starting(random.u64(0..80)),
            8..20 => Self::After(random.u64(1..100)),
            20..40 => Self::Acknowledged(random.u64(1..40)),
            40..64 => Self::Arrived(random.u64(1..40)),
            64..99 => Self::Sync(syncs.draw()),
            _ => Self::After(random.u64(1_200..2_500)),
        }
    }
}

/// How often it was killed.
#[derive(Debug, Default)]
pub(crate) struct Killed {
    /// In all.
    pub(crate) kills: u32,
    /// At the very sync that was drawn; in other lives the host was not busy enough to come so far.
    pub(crate) at_syncs: u32,
    /// Every sync that was drawn, +N after the Nth, -N before it, and whether it ended there.
    pub(crate) places: BTreeMap<i64, bool>,
}

/// Kills it so many times, or until the record is full, and leaves it running.
pub(crate) async fn run(
    kills: u32,
    random: &mut fastrand::Rng,
    syncs: &mut Syncs,
    round: &Round,
) -> anyhow::Result<Killed> {
    let mut killed = Killed::default();
    let walks = syncs.walk() <= kills as usize;
    while killed.kills < kills && !round.record.is_full() {
        // The walk through the syncs comes to its end before the kills do, where they are enough.
        let must_walk = walks && syncs.walk() >= (kills - killed.kills) as usize;
        let moment = Moment::draw(random, syncs, must_walk);
        let sync = match moment {
            Moment::Sync(position) => Some((&*syncs, position)),
            _ => None,
        };
        round.host.spawn(sync)?;
        reach(moment, round).await?;
        let at_sync = round.kill().await?;
        if let (true, Moment::Sync(position)) = (at_sync, moment) {
            killed.at_syncs += 1;
            syncs.met(position);
        }
        killed.kills += 1;
    }
    round.host.spawn(None)?;
    round.host.listens().await?;
    killed.places = syncs.drawn();
    Ok(killed)
}

async fn reach(moment: Moment, round: &Round) -> anyhow::Result<()> {
    match moment {
        Moment::Starting(milliseconds) => pause(milliseconds).await,
        Moment::Sync(_) => {
            let _ = tokio::time::timeout(LONGEST_TO_A_SYNC, round.host.ended()).await;
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
