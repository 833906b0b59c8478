//! What each function makes of what it is given, and how it refuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use crate::expression::{EventDocument, Expression, Scope};
use crate::json::Named;
use crate::problem::Place;
use crate::tables::{Table, Tables};
use tombolo_kernel::event::Event;

fn value_of(source: &str) -> Result<String, String> {
    let event = Event {
        id: "e1".into(),
        source: "/systems/crm".into(),
        kind: "customer.changed".into(),
        subject: None,
        time: "2026-11-24T01:00:00Z".into(),
        data: serde_json::value::RawValue::from_string(
            r#"{"intent":"S","amount":12.50,"code":7,"none":null}"#.to_owned(),
        )
        .unwrap(),
        hops: 0,
        cause: None,
        root: None,
    };
    let (event, steps, vars) = (
        EventDocument::new(1, event),
        Named::default(),
        Named::default(),
    );
    let mut tables = Tables::default();
    tables.add(
        "intent",
        Table::parse(
            "tables/intent.csv",
            "key,value\nS,high intent\nC,no intent\n7,seven\n",
        )
        .unwrap(),
    );
    tables.add(
        "unit",
        Table::parse("tables/unit.csv", "code,name,factor\nKM,kilometre,1000\n").unwrap(),
    );
    let scope = Scope::new(&event, &steps, &vars, "1.flow").with_tables(Arc::new(tables));
    let expression = Expression::compile(source, Place { line: 1, column: 1 })
        .map_err(|problems| problems[0].message.clone())?;
    let mut out = String::new();
    expression
        .write_json(&scope, &mut out)
        .map(|()| out)
        .map_err(|error| error.message)
}

#[test]
fn functions_have_these_values() {
    for (source, expected) in [
        ("decimal.add('0.1', '0.2')", "0.3"),
        ("decimal.add(event.data.amount, '0.005')", "12.505"),
        ("decimal.sub('1.00', 2)", "-1.00"),
        ("decimal.mul('19.99', 3)", "59.97"),
        (
            "decimal.mul('9999999999999999999.99', '1000000')",
            "9999999999999999999990000.00",
        ),
        ("decimal.div('10', '3', 2)", "3.33"),
        ("decimal.div('20', '3', 0)", "7"),
        ("decimal.round('2.345', 2)", "2.35"),
        ("decimal.round('-2.345', 2)", "-2.35"),
        ("decimal.round('7', 2)", "7.00"),
        ("string(decimal.compare('1.0', '1'))", "0"),
        ("string(decimal.compare('0.9', '1'))", "-1"),
        ("text.with_prefix(17, 'C-')", "C-17"),
        ("text.with_prefix('C-17', 'C-')", "C-17"),
        (
            "text.first('Where is order S-42?', '(?i)order ([A-Z]+-[0-9]+)')",
            "S-42",
        ),
        ("text.first('a1b22', '[0-9]+')", "1"),
        ("text.first('nothing', '[0-9]+')", ""),
        ("text.first('ab', 'a(x)?b')", ""),
        ("text.without_prefix('C-17', 'C-')", "17"),
        ("text.pad_left(17, 6, '0')", "000017"),
        ("phone.e164('030 / 123 45-678', 'DE')", "+493012345678"),
        ("phone.e164('+44 (0)20 7946 0000', 'DE')", "+442079460000"),
        ("phone.e164('0044 20 7946 0000', 'DE')", "+442079460000"),
        ("phone.e164('06 1234 5678', 'IT')", "+390612345678"),
        ("phone.e164('138 0013 8000', 'CN')", "+8613800138000"),
        ("phone.e164('1 (212) 555-0100', 'US')", "+12125550100"),
        ("phone.e164('(212) 555-0100', 'US')", "+12125550100"),
        (
            "time.in_zone('2026-11-24T01:00:00Z', 'Asia/Shanghai')",
            "2026-11-24T09:00:00+08:00",
        ),
        (
            "time.in_zone('2026-07-01T12:00:00.250Z', 'Europe/Berlin')",
            "2026-07-01T14:00:00.25+02:00",
        ),
        (
            "time.in_zone(event.time, 'UTC')",
            "2026-11-24T01:00:00+00:00",
        ),
        (
            "time.of('24.11.2026 08:30', 'Europe/Berlin')",
            "2026-11-24T08:30:00+01:00",
        ),
        (
            "time.of('24.11.2026', 'Europe/Berlin')",
            "2026-11-24T00:00:00+01:00",
        ),
        (
            "time.of('2026/11/24', 'Asia/Tokyo')",
            "2026-11-24T00:00:00+09:00",
        ),
        ("time.of(20261124, 'UTC')", "2026-11-24T00:00:00+00:00"),
        (
            "time.of('20261124083000', 'UTC')",
            "2026-11-24T08:30:00+00:00",
        ),
        (
            "time.of('2026-11-24 08:30:15', 'UTC')",
            "2026-11-24T08:30:15+00:00",
        ),
        (
            "time.of('2026-11-24T08:30:00+08:00', 'UTC')",
            "2026-11-24T00:30:00+00:00",
        ),
        (
            "time.of('Tue, 24 Nov 2026 08:30:00 +0100', 'UTC')",
            "2026-11-24T07:30:00+00:00",
        ),
        // Skipped by the change of the clock: it moves on.
        (
            "time.of('29.03.2026 02:30', 'Europe/Berlin')",
            "2026-03-29T03:30:00+02:00",
        ),
        // Repeated: the first.
        (
            "time.of('25.10.2026 02:30', 'Europe/Berlin')",
            "2026-10-25T02:30:00+02:00",
        ),
        (
            "time.parse('11/24/2026', '%m/%d/%Y', 'America/New_York')",
            "2026-11-24T00:00:00-05:00",
        ),
        (
            "time.parse('24-Nov-26 08:30', '%d-%b-%y %H:%M', 'UTC')",
            "2026-11-24T08:30:00+00:00",
        ),
        (
            "time.format('2026-11-24T23:00:00Z', '%d.%m.%Y', 'Asia/Shanghai')",
            "25.11.2026",
        ),
        ("table('intent', event.data.intent)", "high intent"),
        ("table('intent', event.data.code)", "seven"),
        ("table('intent', 'X', 'unknown')", "unknown"),
        ("table('intent', 'X', event.data.intent)", "S"),
        ("table('intent', 'S', event.data.nothing)", "high intent"),
        ("table('unit', 'KM').name", "kilometre"),
    ] {
        assert_eq!(value_of(source), Ok(format!("\"{expected}\"")), "{source}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    for (source, part) in [
        (
            "decimal.add('1,5', '1')",
            "found \"1,5\", expected a decimal such as -12.50",
        ),
        ("decimal.add('1e999999', '1')", "expected a decimal"),
        (
            "decimal.add(event.data.none, '1')",
            "found a value of type null",
        ),
        ("decimal.div('1', '0.0', 2)", "the divisor is 0"),
        ("decimal.round('1', 31)", "a whole number from 0 to 30"),
        (
            "text.without_prefix('17', 'C-')",
            "a text that begins with \"C-\"",
        ),
        ("text.pad_left('1234567', 6, '0')", "at most 6 letters"),
        ("phone.e164('0800 CALLME', 'US')", "expected a phone number"),
        ("phone.e164('110', 'DE')", "expected a phone number"),
        (
            "phone.e164('030 1234567', 'XX')",
            "one of the countries AE AR",
        ),
        ("time.of('03/04/2026', 'UTC')", "write time.parse"),
        ("time.of('2026-02-30', 'UTC')", "expected a date"),
        ("time.in_zone('24.11.2026', 'UTC')", "a moment of RFC 3339"),
        (
            "time.in_zone('2026-11-24T01:00:00Z', 'Mars/Base')",
            "found \"Mars/Base\", expected a time zone",
        ),
        (
            "time.format('2026-11-24T01:00:00Z', '%J', 'UTC')",
            "expected a form",
        ),
        (
            "table('intent', 'X')",
            "there is no key \"X\" in tables/intent.csv",
        ),
        (
            "table('intnt', 'S')",
            "there is no table \"intnt\"; there are: intent, unit. Did you mean \"intent\"?",
        ),
        ("table('intent')", "found 1 arguments"),
        ("time.zone('x')", "there is no function \"time.zone\""),
    ] {
        let message = value_of(source).unwrap_err();
        assert!(message.contains(part), "{source}: {message}");
    }
}
