//! `rate`, `concurrency` and `delivery` of a system file: how calls go out to the system.

use std::time::Duration;

use tombolo_flow::delivery::{Delivery, Rate, RetryWish};
use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::limits;

use super::fields::{self, Fields, Problems};

/// Reads them; what is not there is the host's to say.
pub(crate) fn read(file: Fields<'_>, problems: &mut Problems) -> Delivery {
    let mut delivery = Delivery::default();
    if let Some(node) = file.get("rate") {
        delivery.rate = rate(node, problems);
    }
    let most = limits::CALLS_PER_SYSTEM as u64;
    let concurrency = file
        .get("concurrency")
        .and_then(|node| fields::whole(node, "concurrency", 1..=most, problems))
        .and_then(|calls| usize::try_from(calls).ok());
    delivery.concurrency = concurrency.unwrap_or(delivery.concurrency);
    delivery.retry = retry(file, problems);
    delivery
}

/// `10/s`.
pub(crate) fn rate(node: &Node, problems: &mut Problems) -> Option<Rate> {
    let rate = match &node.value {
        Value::Text(text) => Rate::parse(text),
        _ => None,
    };
    if rate.is_none() {
        problems.unexpected(node, "rate", Rate::EXPECTED);
    }
    rate
}

fn retry(file: Fields<'_>, problems: &mut Problems) -> RetryWish {
    let known = ["attempts", "backoff", "most"];
    let Some(fields) = file
        .get("delivery")
        .and_then(|node| Fields::known(node, "delivery", &known, problems))
    else {
        return RetryWish::default();
    };
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut time = |name: &'static str| {
        let node = fields.get(name)?;
        fields::duration(node, name, limits::WAIT_MOST, problems).map(ms)
    };
    let (backoff_ms, most_ms) = (time("backoff"), time("most"));
    let attempts = fields.get("attempts").and_then(|node| {
        let most = u64::from(limits::ATTEMPTS_MOST);
        fields::whole(node, "attempts", 1..=most, problems)
    });
    RetryWish {
        attempts: attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        backoff_ms,
        most_ms,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn told(text: &str) -> (Delivery, Vec<String>) {
        let node = tombolo_flow::yaml::parse("systems/erp.yaml", text).unwrap();
        let mut problems = Problems::of("systems/erp.yaml");
        let fields = Fields::any(&node, "a system", &mut problems).unwrap();
        let delivery = read(fields, &mut problems);
        let told = problems.into_list();
        (delivery, told.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_written_is_taken_and_the_rest_left_open() {
        let (delivery, problems) =
            told("rate: 10/s\nconcurrency: 2\ndelivery: { attempts: 8, backoff: 2 s }\n");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(delivery.rate, Rate::parse("10/s"));
        assert_eq!(delivery.concurrency, 2);
        let retry = RetryWish {
            attempts: Some(8),
            backoff_ms: Some(2_000),
            most_ms: None,
        };
        assert_eq!(delivery.retry, retry);
        assert_eq!(told("adapter: x\n").0, Delivery::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, problem) in [
            (
                "rate: 10",
                "systems/erp.yaml:1:7: rate: found the number 10, expected calls per second",
            ),
            ("rate: fast", "rate: found"),
            (
                "concurrency: 0",
                "concurrency: found the number 0, expected a whole number from 1 to 512",
            ),
            (
                "delivery: { attempts: 101 }",
                "expected a whole number from 1 to 100",
            ),
            (
                "delivery: { retries: 3 }",
                "found the key \"retries\", expected one of attempts, backoff, most",
            ),
        ] {
            let (_, problems) = told(text);
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{text}: {problems:?}"
            );
        }
    }
}
