//! A call that runs long, without a guest: a future that keeps its thread busy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::*;
use crate::clock::thread_time;
use crate::limits;
use crate::sandbox::meter::metered;

/// Keeps the thread that polls it for longer than a slice, twice, and tells its name afterwards.
async fn twice(keep: impl Fn()) -> Option<String> {
    let mut turns = 0;
    std::future::poll_fn(|context| {
        if turns == 2 {
            return Poll::Ready(());
        }
        turns += 1;
        keep();
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    thread::current().name().map(str::to_owned)
}

/// Computes.
async fn long() -> Option<String> {
    twice(|| {
        let began = thread_time();
        while thread_time() - began < limits::GUEST_SLICE * 2 {
            std::hint::spin_loop();
        }
    })
    .await
}

/// The calling thread's scheduling policy (proc(5), the 41st field of `stat`).
fn policy() -> u32 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    after.split_whitespace().nth(38).unwrap().parse().unwrap()
}

async fn run<F>(meter: &Arc<Meter>, call: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let background = Background::start(Arc::default()).unwrap();
    let own = Arc::clone(meter);
    let call = Box::pin(async move { metered(&own, call).await });
    let until = tokio::time::Instant::now() + limits::DEADLINE;
    let ended = polled(call, meter, &background, false, until).await;
    ended.unwrap()
}

fn meter() -> Arc<Meter> {
    Arc::new(Meter::new(Duration::from_secs(1)))
}

#[tokio::test]
async fn a_short_call_stays_where_it_is() {
    let meter = meter();
    let here = thread::current().id();
    let there = run(&meter, async {
        tokio::task::yield_now().await;
        thread::current().id()
    });
    assert_eq!(there.await, here);
}

#[tokio::test]
async fn a_short_call_whose_thread_is_pushed_aside_stays_where_it_is() {
    let here = thread::current().name().map(str::to_owned);
    let pushed_aside = twice(|| thread::sleep(limits::GUEST_SLICE * 2)); // reason: as if it got no processor
    assert_eq!(run(&meter(), pushed_aside).await, here);
}

#[tokio::test]
async fn a_long_call_goes_on_in_the_background_at_the_lowest_priority() {
    let call = async {
        let name = long().await;
        (name, policy())
    };
    let (name, background) = run(&meter(), call).await;
    assert_eq!(name.as_deref(), Some("background"));
    assert_eq!((policy(), background), (0, 5), "SCHED_OTHER and SCHED_IDLE");
}

#[tokio::test]
async fn what_it_waits_for_is_its_callers_and_wakes_it() {
    let notify = Arc::new(Notify::new());
    let waited = Arc::clone(&notify);
    let call = async move {
        long().await;
        tokio::time::sleep(limits::EPOCH_TICK).await; // reason: the timer of its caller's runtime
        let task = tokio::spawn(async move { waited.notified().await });
        task.await.unwrap();
        thread::current().name().map(str::to_owned)
    };
    let meter = meter();
    let (name, ()) = tokio::join!(run(&meter, call), async { notify.notify_one() });
    assert_eq!(name.as_deref(), Some("background"));
}

#[tokio::test]
async fn dropped_while_it_waits_it_is_gone_at_once() {
    let (held, gone) = oneshot::channel::<()>();
    let (tell, waits) = oneshot::channel();
    let (never, waker) = oneshot::channel::<()>();
    let call = async move {
        let _held = held;
        long().await;
        tell.send(()).unwrap();
        // Who could wake the call holds on to it.
        let _ = waker.await;
    };
    let meter = meter();
    let mut run = Box::pin(run(&meter, call));
    tokio::select! {
        () = &mut run => unreachable!("it never ends"),
        told = waits => told.unwrap(),
    }
    drop(run);
    assert!(gone.await.is_err());
    drop(never);
}

#[tokio::test]
async fn dropped_while_it_runs_it_comes_to_no_host_call() {
    let (held, gone) = oneshot::channel::<()>();
    let (tell, runs) = oneshot::channel();
    let (dropped, go_on) = std::sync::mpsc::channel::<()>();
    let sent = Arc::new(AtomicUsize::new(0));
    let (meter, sending) = (meter(), Arc::clone(&sent));
    let inside = Arc::clone(&meter);
    let call = async move {
        let _held = held;
        long().await;
        tell.send(()).unwrap();
        go_on.recv().unwrap();
        let host_call = async { sending.fetch_add(1, Ordering::Relaxed) };
        crate::sandbox::meter::waiting(&inside, host_call).await;
    };
    let mut run = Box::pin(run(&meter, call));
    tokio::select! {
        () = &mut run => unreachable!("it never ends"),
        told = runs => told.unwrap(),
    }
    drop(run);
    assert!(meter.is_over());
    dropped.send(()).unwrap();
    assert!(gone.await.is_err());
    assert_eq!(sent.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_gets_no_processor_is_gone_at_its_time() {
    let background = Background::start(Arc::default()).unwrap();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    for _ in 0..thread::available_parallelism().unwrap().get() {
        let held = Arc::clone(&held);
        background.run(move || {
            let _ = held.lock().unwrap().recv();
        });
    }
    let (inside, gone) = oneshot::channel::<()>();
    let call = Box::pin(async move { drop(inside) });
    let until = tokio::time::Instant::now() + limits::EPOCH_TICK;
    assert!(
        polled(call, &meter(), &background, true, until)
            .await
            .is_none()
    );
    assert!(gone.await.is_err());
    drop(let_go);
}

#[tokio::test]
#[should_panic(expected = "a mistake of ours")]
async fn a_panic_is_its_callers() {
    let call = async {
        long().await;
        panic!("a mistake of ours");
    };
    run(&meter(), call).await;
}
