//! The end of a round: until every acknowledged event is in the log and its run finished, dead, or waiting for long.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::log;
use crate::journal::Entry;

/// How long the host may take to finish what is left once the sink is healed.
const SETTLING: Duration = Duration::from_secs(60);

/// Waits for it. What is not settled after [`SETTLING`] is left to the verdict, which counts it as lost.
pub(crate) async fn wait(store: &Path, acked: &[Entry]) -> anyhow::Result<()> {
    let mut wanted: HashMap<&str, u64> = HashMap::new();
    for entry in acked {
        *wanted.entry(&entry.flow).or_default() += 1;
    }
    let store = log::open(store)?;
    let start = Instant::now();
    while start.elapsed() < SETTLING {
        let counts = log::counts(&store)?;
        let is_there =
            |(flow, count): (&&str, &u64)| counts.get(*flow).is_some_and(|found| found >= count);
        if wanted.iter().all(is_there) && log::open_ends(&store)? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // reason: a pause between two looks at another process
    }
    Ok(())
}
