use std::time::Duration;

use futures_util::future::join_all;

use super::*;

const TAKES: Duration = Duration::from_millis(1);

/// How long that many reads at once take, each a millisecond by itself, of calls with so many host calls before.
async fn time(turns: &Turns, reads: usize, host_calls: u32) -> Duration {
    let began = Instant::now();
    let read = || async { tokio::time::sleep(TAKES).await }; // reason: simulated time
    join_all((0..reads).map(|_| turns.take(host_calls, read()))).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn reads_of_a_call_that_makes_many_host_calls_take_turns_and_rest() {
    let (few, many) = (limits::HOST_CALLS_AT_ONCE - 1, limits::HOST_CALLS_AT_ONCE);
    let turns = Turns::default();
    assert_eq!(time(&turns, 10, few).await, TAKES, "all at once");
    // The rest after the last one is not waited for.
    let all = TAKES * 10 + TAKES * limits::READ_REST * 9;
    assert_eq!(time(&turns, 10, many).await, all);
    assert_eq!(time(&turns, 10, few).await, TAKES, "beside a rest");
}
