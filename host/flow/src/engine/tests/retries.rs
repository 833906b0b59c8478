//! Attempts, pauses, timeouts, dead letters.

use super::*;
use std::time::Duration;
use tombolo_kernel::failure::Failure;

const ONE: &str = "on: device.alarm\nsteps:\n  - id: note\n    call: erp.note\n    retry: { attempts: 3, backoff: 10s, most: 15s }\n";

fn down() -> Failure {
    Failure::Unavailable {
        message: "down".into(),
        retry_after_ms: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_under_the_same_key() {
    let bench = Bench::new(&[("one", ONE)], ScriptedActor::failing(2, down())).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(4).await;
    assert_eq!(bench.with_status(RunStatus::Waiting).await, ["1.one"]);
    bench.pass(60).await;
    let calls = bench.actor.calls();
    assert_eq!(
        calls.iter().map(|call| call.attempt).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(
        calls.iter().all(|call| call.key == "site-1.one/note"),
        "{calls:?}"
    );
    let trace = bench.trace("1.one").await;
    let attempts = &trace.steps[0].attempts;
    assert_eq!(attempts.len(), 3);
    let pauses: Vec<u64> = attempts
        .windows(2)
        .map(|pair| pair[1].at_ms - pair[0].at_ms)
        .collect();
    assert!(
        (1..=11_000).contains(&pauses[0]) && (1..=16_000).contains(&pauses[1]),
        "{pauses:?}"
    );
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.one"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_run_is_dead_with_all_that_is_needed_to_repair_it() {
    let bench = Bench::new(&[("one", ONE)], ScriptedActor::failing(9, down())).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(120).await;
    assert_eq!(bench.actor.calls().len(), 3);
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.one"]);
    let trace = bench.trace("1.one").await;
    assert_eq!(
        trace.error.as_deref(),
        Some("step \"note\": unavailable: down (attempt 3 of 3)")
    );
    assert_eq!(
        trace.steps[0]
            .attempts
            .iter()
            .filter(|attempt| attempt.failure == Some(down()))
            .count(),
        3
    );
    assert_eq!(trace.steps[0].input, "{}");
}

#[tokio::test(start_paused = true)]
async fn the_last_of_several_attempts_is_no_trial() {
    let once = ONE.replace("attempts: 3", "attempts: 1");
    for (flow, trials) in [(ONE, &[true, true, false][..]), (&once, &[true])] {
        let bench = Bench::new(&[("one", flow)], ScriptedActor::failing(9, down())).await;
        bench.publish(vec![event("1", "{}")]).await;
        bench.pass(120).await;
        let calls = bench.actor.calls();
        let may_try: Vec<bool> = calls.iter().map(|call| call.may_try).collect();
        assert_eq!(may_try, trials);
    }
}

#[tokio::test(start_paused = true)]
async fn only_passing_failures_are_tried_again() {
    for (failure, attempts) in [
        (
            Failure::NotFound {
                message: "m".into(),
            },
            1,
        ),
        (
            Failure::Conflict {
                message: "m".into(),
            },
            1,
        ),
        (
            Failure::Unauthorized {
                message: "m".into(),
            },
            1,
        ),
        (
            Failure::Rejected {
                code: "7".into(),
                message: "m".into(),
            },
            1,
        ),
        (
            Failure::NotOffered {
                message: "m".into(),
            },
            1,
        ),
        (Failure::InvalidInput { problems: vec![] }, 1),
        (
            Failure::Internal {
                message: "m".into(),
            },
            3,
        ),
        (
            Failure::RateLimited {
                message: "m".into(),
                retry_after_ms: None,
            },
            3,
        ),
    ] {
        let kind = failure.kind();
        let bench = Bench::new(&[("one", ONE)], ScriptedActor::failing(9, failure)).await;
        bench.publish(vec![event("1", "{}")]).await;
        bench.pass(120).await;
        assert_eq!(bench.actor.calls().len(), attempts, "{kind}");
        assert_eq!(
            bench.with_status(RunStatus::Dead).await,
            ["1.one"],
            "{kind}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_system_says_about_when_is_obeyed() {
    let limited = Failure::RateLimited {
        message: "slow down".into(),
        retry_after_ms: Some(300_000),
    };
    let bench = Bench::new(&[("one", ONE)], ScriptedActor::failing(1, limited)).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(299).await;
    assert_eq!(bench.actor.calls().len(), 1);
    bench.pass(60).await;
    assert_eq!(bench.actor.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_bounds_a_step_with_all_its_attempts() {
    let text = "on: device.alarm\nsteps:\n  - call: erp.note\n    timeout: 8s\n    retry: { attempts: 50, backoff: 2s, most: 2s }\n";
    let broken = Failure::Internal {
        message: "broken".into(),
    };
    let bench = Bench::new(&[("timed", text)], ScriptedActor::failing(99, broken)).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(30).await;
    let calls = bench.actor.calls().len();
    assert!((4..=30).contains(&calls), "{calls}");
    let error = bench.trace("1.timed").await.error.unwrap();
    assert!(
        error.contains("its timeout leaves no time for another"),
        "{error}"
    );

    let hanging = ScriptedActor::new(|_, _| (Duration::from_secs(3_600), Ok("{}".to_owned())));
    let bench = Bench::new(&[("timed", text)], hanging).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(9).await;
    let error = bench.trace("1.timed").await.error.unwrap();
    assert!(error.contains("the step's timeout passed"), "{error}");
}
