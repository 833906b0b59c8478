//! Which steps a run reached, by the names that origins have, and the digest of the adapter that carried each out.

use std::collections::BTreeMap;

use crate::trace::StepTrace;

/// Of a run's trace; without a digest where nothing left.
pub(super) fn reached(steps: &[StepTrace], prefix: &str, found: &mut BTreeMap<String, String>) {
    for step in steps {
        let name = match step.kind.as_str() {
            "item" => {
                reached(&step.steps, prefix, found);
                continue;
            }
            // It stands inside the step that failed, under the whole name of the step that it takes back.
            "undo" => format!("{}/undo", unnumbered(&step.id)),
            _ => format!("{prefix}{}", step.id),
        };
        let adapter = found.entry(name.clone()).or_default();
        if !step.adapter.is_empty() {
            adapter.clone_from(&step.adapter);
        }
        let inside = match step.kind.as_str() {
            "each" => format!("{name}[]."),
            "call" if step.what.starts_with("flow.") => format!("{name}."),
            _ => prefix.to_owned(),
        };
        reached(&step.steps, &inside, found);
    }
}

/// `lines[].reserve` for `lines[3].reserve`.
pub(super) fn unnumbered(step: &str) -> String {
    let mut name = String::with_capacity(step.len());
    for piece in step.split_inclusive('[') {
        match name.ends_with('[') {
            true => name.push_str(piece.trim_start_matches(|letter: char| letter.is_ascii_digit())),
            false => name.push_str(piece),
        }
    }
    name
}
