//! `fields` of a system file: what of others' data does not reach the system, hidden or masked.

use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::fields::{FieldFilter, FieldRules, Mask};

use super::fields::{self, Fields, Problems, quoted};

/// Reads `{ hide: [..], mask: { path: kind }, mask-matching: [..] }`.
pub(crate) fn read(node: &Node, problems: &mut Problems) -> FieldRules {
    let mut rules = FieldRules::default();
    let known = ["hide", "mask", "mask-matching"];
    let Some(fields) = Fields::known(node, "fields", &known, problems) else {
        return rules;
    };
    for (path, node) in texts(fields, "hide", problems) {
        if is_usable(
            node,
            with(|rules| rules.hide.insert(path.to_owned())),
            problems,
        ) {
            rules.hide.insert(path.to_owned());
        }
    }
    for (pattern, node) in texts(fields, "mask-matching", problems) {
        let alone = with(|rules| rules.mask_matching.insert(pattern.to_owned()));
        if is_usable(node, alone, problems) {
            rules.mask_matching.insert(pattern.to_owned());
        }
    }
    let masks = fields
        .get("mask")
        .and_then(|node| Fields::any(node, "mask", problems));
    for (key, node) in masks.iter().flat_map(|masks| masks.entries()) {
        let Some(mask) = mask(node, problems) else {
            continue;
        };
        let alone = with(|rules| rules.mask.insert(key.text.clone(), mask));
        if is_usable(node, alone, problems) {
            rules.add_mask(&key.text, mask);
        }
    }
    if let Err(problem) = FieldFilter::new(&rules) {
        problems.add(node.place, format!("fields: {problem}"));
    }
    rules
}

fn texts<'n>(fields: Fields<'n>, name: &str, problems: &mut Problems) -> Vec<(&'n str, &'n Node)> {
    let Some(node) = fields.get(name) else {
        return Vec::new();
    };
    let items = fields::list(node, name, problems).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| Some((fields::text(item, name, problems)?, item)))
        .collect()
}

fn mask(node: &Node, problems: &mut Problems) -> Option<Mask> {
    let Value::Text(word) = &node.value else {
        problems.unexpected(node, "mask", &expected());
        return None;
    };
    let found = Mask::NAMES.iter().find(|(name, _)| name == word);
    if found.is_none() {
        problems.add(
            node.place,
            format!("mask: found {}, expected {}", quoted(word), expected()),
        );
    }
    found.map(|(_, mask)| *mask)
}

fn expected() -> String {
    let names: Vec<&str> = Mask::NAMES.iter().map(|(name, _)| *name).collect();
    format!("one of {}", names.join(", "))
}

fn with<T>(add: impl FnOnce(&mut FieldRules) -> T) -> FieldRules {
    let mut rules = FieldRules::default();
    add(&mut rules);
    rules
}

/// Whether one rule alone can be used, so that the message stands at its line.
fn is_usable(node: &Node, alone: FieldRules, problems: &mut Problems) -> bool {
    match FieldFilter::new(&alone) {
        Ok(_) => true,
        Err(problem) => {
            problems.add(node.place, format!("fields: {problem}"));
            false
        }
    }
}
