//! `review` and `reviewers` of `tombolo.yaml`: for which risks two reviewers must approve, and whose signatures count.
//! A name or a key that would make one reviewer two is refused.

use std::collections::{BTreeMap, BTreeSet};

use tombolo_flow::yaml::Node;
use tombolo_kernel::grant::{ReviewRules, RiskKind, person};
use tombolo_kernel::limits;
use tombolo_kernel::package::signature::PublisherKey;

use super::fields::{self, Fields, Problems, quoted};

/// Longest name of a reviewer, characters.
const NAME: usize = 80;

/// Reads `review: { two-reviewers: [..] }` and `reviewers: [{ name: rita, key: RW.. }]`.
pub(crate) fn read(
    review: Option<&Node>,
    reviewers: Option<&Node>,
    problems: &mut Problems,
) -> ReviewRules {
    let two_reviewers = review
        .and_then(|node| Fields::known(node, "review", &["two-reviewers"], problems))
        .and_then(|fields| fields.need("two-reviewers", problems))
        .map(|node| risks(node, problems))
        .unwrap_or_default();
    let rules = ReviewRules {
        two_reviewers,
        reviewers: reviewers
            .map(|node| people(node, problems))
            .unwrap_or_default(),
    };
    if let Some(node) =
        review.filter(|_| !rules.two_reviewers.is_empty() && rules.reviewers.len() == 1)
    {
        problems.add(
            node.place,
            "review: two reviewers must approve, and `reviewers` lists only one; list another, or nothing could be approved",
        );
    }
    rules
}

fn risks(node: &Node, problems: &mut Problems) -> BTreeSet<RiskKind> {
    let mut kinds = BTreeSet::new();
    for (at, word) in fields::texts(node, "two-reviewers", problems) {
        match RiskKind::NAMES.iter().find(|(name, _)| *name == word) {
            Some((_, kind)) => drop(kinds.insert(*kind)),
            None => {
                let names: Vec<&str> = RiskKind::NAMES.iter().map(|(name, _)| *name).collect();
                let message = format!(
                    "two-reviewers: found the risk {}, expected one of {}",
                    quoted(word),
                    names.join(", ")
                );
                problems.add(at, message);
            }
        }
    }
    kinds
}

fn people(node: &Node, problems: &mut Problems) -> BTreeMap<String, PublisherKey> {
    let mut people: BTreeMap<String, PublisherKey> = BTreeMap::new();
    let items = fields::list(node, "reviewers", problems).unwrap_or_default();
    if items.is_empty() || items.len() > limits::REVIEWERS {
        let expected = format!(
            "from 1 to {} reviewers, or no such key: then nobody needs to sign an approval",
            limits::REVIEWERS
        );
        problems.unexpected(node, "reviewers", &expected);
        return people;
    }
    for item in items {
        let Some((name, key)) = reviewer(item, problems) else {
            continue;
        };
        if people.keys().any(|other| person(other) == person(&name)) {
            let message = format!(
                "two reviewers are named {}; give each a name of its own",
                quoted(&name)
            );
            problems.add(item.place, message);
        }
        if let Some((other, _)) = people.iter().find(|(_, other)| other.id() == key.id()) {
            let message = format!(
                "{} has the key of {}: one person would count as two; give each a key of their own",
                quoted(&name),
                quoted(other)
            );
            problems.add(item.place, message);
        }
        people.insert(name, key);
    }
    people
}

fn reviewer(node: &Node, problems: &mut Problems) -> Option<(String, PublisherKey)> {
    let fields = Fields::known(node, "a reviewer", &["name", "key"], problems)?;
    let name = fields.need("name", problems).and_then(|node| {
        let name = fields::text(node, "the reviewer's name", problems)?;
        if name.trim().is_empty() || name.chars().count() > NAME || name.contains(char::is_control)
        {
            let expected = format!("a name of at most {NAME} characters on one line");
            problems.unexpected(node, "the reviewer's name", &expected);
        }
        Some(name.to_owned())
    });
    let key = fields.need("key", problems).and_then(|node| {
        let text = fields::text(node, "the reviewer's key", problems)?;
        // The secret half looks alike: never repeat what was found.
        PublisherKey::parse(text)
            .map_err(|error| problems.add(node.place, format!("the reviewer's key: {error}")))
            .ok()
    });
    Some((name?, key?))
}
