//! Values on their way between host and guest: what goes in comes out, whatever Unicode it is, empty or large.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::Inbound;
use tombolo_kernel::text::{cleaned, cut};

use super::fixture::Fixture;
use super::guest::Guest;

/// Runs a property in which guests are called, all cases with the same systems.
pub(crate) fn each<S: Strategy>(
    running: impl Future<Output = Fixture>,
    cases: S,
    check: impl AsyncFn(&Fixture, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let fixture = runtime.block_on(running);
    let ended = TestRunner::default().run(&cases, |case| runtime.block_on(check(&fixture, case)));
    ended.unwrap_or_else(|error| panic!("{error}"));
}

/// Texts of every plane, with what readers trip over: NUL, line ends, marks, characters beyond 16 bits.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        &[
            "\0",
            "\u{7f}",
            "\r\n",
            "\u{feff}",
            "\u{202e}",
            "\u{d7ff}",
            "\u{e000}",
            "\u{ffff}",
            "\u{10ffff}",
            "e\u{301}",
            "\u{1f468}\u{200d}\u{1f469}",
            "\\",
            "\"",
            "",
            "\u{2028}",
        ][..],
    );
    prop_oneof![
        4 => prop::collection::vec(any::<char>(), 0..40).prop_map(|all| all.into_iter().collect::<String>()),
        4 => prop::collection::vec(odd, 0..20).prop_map(|all| all.concat()),
        1 => (any::<char>(), 0..120_000usize).prop_map(|(one, times)| one.to_string().repeat(times)),
    ]
}

/// The same, short.
pub(crate) fn short() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.chars().take(200).collect())
}

/// Numbers that JSON has.
pub(crate) fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("JSON has no others", |real| real.is_finite())
}

/// Arrays with everything in them that JSON has.
pub(crate) fn nested() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        short().prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((short(), inner), 0..6)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    });
    prop::collection::vec(inner, 0..4).prop_map(Value::from)
}

#[test]
fn a_text_that_goes_in_comes_out_the_same() {
    each(
        Fixture::running(&Guest::default()),
        text(),
        async |fixture, text| {
            let input = serde_json::Value::from(text).to_string();
            let outcome = fixture.act(&input).await;
            prop_assert_eq!(outcome.result, Ok(input));
            Ok(())
        },
    );
}

/// Answers every message with an event whose subject is the first header's value and whose id is the first query value,
/// and with the body it got.
fn mirror() -> Guest {
    let option = |at: u32, list: u32| {
        format!(
            "(i32.store8 (i32.const {at}) (i32.const 1)) (i32.store (i32.const {}) (i32.load offset=8 (local.get {list}))) \
             (i32.store (i32.const {}) (i32.load offset=12 (local.get {list})))",
            at + 4,
            at + 8
        )
    };
    Guest {
        fields: r#"(data (i32.const 2048) "made.here") (data (i32.const 2064) "text/plain")"#
            .into(),
        receive: format!(
            "(i32.store (i32.const 4096) (i32.const 2048)) (i32.store (i32.const 4100) (i32.const 9)) {} {} \
             (i32.store (i32.const 4140) (i32.const 1024)) (i32.store (i32.const 4144) (i32.const 2)) \
             (i32.store8 (i32.const 512) (i32.const 0)) (i32.store (i32.const 520) (i32.const 4096)) (i32.store (i32.const 524) (i32.const 1)) \
             (i32.store8 (i32.const 528) (i32.const 1)) (i32.store16 (i32.const 532) (i32.const 200)) \
             (i32.store (i32.const 536) (i32.const 2064)) (i32.store (i32.const 540) (i32.const 10)) \
             (i32.store (i32.const 544) (local.get 10)) (i32.store (i32.const 548) (local.get 11)) \
             (global.set $next (i32.const 65536)) (i32.const 512)",
            option(4104, 6),
            option(4116, 8),
        ),
        manifest: "[events.emits]\n\"made.here\" = \"Something was made\"\n".into(),
        ..Guest::default()
    }
}

#[test]
fn headers_query_and_body_reach_the_guest_and_come_back_the_same() {
    let name = || text().prop_map(|text| format!("x{}", cut(&text, limits::EVENT_NAME - 1)));
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        (any::<u8>(), 0..=limits::JSON_BYTES).prop_map(|(byte, length)| vec![byte; length]),
    ];
    each(
        Fixture::running(&mirror()),
        (name(), name(), body),
        async |fixture, (query, header, body)| {
            let inbound = Inbound {
                hook: "in".into(),
                method: "POST".into(),
                url: "http://localhost/hooks/sut/in".into(),
                query: vec![("q".into(), query.clone())],
                headers: vec![("x-odd".into(), header.clone())],
                body: body.clone().into(),
                received_ms: 5,
            };
            let reception = fixture.systems.receive("sut", inbound).await.result;
            let reception =
                reception.map_err(|failure| TestCaseError::fail(format!("{failure:?}")))?;
            let event = &reception.events[0];
            prop_assert_eq!(event.id.as_deref(), Some(query.as_str()));
            prop_assert_eq!(event.subject.as_deref(), Some(header.as_str()));
            prop_assert!(reception.answer.is_some_and(|answer| answer.body == body));
            Ok(())
        },
    );
}

#[test]
fn the_words_of_a_failure_come_out_cut_and_harmless_and_nothing_else_is_changed() {
    // The case `internal`, its text the whole input.
    let guest = Guest {
        act: "(i32.store8 (i32.const 512) (i32.const 1)) (i32.store8 (i32.const 520) (i32.const 8)) \
              (i32.store (i32.const 528) (local.get 2)) (i32.store (i32.const 532) (local.get 3)) (i32.const 512)"
            .into(),
        ..Guest::default()
    };
    each(Fixture::running(&guest), text(), async |fixture, text| {
        let input = serde_json::Value::from(text).to_string();
        let outcome = fixture.act(&input).await;
        let message = cleaned(cut(&input, limits::FAILURE_WORDS)).into_owned();
        prop_assert_eq!(outcome.result, Err(Failure::Internal { message }));
        Ok(())
    });
}
