//! `canary` of a system file: on which share of the lanes a new version is tried first, and for how long.

use std::time::Duration;

use tombolo_flow::yaml::Value;
use tombolo_kernel::limits;
use tombolo_kernel::system::WHOLE;

use super::fields::{self, Fields, Problems};

/// How a new version is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryPlan {
    /// Ten thousandths of the lanes.
    pub share: u32,
    /// After this it takes all.
    pub time: Duration,
}

/// Reads it, if it is there.
pub(crate) fn read(file: Fields<'_>, problems: &mut Problems) -> Option<CanaryPlan> {
    let node = file.get("canary")?;
    let fields = Fields::known(node, "canary", &["share", "for"], problems)?;
    let time = fields.need("for", problems);
    let time = time.and_then(|node| fields::duration(node, "for", limits::CANARY_MOST, problems));
    let node = fields.need("share", problems)?;
    let part = match &node.value {
        Value::Text(text) => share(text),
        _ => None,
    };
    if part.is_none() {
        problems.unexpected(node, "share", "a share of the lanes from 1% to 99%");
    }
    Some(CanaryPlan {
        share: part?,
        time: time?,
    })
}

/// `10%`, in ten thousandths: from 1% to 99%.
#[must_use]
pub fn share(text: &str) -> Option<u32> {
    let percent: u32 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (1..=99).contains(&percent).then(|| percent * (WHOLE / 100))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_share_and_a_time_are_taken_and_what_is_wrong_is_told() {
        let told = |text: &str| {
            let node = tombolo_flow::yaml::parse("systems/erp.yaml", text).unwrap();
            let mut problems = Problems::of("systems/erp.yaml");
            let fields = Fields::any(&node, "a system", &mut problems).unwrap();
            let plan = read(fields, &mut problems);
            let told: Vec<String> = problems
                .into_list()
                .iter()
                .map(ToString::to_string)
                .collect();
            (plan, told.join("\n"))
        };
        let plan = CanaryPlan {
            share: 1_000,
            time: Duration::from_secs(900),
        };
        assert_eq!(
            told("canary: { share: 10%, for: 15m }"),
            (Some(plan), String::new())
        );
        assert_eq!(told("adapter: x"), (None, String::new()));
        for (text, says) in [
            ("canary: { share: 100%, for: 15m }", "from 1% to 99%"),
            ("canary: { share: 10, for: 15m }", "from 1% to 99%"),
            ("canary: { share: 10% }", "needs `for`"),
            ("canary: { share: 10%, for: 15m, of: x }", "the key \"of\""),
            ("canary: { share: 10%, for: 90d }", "for: "),
        ] {
            let (_, problems) = told(text);
            assert!(problems.contains(says), "{text}: {problems}");
        }
    }
}
