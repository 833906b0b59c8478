use std::time::Duration;

use futures_util::future::join_all;

use super::*;

const TAKES: Duration = Duration::from_millis(1);

/// How long that many reads or writes at once take, each a millisecond by itself, of calls with so many host calls before.
async fn time(turns: &Turns, uses: usize, host_calls: u32, writes: bool) -> Duration {
    let began = Instant::now();
    let used = || async { tokio::time::sleep(TAKES).await }; // reason: simulated time
    if writes {
        join_all((0..uses).map(|_| turns.write(host_calls, used()))).await;
    } else {
        join_all((0..uses).map(|_| turns.read(host_calls, used()))).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn uses_of_a_call_that_makes_many_host_calls_take_turns_and_reads_rest() {
    let (few, many) = (limits::HOST_CALLS_AT_ONCE - 1, limits::HOST_CALLS_AT_ONCE);
    for writes in [false, true] {
        let turns = Turns::default();
        let at_once = time(&turns, 10, few, writes).await;
        assert_eq!(at_once, TAKES, "writes: {writes}");
        // The rest after the last one is not waited for.
        let rest = if writes { 0 } else { limits::READ_REST };
        let all = TAKES * 10 + TAKES * rest * 9;
        assert_eq!(
            time(&turns, 10, many, writes).await,
            all,
            "writes: {writes}"
        );
        let beside = time(&turns, 10, few, writes).await;
        assert_eq!(beside, TAKES, "beside a rest, writes: {writes}");
    }
}
