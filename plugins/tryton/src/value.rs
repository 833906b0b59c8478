//! Values as Tryton's JSON has them: decimals, days and times are objects that say their class
//! (`trytond/protocols/jsonrpc.py`). Nothing here rounds: amounts keep the digits they came with.

use serde_json::{Value, json};
use tombolo_sdk::Failure;

/// A decimal out of text such as `12.50`.
pub(crate) fn decimal(text: &str) -> Value {
    json!({ "__class__": "Decimal", "decimal": text })
}

/// A decimal's text in plain notation: Python writes very small and very large ones as `1E+3` or `0E-8`.
pub(crate) fn plain(value: &Value) -> Option<String> {
    let text = value.get("decimal")?.as_str()?;
    let Some((digits, exponent)) = text.split_once(['E', 'e']) else {
        return Some(text.to_owned());
    };
    let exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.abs() <= 100)?;
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{sign}{all}{}", "0".repeat(point - all.len())),
        Ok(point) if point > 0 => format!("{sign}{}.{}", &all[..point], &all[point..]),
        _ => format!(
            "{sign}0.{}{all}",
            "0".repeat(usize::try_from(-point).unwrap_or(0))
        ),
    })
}

/// `{ amount, currency }`; nothing where Tryton has no amount.
pub(crate) fn money(amount: &Value, currency: &Value) -> Option<Value> {
    Some(json!({ "amount": plain(amount)?, "currency": currency["code"].as_str()? }))
}

/// A day out of `2026-11-27`.
///
/// # Errors
/// `invalid-input` at `path` if it is none.
pub(crate) fn date(text: &str, path: &str) -> Result<Value, Failure> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month @ 1..=12)), Some(Ok(day @ 1..=31))) => {
            Ok(json!({ "__class__": "date", "year": year, "month": month, "day": day }))
        }
        _ => Err(Failure::invalid_input(
            path,
            format!("found `{text}`, expected a day such as `2026-11-27`"),
        )),
    }
}

/// A day as text.
pub(crate) fn day(value: &Value) -> Option<String> {
    let part = |name: &str| value.get(name)?.as_u64();
    Some(format!(
        "{:04}-{:02}-{:02}",
        part("year")?,
        part("month")?,
        part("day")?
    ))
}

/// A time as RFC 3339 to the microsecond. Tryton's times are UTC without saying so. Of one length, so that their order
/// as text is their order in time.
pub(crate) fn time(value: &Value) -> Option<String> {
    let part = |name: &str| value.get(name)?.as_u64();
    Some(format!(
        "{}T{:02}:{:02}:{:02}.{:06}Z",
        day(value)?,
        part("hour")?,
        part("minute")?,
        part("second")?,
        part("microsecond")?
    ))
}

/// A time out of RFC 3339 in UTC, with or without a fraction; `None` if it is none.
pub(crate) fn datetime(text: &str) -> Option<Value> {
    let (day, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut value = date(day, "").ok()?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.splitn(3, ':').map(str::parse::<u8>);
    let microsecond: String = fraction.chars().chain("000000".chars()).take(6).collect();
    value["__class__"] = json!("datetime");
    value["hour"] = json!(parts.next()?.ok()?);
    value["minute"] = json!(parts.next()?.ok()?);
    value["second"] = json!(parts.next()?.ok()?);
    value["microsecond"] = json!(microsecond.parse::<u32>().ok()?);
    Some(value)
}

/// When a record was last changed. One that was never written has only the time when it was made.
pub(crate) fn changed(record: &Value) -> Option<String> {
    time(&record["write_date"]).or_else(|| time(&record["create_date"]))
}

/// The number of a record as the id that profiles speak of.
pub(crate) fn id(value: &Value) -> Option<String> {
    let number = value.as_u64().or_else(|| value["id"].as_u64())?;
    Some(number.to_string())
}

/// An object of those fields that have a value.
pub(crate) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A text that is there and not empty.
pub(crate) fn text(value: &Value) -> Option<Value> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(Value::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn decimals_are_written_out() {
        let cases = [
            ("10.0000", "10.0000"),
            ("-3", "-3"),
            ("1E+3", "1000"),
            ("1.25E+1", "12.5"),
            ("1.25E+4", "12500"),
            ("0E-8", "0.00000000"),
            ("-2.5E-3", "-0.0025"),
        ];
        for (python, expected) in cases {
            assert_eq!(
                plain(&decimal(python)).as_deref(),
                Some(expected),
                "{python}"
            );
        }
        assert_eq!(plain(&Value::Null), None);
    }

    #[test]
    fn times_come_back_as_they_were() {
        for text in ["2026-11-27T02:00:26.014664Z", "2026-01-01T00:00:00.000000Z"] {
            assert_eq!(time(&datetime(text).unwrap()).as_deref(), Some(text));
        }
        assert_eq!(
            time(&datetime("2026-11-27T02:00:26.5Z").unwrap()).unwrap(),
            "2026-11-27T02:00:26.500000Z"
        );
        for text in ["2026-11-27T02:00:26+01:00", "2026-11-27", "yesterday", ""] {
            assert_eq!(datetime(text), None, "{text}");
        }
    }

    #[test]
    fn a_record_never_written_changed_when_it_was_made() {
        let made = datetime("2026-01-01T00:00:00Z").unwrap();
        let record = json!({ "create_date": made, "write_date": null });
        assert_eq!(
            changed(&record).as_deref(),
            Some("2026-01-01T00:00:00.000000Z")
        );
    }

    #[test]
    fn what_is_no_day_is_said_where() {
        for text in ["2026-13-01", "2026-1", "soon", "2026-01-32"] {
            let failure = date(text, "/needed").unwrap_err();
            assert!(failure.message().contains(text), "{failure:?}");
        }
    }
}
