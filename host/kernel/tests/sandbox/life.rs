//! A system's life: held back, swapped, quarantined, busy.

use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;

use super::fixture::{Fixture, call, granted, spec};
use super::guest::{ECHO, Guest};
use super::limits::waits_at_the_gate;
use tombolo_kernel::audit::Kind;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::{Actor, ConnectError, Disabled, Reason, SystemState};

fn state(fixture: &Fixture) -> SystemState {
    fixture
        .systems
        .status()
        .into_iter()
        .find(|status| status.system == "sut")
        .unwrap()
        .state
}

#[tokio::test]
async fn a_system_without_a_grant_is_held_back() {
    let fixture = Fixture::new();
    let error = fixture
        .systems
        .connect(spec("sut", &Guest::default()), None)
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::HeldBack(_)), "{error}");
    assert!(matches!(
        state(&fixture),
        SystemState::HeldBack {
            older_running: false,
            ..
        }
    ));
    let refused = fixture.act("1").await;
    assert!(
        matches!(refused.result, Err(Failure::Unavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_new_digest_waits_for_review_while_the_old_one_runs() {
    let fixture = Fixture::new();
    let old = spec("sut", &Guest::default());
    let grant = granted(&old);
    fixture.systems.connect(old, Some(&grant)).await.unwrap();
    let new = spec(
        "sut",
        &Guest {
            version: "0.2.0".into(),
            ..Guest::default()
        },
    );
    let error = fixture
        .systems
        .connect(new.clone(), Some(&grant))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::HeldBack(_)), "{error}");
    assert!(matches!(
        state(&fixture),
        SystemState::HeldBack {
            older_running: true,
            ..
        }
    ));
    assert_eq!(fixture.act("6").await.result.as_deref(), Ok("6"));
    fixture.connect_with(new).await.unwrap();
    assert_eq!(state(&fixture), SystemState::Running);
}

#[tokio::test]
async fn a_call_under_way_ends_in_the_version_it_began_in() {
    let fixture = Fixture::running(&waits_at_the_gate()).await;
    let swap = async {
        fixture.store.arrived.acquire().await.unwrap().forget();
        let panics = Guest {
            act: "unreachable".into(),
            version: "0.2.0".into(),
            ..Guest::default()
        };
        fixture.connect("sut", &panics).await.unwrap();
        assert!(
            fixture.act("7").await.crashed,
            "the new version takes new calls"
        );
        fixture.store.gate.add_permits(1);
    };
    let (outcome, ()) = tokio::join!(fixture.act("8"), swap);
    assert_eq!(outcome.result.as_deref(), Ok("8"));
}

#[tokio::test]
async fn candidates_take_calls_together_when_they_are_switched_to() {
    let fixture = Fixture::running(&Guest::default()).await;
    fixture.connect("gone", &Guest::default()).await.unwrap();
    let crashing = Guest {
        act: "unreachable".into(),
        version: "0.2.0".into(),
        ..Guest::default()
    };
    let mut candidates = Vec::new();
    for (name, guest) in [("sut", &crashing), ("new", &Guest::default())] {
        let spec = spec(name, guest);
        let grant = granted(&spec);
        candidates.push(fixture.systems.prepare(spec, Some(&grant)).await.unwrap());
    }
    let act = async |system| fixture.systems.act(system, call("7")).await;
    assert_eq!(act("sut").await.result.as_deref(), Ok("7"));
    assert!(matches!(
        act("new").await.result,
        Err(Failure::Unavailable { .. })
    ));
    assert_eq!(fixture.systems.status().len(), 2);
    fixture
        .systems
        .switch(candidates, &["gone".to_owned()], || {});
    assert!(act("sut").await.crashed, "the new version");
    assert_eq!(act("new").await.result.as_deref(), Ok("7"));
    assert!(matches!(
        act("gone").await.result,
        Err(Failure::NotOffered { .. })
    ));
}

#[tokio::test]
async fn a_system_that_keeps_crashing_rests_until_a_person_or_another_version_ends_it() {
    let fixture = Fixture::running(&Guest::harmful("unreachable")).await;
    let crash = async || {
        for _ in 0..tombolo_kernel::limits::CRASHES {
            assert!(fixture.act("1").await.crashed);
        }
    };
    crash().await;
    assert!(
        matches!(state(&fixture), SystemState::Quarantined { .. }),
        "{:?}",
        state(&fixture)
    );
    fixture.clock.0.fetch_add(86_400_000, Ordering::SeqCst);
    let refused = fixture.act("2").await;
    let Err(Failure::Unavailable { message, .. }) = refused.result else {
        panic!("{refused:?}")
    };
    assert!(message.contains("panicked"), "{message}");
    assert!(fixture.systems.rests("sut").is_some());
    assert!(fixture.systems.enable("sut"));
    assert_eq!(fixture.act("2").await.result.as_deref(), Ok("2"));
    assert_eq!(state(&fixture), SystemState::Running);
    crash().await;
    assert!(fixture.systems.rests("sut").is_some());
    fixture.connect("sut", &Guest::default()).await.unwrap();
    assert_eq!(fixture.act("2").await.result.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_disabled_system_takes_no_call_through_swaps_until_it_is_enabled() {
    let fixture = Fixture::running(&Guest::default()).await;
    let disabled = Disabled {
        by: "olga".into(),
        reason: "maintenance".into(),
        since_ms: 1,
    };
    fixture.systems.disable("sut", disabled.clone());
    let new = Guest {
        version: "0.2.0".into(),
        ..Guest::default()
    };
    fixture.connect("sut", &new).await.unwrap();
    let refused = fixture.act("2").await;
    let Err(Failure::Unavailable { message, .. }) = refused.result else {
        panic!("{refused:?}")
    };
    assert!(message.contains("olga: maintenance"), "{message}");
    assert_eq!(state(&fixture), SystemState::Disabled(disabled));
    assert!(fixture.systems.offer("sut", "go").is_some(), "checks go on");
    assert!(fixture.systems.enable("sut"));
    assert!(!fixture.systems.enable("sut"));
    assert_eq!(fixture.act("2").await.result.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_call_that_outlives_the_drain_is_made_again_in_the_new_version() {
    let fixture = Fixture::new();
    let mut patient = spec("sut", &waits_at_the_gate());
    patient.limits.deadline = std::time::Duration::from_secs(600);
    fixture.connect_with(patient).await.unwrap();
    let swap = async {
        fixture.store.arrived.acquire().await.unwrap().forget();
        // The new version answers at once, and the gate stays shut.
        fixture.connect("sut", &Guest::default()).await.unwrap();
        tokio::time::pause();
    };
    let (outcome, ()) = tokio::join!(fixture.act("8"), swap);
    assert_eq!(outcome.result.as_deref(), Ok("8"));
}

#[tokio::test]
async fn calls_over_the_instances_wait_for_a_turn() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &waits_at_the_gate());
    spec.limits.instances = 2;
    fixture.connect_with(spec).await.unwrap();
    let calls = futures_util::future::join_all((0..5).map(|_| fixture.act("9")));
    let look = async {
        fixture
            .store
            .arrived
            .acquire_many(2)
            .await
            .unwrap()
            .forget();
        let status = fixture.systems.status().remove(0);
        assert_eq!((status.under_way, status.instances), (2, 2));
        fixture.store.gate.add_permits(5);
    };
    let (outcomes, ()) = tokio::join!(calls, look);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(
        fixture.systems.status().remove(0).instances,
        2,
        "instances are used again"
    );
}

#[tokio::test]
async fn what_is_not_offered_is_refused_before_the_guest() {
    let fixture = Fixture::running(&Guest {
        act: "unreachable".into(),
        ..Guest::default()
    })
    .await;
    let mut unknown = call("1");
    unknown.action = "fly".into();
    for (system, call) in [("sut", unknown), ("nobody", call("1"))] {
        let outcome = fixture.systems.act(system, call).await;
        assert!(
            matches!(outcome.result, Err(Failure::NotOffered { .. })),
            "{outcome:?}"
        );
    }
    fixture.systems.disconnect("sut");
    assert!(matches!(
        fixture.act("1").await.result,
        Err(Failure::NotOffered { .. })
    ));
    assert!(fixture.systems.status().is_empty());
}

#[tokio::test]
async fn an_instance_keeps_its_memory_between_calls() {
    let guest = Guest {
        fields: "(global $calls (mut i32) (i32.const 48))".into(),
        act: format!(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.store8 (local.get 2) (global.get $calls)) {ECHO}"
        ),
        ..Guest::default()
    };
    let fixture = Fixture::running(&guest).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(fixture.act("0").await.result.unwrap());
    }
    assert_eq!(answers, ["1", "2", "3"]);
}

#[tokio::test]
async fn more_calls_than_may_wait_are_turned_away() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &waits_at_the_gate());
    spec.limits.instances = 1;
    fixture.connect_with(spec).await.unwrap();
    let most = tombolo_kernel::limits::WAITING_PER_SYSTEM + 1;
    let calls = futures_util::future::join_all((0..most + 3).map(|_| fixture.act("9")));
    let open = async {
        fixture.store.arrived.acquire().await.unwrap().forget();
        fixture.store.gate.add_permits(most);
    };
    let (outcomes, ()) = tokio::join!(calls, open);
    let refused: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().err())
        .collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(
        refused
            .iter()
            .all(|failure| matches!(failure, Failure::Unavailable { .. }))
    );
}

#[tokio::test]
async fn what_was_withdrawn_has_ended_when_its_last_call_has() {
    let fixture = Fixture::running(&waits_at_the_gate()).await;
    let mut call = Box::pin(fixture.act("8"));
    tokio::select! {
        outcome = &mut call => panic!("it waits at the gate: {outcome:?}"),
        arrived = fixture.store.arrived.acquire() => arrived.unwrap().forget(),
    }
    let reason = Reason {
        kind: Kind::Revoke,
        who: "rita".into(),
        why: "it leaks".into(),
    };
    let mut withdrawn = fixture.systems.withdraw(|_| Some(reason.clone()));
    let mut ended = Box::pin(withdrawn.remove(0).ended());
    // Nobody has looked at the call since, so it still has what it had going out.
    assert!((&mut ended).now_or_never().is_none());
    let outcome = call.await;
    let Err(Failure::Unavailable { message, .. }) = outcome.result else {
        panic!("{outcome:?}")
    };
    assert!(message.contains("it leaks"), "{message}");
    ended.await;
}
