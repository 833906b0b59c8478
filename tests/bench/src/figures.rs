//! Figures by key, with what they mean: one table on the terminal, one flat object in `target/bench.json`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

/// What was measured so far.
#[derive(Default)]
pub(crate) struct Figures {
    rows: Vec<(&'static str, f64, &'static str)>,
    /// What the file has in any case.
    owed: Vec<&'static str>,
}

impl Figures {
    /// Keeps one figure. `meaning` says what it counts, with its unit.
    pub(crate) fn note(&mut self, key: &'static str, value: f64, meaning: &'static str) {
        self.rows.push((key, value, meaning));
    }

    /// A figure that the file has in any case: 0 until it is measured.
    pub(crate) fn owe(&mut self, key: &'static str) {
        self.owed.push(key);
    }

    /// Prints the table, aligned.
    #[expect(clippy::print_stdout, reason = "the benchmark speaks to a terminal")]
    pub(crate) fn print(&self) {
        let widest = self
            .rows
            .iter()
            .map(|(key, ..)| key.len())
            .max()
            .unwrap_or(0);
        println!();
        for (key, value, meaning) in &self.rows {
            println!("{key:widest$}  {:>14}  {meaning}", shown(*value));
        }
    }

    /// Writes or updates the flat object: parts that did not run this time keep their figures.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut all: BTreeMap<String, f64> = std::fs::read(file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        all.extend(
            self.rows
                .iter()
                .map(|(key, value, _)| ((*key).to_owned(), *value)),
        );
        for key in &self.owed {
            all.entry((*key).to_owned()).or_insert(0.0);
        }
        std::fs::write(file, serde_json::to_vec_pretty(&all)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Four significant digits, thousands apart.
fn shown(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.3}");
    }
    let whole = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// The median of `values`, which it sorts.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that `share` of `values` does not pass; sorts them. 0 when there are none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index"
)]
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_owed_is_0_until_it_is_measured_and_stays_then() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.json");
        let written = |measured: Option<f64>| {
            let mut figures = Figures::default();
            figures.owe("ratio");
            if let Some(value) = measured {
                figures.note("ratio", value, "");
            }
            figures.write(&file).unwrap();
            let all: BTreeMap<String, f64> =
                serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            all["ratio"]
        };
        assert_eq!(
            [written(None), written(Some(6.5)), written(None)],
            [0.0, 6.5, 6.5]
        );
    }
}
