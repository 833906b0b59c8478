//! Reports of past runs of a job, kept as files: `TIME.json` tells how it went, with the first differences, `TIME.csv`
//! has all of them. The newest [`limits::RECONCILED_REPORTS`] stay.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compare::{Counts, Difference, What};
use tombolo_kernel::limits;

/// How a run went.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    /// The job.
    pub(crate) job: String,
    /// Its name among the job's runs: when it was due, RFC 3339.
    pub(crate) run: String,
    /// Milliseconds since the epoch.
    pub(crate) started_ms: u64,
    /// Milliseconds since the epoch.
    pub(crate) ended_ms: u64,
    /// What was found.
    pub(crate) counts: Counts,
    /// Differences that became events.
    pub(crate) events: u64,
    /// Why it broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// Why the first rows that could not be read could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreadable: Vec<String>,
    /// The first by key.
    #[serde(default)]
    pub(crate) differences: Vec<Difference>,
}

/// Where a job's reports are.
pub(crate) fn folder(data: &Path, job: &str) -> PathBuf {
    data.join("reconciliations").join(job)
}

/// The CSV under way: a line for each field that differs, or for a row that is on one side.
pub(super) struct Lines {
    writer: csv::Writer<File>,
    path: PathBuf,
}

impl Lines {
    /// # Errors
    /// The folder takes no files.
    pub(super) fn begin(folder: &Path, run: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.csv.part", file_name(run)));
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(["key", "difference", "field", "left", "right"])?;
        Ok(Self { writer, path })
    }

    /// # Errors
    /// The disk.
    pub(super) fn add(&mut self, difference: &Difference) -> io::Result<()> {
        let what = word(difference.what);
        let key = cell(&difference.key);
        if difference.fields.is_empty() {
            let (left, right) = (difference.left.get(), difference.right.get());
            let shown = |json: &str| {
                if json == "null" {
                    String::new()
                } else {
                    json.to_owned()
                }
            };
            self.writer
                .write_record([&key, what, "", &shown(left), &shown(right)])?;
        }
        for field in &difference.fields {
            let value = |json: &str| cell(&letters(json));
            self.writer.write_record([
                &key,
                what,
                &field.field,
                &value(field.left.get()),
                &value(field.right.get()),
            ])?;
        }
        Ok(())
    }

    /// Puts the report beside it, and both under their names; old ones go.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn end(mut self, report: &Report) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        let whole = self.path.with_extension("");
        fs::rename(&self.path, &whole)?;
        let text = serde_json::to_vec(report).map_err(io::Error::other)?;
        let (json, part) = (
            whole.with_extension("json"),
            whole.with_extension("json.part"),
        );
        fs::write(&part, text)?;
        fs::rename(&part, &json)?;
        whole.parent().map_or(Ok(()), forget_old)
    }
}

/// The newest report of a job.
///
/// # Errors
/// The disk.
pub(crate) fn newest(folder: &Path) -> io::Result<Option<Report>> {
    let Some(name) = names(folder)?.pop() else {
        return Ok(None);
    };
    let text = fs::read(folder.join(format!("{name}.json")))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(io::Error::other)
}

/// The CSV of a run.
pub(crate) fn csv(folder: &Path, run: &str) -> PathBuf {
    folder.join(format!("{}.csv", file_name(run)))
}

/// What an ended host left of a run that it did not finish.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().ends_with(".part") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Runs with a report, the oldest first.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn forget_old(folder: &Path) -> io::Result<()> {
    let mut names = names(folder)?;
    let keep = names.len().saturating_sub(limits::RECONCILED_REPORTS);
    for name in names.drain(..keep) {
        for ending in ["json", "csv"] {
            let _ = fs::remove_file(folder.join(format!("{name}.{ending}")));
        }
    }
    Ok(())
}

/// A time without the colons that some file systems refuse.
fn file_name(run: &str) -> String {
    run.replace(':', "-")
}

/// As the report spells it.
pub(crate) fn word(what: What) -> &'static str {
    match what {
        What::OnlyLeft => "only-left",
        What::OnlyRight => "only-right",
        What::Different => "different",
        What::TwiceLeft => "twice-left",
        What::TwiceRight => "twice-right",
        What::Same => "same",
    }
}

fn letters(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// A text that a spreadsheet would take for a formula is marked as text (OWASP, CSV injection); numbers stay numbers.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula && text.parse::<f64>().is_err() {
        return format!("'{text}");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::reconciliation::compare::FieldDifference;
    use serde_json::value::RawValue;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    fn report(run: &str) -> Report {
        Report {
            job: "j".into(),
            run: run.into(),
            started_ms: 1,
            ended_ms: 2,
            counts: Counts::default(),
            events: 0,
            failure: None,
            unreadable: Vec::new(),
            differences: Vec::new(),
        }
    }

    #[test]
    fn a_report_has_a_line_for_each_field_and_runs_no_formula() {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = Lines::begin(folder.path(), "2026-11-25T02:00:00.000Z").unwrap();
        let field = |name: &str, left, right| FieldDifference {
            field: name.into(),
            left: raw(left),
            right: raw(right),
        };
        let difference = Difference {
            key: "7".into(),
            what: What::Different,
            left: raw("{}"),
            right: raw("{}"),
            fields: vec![
                field("mail", r#""=HYPERLINK(1)""#, r#""a,b""#),
                field("credit", "-5", "null"),
            ],
        };
        lines.add(&difference).unwrap();
        let alone = Difference {
            key: "8".into(),
            what: What::OnlyLeft,
            left: raw(r#"{"n":1}"#),
            right: raw("null"),
            fields: Vec::new(),
        };
        lines.add(&alone).unwrap();
        lines.end(&report("2026-11-25T02:00:00.000Z")).unwrap();
        let text = fs::read_to_string(csv(folder.path(), "2026-11-25T02:00:00.000Z")).unwrap();
        assert_eq!(
            text,
            "key,difference,field,left,right\n7,different,mail,'=HYPERLINK(1),\"a,b\"\n7,different,credit,-5,null\n8,only-left,,\"{\"\"n\"\":1}\",\n"
        );
    }

    #[test]
    fn the_newest_reports_stay_and_what_was_not_finished_goes() {
        let folder = tempfile::tempdir().unwrap();
        for day in 10..10 + limits::RECONCILED_REPORTS + 3 {
            let run = format!("2026-11-{day}");
            let lines = Lines::begin(folder.path(), &run).unwrap();
            lines.end(&report(&run)).unwrap();
        }
        let left = names(folder.path()).unwrap();
        assert_eq!(left.len(), limits::RECONCILED_REPORTS);
        assert_eq!(left[0], "2026-11-13");
        let newest = newest(folder.path()).unwrap().unwrap();
        assert_eq!(newest.run, *left.last().unwrap());
        let begun = Lines::begin(folder.path(), "2026-12-01").unwrap();
        drop(begun);
        sweep(folder.path());
        assert_eq!(names(folder.path()).unwrap(), left);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * left.len());
    }
}
