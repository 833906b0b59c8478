//! What guests reach through the small capabilities: events, actions, settings, the clock.

use std::sync::Arc;

use super::fixture::{Fixture, call, granted, spec};
use super::guest::Guest;
use super::limits::waits_at_the_gate;
use tombolo_kernel::audit::Kind;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::fields::{FieldFilter, Gathered, Mask};
use tombolo_kernel::limits;
use tombolo_kernel::system::{Actor, Inbound};

/// Makes one event `made.here` with id `7` and data `{}`.
fn emits() -> Guest {
    Guest {
        fields: r#"(data (i32.const 2048) "made.here7")"#.into(),
        // result<reception, failure>, its payload at 8: events (address, length), answer (0: none).
        // event: type 0, option id 8, option subject 20, option time 32, data 44; 52 bytes.
        receive: "(i32.store (i32.const 4096) (i32.const 2048)) (i32.store (i32.const 4100) (i32.const 9)) \
                  (i32.store (i32.const 4104) (i32.const 1)) (i32.store (i32.const 4108) (i32.const 2057)) (i32.store (i32.const 4112) (i32.const 1)) \
                  (i32.store (i32.const 4140) (i32.const 1024)) (i32.store (i32.const 4144) (i32.const 2)) \
                  (i32.store8 (i32.const 512) (i32.const 0)) (i32.store (i32.const 520) (i32.const 4096)) (i32.store (i32.const 524) (i32.const 1)) \
                  (i32.store8 (i32.const 528) (i32.const 0)) (i32.const 512)"
            .into(),
        manifest: "[events.emits]\n\"made.here\" = \"Something was made\"\n".into(),
        ..Guest::default()
    }
}

fn inbound() -> Inbound {
    Inbound {
        hook: "in".into(),
        method: "POST".into(),
        url: "http://localhost/hooks/sut/in".into(),
        query: Vec::new(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: bytes::Bytes::from_static(b"{}"),
        received_ms: 5,
    }
}

#[tokio::test]
async fn a_hook_makes_the_events_it_was_granted() {
    let fixture = Fixture::running(&emits()).await;
    let reception = fixture
        .systems
        .receive("sut", inbound())
        .await
        .result
        .unwrap();
    let event = &reception.events[0];
    assert_eq!(
        (event.kind.as_str(), event.id.as_deref(), event.data.get()),
        ("made.here", Some("7"), "{}")
    );
    assert!(reception.answer.is_none());
}

#[tokio::test]
async fn an_event_that_was_not_granted_fails_the_call_and_is_recorded() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &emits());
    spec.emits.clear();
    let grant = granted(&spec);
    fixture.systems.connect(spec, Some(&grant)).await.unwrap();
    let outcome = fixture.systems.receive("sut", inbound()).await;
    assert!(
        matches!(outcome.result, Err(Failure::Internal { .. })),
        "{outcome:?}"
    );
    let records = fixture.audit.calls();
    let [record] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert!(record.is_denied());
    assert_eq!(
        (record.kind, record.what.as_str(), record.cause.as_str()),
        (Kind::Emit, "made.here", "hooks/sut/in")
    );
}

/// Calls `go` of system `other` with its own input and answers with what came.
pub(crate) fn calls(other: &str) -> Guest {
    Guest {
        imports: r#"(import "tombolo:adapter/actions@0.1.0" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32)))"#.into(),
        fields: format!(r#"(data (i32.const 2048) "{other}go")"#),
        act: format!(
            "(call $call (i32.const 2048) (i32.const {length}) (i32.const {after}) (i32.const 2) (local.get 2) (local.get 3) (i32.const 512)) (i32.const 512)",
            length = other.len(),
            after = 2048 + other.len(),
        ),
        manifest: format!("[calls]\n\"{other}.go\" = \"It needs it\"\n"),
        ..Guest::default()
    }
}

#[tokio::test]
async fn a_granted_action_of_another_system_is_called_and_recorded() {
    let fixture = Fixture::running(&calls("other")).await;
    fixture.connect("other", &Guest::default()).await.unwrap();
    let outcome = fixture.act("11").await;
    assert_eq!(outcome.result.as_deref(), Ok("11"));
    let [record] = outcome.outward.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (
            record.target.as_str(),
            record.what.as_str(),
            record.status.as_str()
        ),
        ("other", "other.go", "ok")
    );
    assert_eq!(
        (record.is_denied(), record.cause.as_str()),
        (false, "1.flow/step")
    );
}

#[tokio::test]
async fn what_left_is_recorded_even_if_the_caller_goes_away() {
    let fixture = Fixture::running(&calls("other")).await;
    fixture
        .connect("other", &waits_at_the_gate())
        .await
        .unwrap();
    tokio::select! {
        biased;
        _ = fixture.act("1") => panic!("nobody opened the gate"),
        arrived = fixture.store.arrived.acquire() => arrived.unwrap().forget(),
    }
    let records = fixture.audit.calls();
    let [record] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(
        (&*record.bearer.system, record.what.as_str()),
        ("sut", "other.go")
    );
    assert!(record.status.starts_with("cut off"), "{}", record.status);
    let alive: usize = fixture
        .systems
        .status()
        .iter()
        .map(|status| status.instances + status.under_way)
        .sum();
    assert_eq!(alive, 0, "instances of a call that was cut off are dropped");
}

#[tokio::test]
async fn an_action_that_was_not_granted_is_denied_and_audited() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &calls("other"));
    spec.calls.clear();
    fixture.connect_with(spec).await.unwrap();
    fixture
        .connect(
            "other",
            &Guest {
                act: "unreachable".into(),
                ..Guest::default()
            },
        )
        .await
        .unwrap();
    let outcome = fixture.act("1").await;
    assert!(
        matches!(outcome.result, Err(Failure::Unauthorized { .. })),
        "{outcome:?}"
    );
    assert!(!outcome.crashed);
    assert_eq!(
        fixture
            .audit
            .0
            .lock()
            .iter()
            .filter(|record| record.is_denied() && record.kind == Kind::Actions)
            .count(),
        1
    );
}

#[tokio::test]
async fn hidden_fields_are_not_in_what_an_adapter_is_asked_to_do() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &Guest::default());
    spec.fields.hide.insert("birthday".into());
    spec.fields.add_mask("phone", Mask::Phone);
    fixture.connect_with(spec).await.unwrap();
    let input = r#"{"a":[{"Birthday":1}],"phone":"0401234567","n":1.50}"#;
    // The guest answers with all that it got.
    assert_eq!(
        fixture.act(input).await.result.as_deref(),
        Ok(r#"{"a":[{}],"phone":"*******567","n":1.50}"#)
    );
    let refused = fixture.act("{").await.result;
    assert!(
        matches!(refused, Err(Failure::InvalidInput { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_input_that_waited_while_the_rules_changed_is_made_again() {
    let fixture = Fixture::new();
    let mut spec = spec("sut", &Guest::default());
    fixture.connect_with(spec.clone()).await.unwrap();
    let rules = || fixture.systems.terms("sut", "go", None).fields;
    let made = |rules: Option<Arc<FieldFilter>>| {
        let source = r#"{"birthday":"1980-02-29"}"#;
        let mut call = call(r#"{"note":"born 1980-02-29"}"#);
        call.withheld = match rules {
            Some(rules) => Gathered::by(rules, [source]),
            None => Gathered::By(None),
        };
        call
    };
    let act = async |call| fixture.systems.act("sut", call).await.result;
    let of_none = made(rules());
    act(of_none.clone()).await.unwrap();

    spec.fields.hide.insert("phone".into());
    fixture.connect_with(spec.clone()).await.unwrap();
    let of_phone = made(rules());
    act(of_phone.clone()).await.unwrap();

    spec.fields.hide.insert("birthday".into());
    fixture.connect_with(spec.clone()).await.unwrap();
    for outdated in [of_none, of_phone] {
        let refused = act(outdated).await;
        assert!(
            matches!(refused, Err(Failure::RateLimited { .. })),
            "{refused:?}"
        );
    }
    let of_birthday = made(rules());
    let is_found = |result| matches!(result, Err(Failure::InvalidInput { .. }));
    assert!(is_found(act(of_birthday.clone()).await));

    // The same rules in another version are the same.
    fixture.connect_with(spec).await.unwrap();
    assert!(is_found(act(of_birthday).await));
}

#[tokio::test]
async fn hidden_fields_are_not_in_the_answer_of_another_system() {
    let answer = r#"{"birthday":"1980-02-29","sku":7}"#;
    let other = Guest {
        fields: format!(
            r#"(data (i32.const 2048) "{}")"#,
            answer.replace('"', "\\22")
        ),
        act: format!("(call $ok (i32.const 2048) (i32.const {}))", answer.len()),
        ..Guest::default()
    };
    let fixture = Fixture::new();
    fixture.connect("other", &other).await.unwrap();
    let mut caller = spec("sut", &calls("other"));
    fixture.connect_with(caller.clone()).await.unwrap();
    assert_eq!(fixture.act("1").await.result.as_deref(), Ok(answer));
    caller.fields.hide.insert("birthday".into());
    fixture.connect_with(caller).await.unwrap();
    assert_eq!(fixture.act("1").await.result.as_deref(), Ok(r#"{"sku":7}"#));
}

#[tokio::test]
async fn a_guest_that_is_denied_again_and_again_fills_no_audit() {
    let fixture = Fixture::new();
    let once = calls("other");
    let guest = Guest {
        fields: format!("(global $left (mut i32) (i32.const 300)) {}", once.fields),
        act: format!(
            "(loop $again (drop (block (result i32) {}))
               (global.set $left (i32.sub (global.get $left) (i32.const 1)))
               (br_if $again (global.get $left)))
             (i32.const 512)",
            once.act
        ),
        ..once
    };
    let mut spec = spec("sut", &guest);
    spec.calls.clear();
    fixture.connect_with(spec).await.unwrap();
    let _ = fixture.act("1").await;
    let records = fixture.audit.calls();
    let most = usize::try_from(limits::AUDIT_DENIALS).unwrap();
    assert_eq!(records.len(), most + 1);
    assert!(records.iter().all(|record| record.is_denied()));
    assert_eq!(records[most].what, "250 more in this call");
}

#[tokio::test]
async fn a_circle_of_actions_ends() {
    let fixture = Fixture::running(&calls("sut")).await;
    let outcome = fixture.act("1").await;
    let Err(Failure::Unauthorized { message }) = outcome.result else {
        panic!("{outcome:?}")
    };
    assert!(message.contains("circle"), "{message}");
}

#[tokio::test]
async fn the_input_of_a_called_action_is_checked_against_its_schema() {
    let fixture = Fixture::running(&calls("other")).await;
    let mut other = spec("other", &Guest::default());
    other.actions.get_mut("go").unwrap().input =
        Some(serde_json::json!({"type": "object", "required": ["sku"]}));
    fixture.connect_with(other).await.unwrap();
    for (input, good) in [("{}", false), ("{\"sku\":1}", true), ("{", false)] {
        let outcome = fixture.systems.act("sut", call(input)).await;
        assert_eq!(outcome.result.is_ok(), good, "{input}: {outcome:?}");
    }
}

#[tokio::test]
async fn settings_and_the_clock_are_handed_in() {
    let guest = Guest {
        imports: r#"(import "tombolo:adapter/settings@0.1.0" "get" (func $settings (param i32)))
                    (import "tombolo:adapter/clock@0.1.0" "now-ms" (func $now (result i64)))"#
            .into(),
        act: "(if (i64.ne (call $now) (i64.const 1000000)) (then unreachable)) \
              (call $settings (i32.const 4096)) (call $ok (i32.load (i32.const 4096)) (i32.load (i32.const 4100)))"
            .into(),
        ..Guest::default()
    };
    let fixture = Fixture::running(&guest).await;
    assert_eq!(
        fixture.act("1").await.result.as_deref(),
        Ok(r#"{"system":"sut"}"#)
    );
}
