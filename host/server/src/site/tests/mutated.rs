//! Real site files that were changed, in their lines and in their letters: each is read, or refused with the file and
//! the place in every message. A grant that is taken is written and read back the same.

use std::path::Path;

use proptest::prelude::*;
use tombolo_flow::definition::Flow;
use tombolo_flow::problem::Problem;
use tombolo_flow::yaml;
use tombolo_kernel::grant::Grant;

use super::super::fields::Problems;
use super::super::settings::Settings;
use super::super::{grant, schedule};
use super::files::plan;

const SITE: &str =
    include_str!("../../../../../tests/scenarios/one-customer-many-ids/site/tombolo.yaml");
const SYSTEM: &str =
    include_str!("../../../../../tests/scenarios/one-customer-many-ids/site/systems/crm.yaml");
const FLOW: &str =
    include_str!("../../../../../tests/scenarios/alarm-to-purchase/site/flows/spare-part.yaml");
const GRANT: &str = "format: 2
system: erp
adapter: { name: acme/erp, version: 1.0.0, digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }
approved:
  - { by: rita, at: 2026-11-22T03:00:00.000Z, reason: \"yes: # 1\" }
  - { by: omar, at: 2026-11-22T03:00:00.000Z, reason: why not }
expires: 2027-01-01T00:00:00Z
items:
  - capability: emit
    event: order.changed
  - capability: http
    connection: api
    place: \"https://erp.example\"
    allow: GET /orders/{id}
    credential: bearer
    private_network: false
refused:
  - { capability: emit, event: order.lost }
";
const SCHEDULE: &str = "cron: \"0 2 * * *\"\nzone: Europe/Berlin\nmissed: once\nevent: { type: night, subject: s, data: { a: 1 } }\n";

/// What stands in a value's place.
const VALUES: &[&str] = &[
    "",
    "~",
    "true",
    "-1",
    "99999999999999999999",
    "1e999",
    ".nan",
    "[]",
    "{}",
    "[[[[[[]]]]]]",
    "{ a: { b: [c] } }",
    "\"\\u0000\"",
    "\"\u{202e}\u{1b}\"",
    "&a b",
    "*a",
    "!!binary aGk=",
    "<<",
    "|",
    ">-",
    "'",
    "\"",
    "- -",
    "? :",
    "2026-01-01",
    "env:X",
    "${event.data",
    "${1 +}",
    "../../etc/passwd",
    "https://user:pw@h/",
    "\u{4ed3}\u{5e93}",
    "1000000d",
    "0s",
];

#[derive(Debug, Clone)]
enum Change {
    Drop(usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Value(usize, &'static str),
    Key(usize, String),
    Indent(usize, usize),
    Letter(usize, String),
    Cut(usize),
    Deep(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<usize>;
    let change = prop_oneof![
        at().prop_map(Change::Drop),
        (at(), 1..20usize).prop_map(|(at, times)| Change::Repeat(at, times)),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at(), prop::sample::select(VALUES)).prop_map(|(at, value)| Change::Value(at, value)),
        (at(), "[a-zA-Z_\u{e4} .]{0,10}").prop_map(|(at, key)| Change::Key(at, key)),
        (at(), 0..9usize).prop_map(|(at, spaces)| Change::Indent(at, spaces)),
        (at(), ".{0,3}").prop_map(|(at, text)| Change::Letter(at, text)),
        at().prop_map(Change::Cut),
        (at(), 1..2_000usize).prop_map(|(at, depth)| Change::Deep(at, depth)),
    ];
    prop::collection::vec(change, 1..4)
}

fn changed(text: &str, change: &Change) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines.len();
    if count == 0 {
        return String::new();
    }
    let valued = |line: &str, value: &str| match line.split_once(':') {
        Some((key, _)) => format!("{key}: {value}"),
        None => value.to_owned(),
    };
    match change {
        Change::Drop(at) => drop(lines.remove(at % count)),
        Change::Repeat(at, times) => {
            let copies = vec![lines[at % count].clone(); *times];
            lines.splice(at % count..at % count, copies);
        }
        Change::Swap(one, other) => lines.swap(one % count, other % count),
        Change::Value(at, value) => lines[at % count] = valued(&lines[at % count], value),
        Change::Key(at, key) => {
            let line = &lines[at % count];
            let spaces = line.len() - line.trim_start().len();
            let value = line.split_once(':').map_or("", |(_, value)| value);
            lines[at % count] = format!("{}{key}:{value}", " ".repeat(spaces));
        }
        Change::Indent(at, spaces) => {
            lines[at % count] = format!("{}{}", " ".repeat(*spaces), lines[at % count].trim_start())
        }
        Change::Letter(at, piece) => {
            let at = text.floor_char_boundary(at % (text.len() + 1));
            return format!("{}{piece}{}", &text[..at], &text[at..]);
        }
        Change::Cut(at) => {
            return text[..text.floor_char_boundary(at % (text.len() + 1))].to_owned();
        }
        Change::Deep(at, depth) => {
            let deep = format!("{}{}", "[".repeat(*depth), "]".repeat(*depth));
            lines[at % count] = valued(&lines[at % count], &deep);
        }
    }
    lines.join("\n")
}

fn all(text: &str, changes: &[Change]) -> String {
    changes
        .iter()
        .fold(text.to_owned(), |text, change| changed(&text, change))
}

/// Every problem names its file and place, on one line that a terminal can show.
fn well_told(file: &str, text: &str, problems: &[Problem]) -> Result<(), TestCaseError> {
    // To YAML a carriage return alone ends a line too.
    let lines = text.lines().count() + text.matches('\r').count();
    for problem in problems {
        prop_assert_eq!(&problem.file, file);
        prop_assert!(
            problem.line > 0 && problem.column > 0,
            "without a place: {} in:\n{}",
            problem,
            text
        );
        prop_assert!(
            problem.line as usize <= lines + 1,
            "beyond the end: {} in:\n{}",
            problem,
            text
        );
        prop_assert!(
            !problem.message.trim().is_empty() && !problem.message.contains('\n'),
            "{:?}",
            problem.message
        );
    }
    Ok(())
}

/// Reads a document and then its meaning.
fn read<T>(
    file: &str,
    text: &str,
    meaning: impl FnOnce(&yaml::Node, &mut Problems) -> T,
) -> Result<Option<T>, TestCaseError> {
    let node = match yaml::parse(file, text) {
        Ok(node) => node,
        Err(problem) => {
            well_told(file, text, &[problem])?;
            return Ok(None);
        }
    };
    let mut problems = Problems::of(file);
    let meant = meaning(&node, &mut problems);
    let problems = problems.into_list();
    well_told(file, text, &problems)?;
    Ok(problems.is_empty().then_some(meant))
}

#[test]
fn the_files_that_are_changed_are_good_ones() {
    let grant = read("grants/erp.yaml", GRANT, |node, problems| {
        grant::read(node, "erp", problems)
    });
    assert!(matches!(grant, Ok(Some(Some(_)))), "{grant:?}");
    let schedule = read("schedules/n.yaml", SCHEDULE, |node, problems| {
        schedule::read("n", node, problems).is_some()
    });
    assert!(matches!(schedule, Ok(Some(true))), "{schedule:?}");
    assert!(Flow::parse("flows/f.yaml", FLOW).is_ok());
}

proptest! {
    #[test]
    fn a_changed_grant_is_refused_with_its_place_or_reads_back_the_same(changes in changes()) {
        let text = all(GRANT, &changes);
        let grant = read("grants/erp.yaml", &text, |node, problems| grant::read(node, "erp", problems))?;
        if let Some(Some(grant)) = grant {
            let written = serde_saphyr::to_string(&grant).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let back = read("grants/erp.yaml", &written, |node, problems| grant::read(node, "erp", problems))?;
            let back: Option<Grant> = back.flatten();
            prop_assert_eq!(back.as_ref(), Some(&grant), "{}", written);
        }
    }

    #[test]
    fn a_changed_system_is_read_or_refused_with_its_place(changes in changes()) {
        let text = all(SYSTEM, &changes);
        if let Err(problems) = plan(&text) {
            prop_assert!(!problems.is_empty());
            well_told("systems/erp.yaml", &text, &problems)?;
        }
    }

    #[test]
    fn a_changed_tombolo_yaml_is_read_or_refused_with_its_place(changes in changes()) {
        read("tombolo.yaml", &all(SITE, &changes), |node, problems| Settings::read(node, Path::new("/site"), problems))?;
    }

    #[test]
    fn a_changed_schedule_is_read_or_refused_with_its_place(changes in changes()) {
        read("schedules/n.yaml", &all(SCHEDULE, &changes), |node, problems| schedule::read("n", node, problems))?;
    }

    #[test]
    fn a_changed_flow_is_read_or_refused_with_its_place(changes in changes()) {
        let text = all(FLOW, &changes);
        if let Err(problems) = Flow::parse("flows/f.yaml", &text) {
            prop_assert!(!problems.is_empty());
            well_told("flows/f.yaml", &text, &problems)?;
        }
    }
}
