//! Who is let in, with the vectors that the schemes' owners published.

use serde_json::{Value, json};
use tombolo_sdk::testing::Host;
use tombolo_sdk::{Event, Failure, Inbound, Reception};

use super::{host, only};
use crate::Webhook;

// === vectors that the schemes' owners published ===

const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STANDARD_TIME: u64 = 1_614_265_330;

fn standard() -> Host {
    host(json!({ "verify": "standard-webhooks", "type": "device.alarm" }))
        .key("standard-webhooks", STANDARD_SECRET)
}

fn standard_delivery() -> Inbound {
    Inbound::post("alarm", r#"{"test": 2432232314}"#)
        .with_header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
        .with_header("webhook-timestamp", "1614265330")
        .with_header("webhook-signature", STANDARD_SIGNATURE)
        .received_at_ms(STANDARD_TIME * 1000)
}

fn replaced(mut inbound: Inbound, header: &str, value: &str) -> Inbound {
    for (name, present) in &mut inbound.headers {
        if name == header {
            value.clone_into(present);
        }
    }
    inbound
}

const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SLACK_SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn slack(options: Value) -> Host {
    host(options).key("slack", "8f742231b10e8888abcd99yyyzzz85a5")
}

fn slack_delivery() -> Inbound {
    Inbound::post("alarm", SLACK_BODY)
        .with_header("x-slack-request-timestamp", "1531420618")
        .with_header("x-slack-signature", SLACK_SIGNATURE)
        .received_at_ms(1_531_420_618_000)
}

/// The scheme signs any bytes; the published body is no JSON, so a form is made of it.
fn github() -> Host {
    host(json!({ "verify": "github", "format": "form", "type": "github.push" }))
        .key("github", "It's a Secret to Everybody")
}

fn github_delivery() -> Inbound {
    Inbound::post("alarm", "Hello, World!")
        .with_header(
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        )
        .with_header("x-github-delivery", "72d3162e")
        .with_header("x-github-event", "push")
}

#[test]
fn the_published_vector_of_standard_webhooks_passes() {
    let event = only(
        standard()
            .start::<Webhook>()
            .receive(standard_delivery())
            .unwrap(),
    );
    assert_eq!(
        event,
        Event::new("device.alarm", r#"{"test": 2432232314}"#.into())
            .with_id("msg_p5jXN8AQM9LWM0D4loKWxJek")
    );
}

#[test]
fn one_right_signature_among_several_is_enough() {
    let several = format!("v1,AAAA v1a,{} v2,x {STANDARD_SIGNATURE}", "A".repeat(88));
    let hook = standard().start::<Webhook>();
    assert!(
        hook.receive(replaced(standard_delivery(), "webhook-signature", &several))
            .is_ok()
    );
    let too_late = format!("{}{STANDARD_SIGNATURE}", "v1,AAAA ".repeat(8));
    assert!(
        hook.receive(replaced(
            standard_delivery(),
            "webhook-signature",
            &too_late
        ))
        .is_err()
    );
}

#[test]
fn the_published_vector_of_github_passes() {
    let event = only(
        github()
            .start::<Webhook>()
            .receive(github_delivery())
            .unwrap(),
    );
    assert_eq!(
        (event.type_.as_str(), event.id.as_deref()),
        ("github.push", Some("72d3162e"))
    );
}

#[test]
fn the_published_vector_of_slack_passes() {
    let hook = slack(
        json!({ "verify": "slack", "format": "form", "type": "a", "subject": "/channel_id" }),
    )
    .start::<Webhook>();
    let event = only(hook.receive(slack_delivery()).unwrap());
    let data: Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(data["command"], "/webhook-collect");
    assert_eq!(event.subject.as_deref(), Some("G8PSS9T3V"));
    assert_eq!(
        event.id.as_deref(),
        Some(SLACK_SIGNATURE),
        "an exact replay has the same id"
    );
}

// === who is not let in ===

fn unauthorized(result: Result<Reception, Failure>) -> String {
    match result {
        Err(failure @ Failure::Unauthorized(_)) => failure.message().to_owned(),
        other => format!("not refused: {other:?}"),
    }
}

#[test]
fn a_changed_body_signature_or_secret_is_refused() {
    let mut changed = standard_delivery();
    changed.body.push(b' ');
    let hook = standard().start::<Webhook>();
    for inbound in [
        changed,
        replaced(
            standard_delivery(),
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
        ),
        replaced(
            standard_delivery(),
            "webhook-signature",
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        replaced(standard_delivery(), "webhook-signature", ""),
        replaced(standard_delivery(), "webhook-id", "msg_other"),
        replaced(standard_delivery(), "webhook-timestamp", "1614265331"),
    ] {
        assert!(unauthorized(hook.receive(inbound)).contains("no signature"));
    }
    let other = host(json!({ "verify": "standard-webhooks", "type": "a" }))
        .key("standard-webhooks", "whsec_AAAA")
        .start::<Webhook>();
    assert!(unauthorized(other.receive(standard_delivery())).contains("no signature"));

    let hook = github().start::<Webhook>();
    for signature in [
        "sha256=757107ea",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha1=00",
        "sha256=zz",
        "sha256=\u{e9}",
    ] {
        assert!(
            unauthorized(hook.receive(replaced(
                github_delivery(),
                "x-hub-signature-256",
                signature
            )))
            .contains("no signature"),
            "{signature}"
        );
    }
    let hook =
        slack(json!({ "verify": "slack", "format": "form", "type": "a" })).start::<Webhook>();
    assert!(
        unauthorized(hook.receive(replaced(slack_delivery(), "x-slack-signature", "v0=00")))
            .contains("no signature")
    );
}

#[test]
fn a_header_that_is_missing_or_doubled_is_refused() {
    let hook = standard().start::<Webhook>();
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = standard_delivery();
        without.headers.retain(|(name, _)| name != header);
        assert_eq!(
            unauthorized(hook.receive(without)),
            format!("the header `{header}` is missing")
        );
        let doubled = standard_delivery().with_header(header, "x");
        assert_eq!(
            unauthorized(hook.receive(doubled)),
            format!("the header `{header}` stands more than once")
        );
    }
}

#[test]
fn the_replay_window_closes_on_both_sides() {
    for (away, inside) in [
        (-301_i64, false),
        (-300, true),
        (0, true),
        (300, true),
        (301, false),
    ] {
        let received = STANDARD_TIME.checked_add_signed(away).unwrap() * 1000;
        let result = standard()
            .start::<Webhook>()
            .receive(standard_delivery().received_at_ms(received));
        assert_eq!(result.is_ok(), inside, "{away} s: {result:?}");
        let received = 1_531_420_618_u64.checked_add_signed(away).unwrap() * 1000;
        let hook =
            slack(json!({ "verify": "slack", "format": "form", "type": "a" })).start::<Webhook>();
        assert_eq!(
            hook.receive(slack_delivery().received_at_ms(received))
                .is_ok(),
            inside,
            "{away} s"
        );
    }
}

#[test]
fn separators_inside_signed_parts_are_refused() {
    // Moving the dot leaves the signed bytes, and so the signature, as they were.
    let hook = standard().start::<Webhook>();
    let moved = replaced(standard_delivery(), "webhook-id", "msg.p5");
    assert!(unauthorized(hook.receive(moved)).contains("has a dot"));
    for timestamp in [
        "1614265330.",
        "1614265330.5",
        "",
        "-1",
        "+1614265330",
        " 1614265330",
        "1614265330:v0",
        "99999999999999999999",
    ] {
        let message = unauthorized(hook.receive(replaced(
            standard_delivery(),
            "webhook-timestamp",
            timestamp,
        )));
        assert!(message.contains("is no time"), "{timestamp}: {message}");
    }
    let hook =
        slack(json!({ "verify": "slack", "format": "form", "type": "a" })).start::<Webhook>();
    let message = unauthorized(hook.receive(replaced(
        slack_delivery(),
        "x-slack-request-timestamp",
        "1531420618:token=",
    )));
    assert!(message.contains("is no time"), "{message}");
}

#[test]
fn a_shared_token_must_be_the_one() {
    let hook = host(json!({ "verify": { "token": { "header": "X-Token" } }, "type": "a" }))
        .key("token", "s3cret")
        .start::<Webhook>();
    let send =
        |token: &str| hook.receive(Inbound::post("alarm", "{}").with_header("X-Token", token));
    assert!(send("s3cret").is_ok());
    for token in ["", "s3cre", "s3cret ", "S3cret"] {
        assert!(
            unauthorized(send(token)).contains("not the one expected"),
            "{token}"
        );
    }
    assert!(unauthorized(hook.receive(Inbound::post("alarm", "{}"))).contains("missing"));
}

#[test]
fn a_key_that_is_not_bound_is_the_operators_fault_not_the_senders() {
    let failure = host(json!({ "verify": "standard-webhooks", "type": "a" }))
        .start::<Webhook>()
        .receive(standard_delivery())
        .unwrap_err();
    assert_eq!(
        failure,
        Failure::internal("the key `standard-webhooks` is not bound")
    );
}

// === what senders try first ===

#[test]
fn pings_and_challenges_are_answered_after_the_signature_and_make_no_event() {
    let reception = github()
        .start::<Webhook>()
        .receive(replaced(github_delivery(), "x-github-event", "ping"))
        .unwrap();
    assert_eq!(
        (reception.events.len(), reception.answer.unwrap().status),
        (0, 200)
    );

    let body = r#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    let challenge = |signature: &str| {
        Inbound::post("alarm", body)
            .with_header("x-slack-request-timestamp", "1531420618")
            .with_header("x-slack-signature", signature)
            .received_at_ms(1_531_420_618_000)
    };
    let hook = slack(json!({ "verify": "slack", "type": "a" })).start::<Webhook>();
    // Computed with `openssl dgst -sha256 -hmac`.
    let reception = hook
        .receive(challenge(
            "v0=a78620fa7a25da61d66b164b89ac6382d8a683af103265371937fec9958dee5a",
        ))
        .unwrap();
    assert_eq!(reception.answer.unwrap().body, b"3eZbrw1aB");
    assert!(reception.events.is_empty());
    unauthorized(hook.receive(challenge("v0=00")));
}
