use super::*;

#[test]
fn a_value_is_a_literal_of_its_type_or_refused() {
    let cases = [
        (
            Type::String,
            "O'Neill",
            Some("'O''Neill'"),
            Some("'O''Neill'"),
        ),
        (
            Type::String,
            "' or 1 eq 1 or '",
            Some("''' or 1 eq 1 or '''"),
            Some("''' or 1 eq 1 or '''"),
        ),
        (Type::String, "", Some("''"), Some("''")),
        (Type::Int32, "7", Some("7"), Some("7")),
        (Type::Int32, "7 or 1 eq 1", None, None),
        (
            Type::Int64,
            "9007199254740993",
            Some("9007199254740993L"),
            Some("9007199254740993"),
        ),
        (Type::Decimal, "+007.50", Some("7.50m"), Some("7.50")),
        (Type::Decimal, ".5", Some("0.5m"), Some("0.5")),
        (Type::Decimal, "1e", None, None),
        (Type::Decimal, "", None, None),
        (Type::Boolean, "true", Some("true"), Some("true")),
        (Type::Boolean, "1", None, None),
        (
            Type::Guid,
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            Some("guid'6F9619FF-8B86-D011-B42D-00C04FC964FF'"),
            Some("6F9619FF-8B86-D011-B42D-00C04FC964FF"),
        ),
        (Type::Guid, "6F9619FF", None, None),
        (
            Type::Date,
            "2026-02-28",
            Some("datetime'2026-02-28T00:00:00'"),
            Some("2026-02-28"),
        ),
        (Type::Date, "2026-02-30", None, None),
        (
            Type::DateTime,
            "2026-01-01T01:00:00+01:00",
            Some("datetime'2026-01-01T00:00:00.000'"),
            Some("2026-01-01T00:00:00.000Z"),
        ),
        (
            Type::DateTimeOffset,
            "2026-01-01T00:00:00Z",
            Some("datetimeoffset'2026-01-01T00:00:00Z'"),
            Some("2026-01-01T00:00:00Z"),
        ),
        (Type::DateTimeOffset, "yesterday", None, None),
        (
            Type::Time,
            "10:20:30",
            Some("time'PT10H20M30S'"),
            Some("10:20:30"),
        ),
        (Type::Time, "10:20", None, None),
    ];
    for (kind, text, v2, v4) in cases {
        assert_eq!(
            kind.literal(Version::V2, text).ok().as_deref(),
            v2,
            "{kind:?} {text}"
        );
        assert_eq!(
            kind.literal(Version::V4, text).ok().as_deref(),
            v4,
            "{kind:?} {text}"
        );
    }
}

#[test]
fn a_value_goes_into_a_body_and_comes_back() {
    let cases = [
        (
            Type::Decimal,
            "12345678901234567890.10",
            r#""12345678901234567890.10""#,
            r#""12345678901234567890.10""#,
        ),
        (Type::Int64, "\"7\"", "\"7\"", "\"7\""),
        (Type::Int32, "7", "7", "7"),
        (Type::Double, "1.5", "\"1.5\"", "1.5"),
        (
            Type::Date,
            "\"1969-12-31\"",
            "\"/Date(-86400000)/\"",
            "\"1969-12-31\"",
        ),
        (
            Type::DateTimeOffset,
            "\"2026-01-01T00:00:00.5Z\"",
            "\"/Date(1767225600500+0000)/\"",
            "\"2026-01-01T00:00:00.5Z\"",
        ),
        (
            Type::Time,
            "\"08:00:00\"",
            "\"PT08H00M00S\"",
            "\"08:00:00\"",
        ),
        (Type::String, "7", "\"7\"", "\"7\""),
        (Type::String, "null", "null", "null"),
    ];
    for (kind, raw, v2, v4) in cases {
        for (version, expected) in [(Version::V2, v2), (Version::V4, v4)] {
            let mut out = String::new();
            assert_eq!(kind.write(version, raw, &mut out), Ok(()), "{raw}");
            assert_eq!(out, expected, "{kind:?} {raw}");
        }
    }
    assert!(
        Type::String
            .write(Version::V4, "{}", &mut String::new())
            .is_err()
    );
}

#[test]
fn what_systems_give_is_told_in_one_way() {
    let cases = [
        (
            Type::Date,
            "\"/Date(1767225600000)/\"",
            None,
            Some("\"2026-01-01\""),
        ),
        (Type::Date, "\"2026-01-01\"", None, Some("\"2026-01-01\"")),
        (
            Type::DateTime,
            "\"/Date(-1)/\"",
            None,
            Some("\"1969-12-31T23:59:59.999Z\""),
        ),
        (
            Type::DateTimeOffset,
            "\"/Date(1767225600000+0060)/\"",
            None,
            Some("\"2026-01-01T00:00:00.000Z\""),
        ),
        (
            Type::DateTimeOffset,
            "\"2026-01-01T00:00:00+01:00\"",
            None,
            Some("\"2026-01-01T00:00:00+01:00\""),
        ),
        (Type::Time, "\"PT8H\"", None, Some("\"08:00:00\"")),
        (
            Type::Decimal,
            "\"100.50000\"",
            Some(As::Number),
            Some("100.50000"),
        ),
        (Type::Decimal, "\"100.5\"", None, Some("\"100.5\"")),
        (Type::Decimal, "100.5", None, Some("\"100.5\"")),
        (Type::String, "\"007\"", Some(As::Number), Some("7")),
        (Type::Boolean, "false", None, Some("false")),
        (Type::String, "\"\"", None, None),
        (Type::String, "null", None, None),
    ];
    for (kind, raw, how, expected) in cases {
        let mut out = String::new();
        let told = kind.tell(how, raw, &mut out);
        assert_eq!(told, Ok(expected.is_some()), "{raw}");
        assert_eq!(out, expected.unwrap_or_default(), "{kind:?} {raw}");
    }
    assert!(
        Type::String
            .tell(Some(As::Number), "\"many\"", &mut String::new())
            .is_err()
    );
    assert!(
        Type::DateTime
            .tell(None, "\"soon\"", &mut String::new())
            .is_err()
    );
}
