use std::time::Duration;

use futures_util::future::join_all;

use super::*;

const TAKES: Duration = Duration::from_millis(1);

struct Nothing;

impl KeyValues for Nothing {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(async { Ok(None) })
    }

    fn set<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Vec<u8>,
        _: Option<Option<Vec<u8>>>,
        _: u64,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async { Ok(()) })
    }

    fn keys<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn store() -> Store {
    Store::prepare("erp".into(), Arc::new(Nothing))
}

/// How long that many reads at once take, each a millisecond by itself, of calls with so many host calls.
async fn time(store: &Store, reads: usize, host_calls: u32) -> Duration {
    let began = Instant::now();
    let read = || async { tokio::time::sleep(TAKES).await }; // reason: simulated time
    join_all((0..reads).map(|_| store.in_turn(host_calls, read()))).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn reads_of_a_call_that_makes_many_host_calls_take_turns_and_rest() {
    let (few, many) = (limits::HOST_CALLS_AT_ONCE, limits::HOST_CALLS_AT_ONCE + 1);
    let store = store();
    assert_eq!(time(&store, 10, few).await, TAKES, "all at once");
    // The rest after the last one is not waited for.
    let all = TAKES * 10 + TAKES * limits::READ_REST * 9;
    assert_eq!(time(&store, 10, many).await, all);
    assert_eq!(time(&store, 10, few).await, TAKES, "beside a rest");
}

#[tokio::test(start_paused = true)]
async fn one_systems_reads_do_not_wait_for_anothers() {
    let many = limits::HOST_CALLS_AT_ONCE + 1;
    let (one, other) = (store(), store());
    assert_eq!(time(&one, 1, many).await, TAKES);
    assert_eq!(time(&other, 1, many).await, TAKES);
}
