//! What a site asks of approvals beyond their being there: two different reviewers where it says so, and signatures of
//! the reviewers whom it lists. Judged on the grant alone, so that what runs can be judged again when the site asks for
//! more. Pure; what cannot be read counts for nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Approval, Grant, GrantedAdapter, Item, Risk, RiskKind, printable, risks};
use crate::package::signature::PublisherKey;

/// What a site asks of approvals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewRules {
    /// Risks for which two different reviewers must approve.
    pub two_reviewers: BTreeSet<RiskKind>,
    /// Reviewers by name. Where there are any, only approvals that one of them signed count.
    pub reviewers: BTreeMap<String, PublisherKey>,
}

impl ReviewRules {
    /// The risks of these items for which one reviewer is not enough.
    #[must_use]
    pub fn demanding(&self, items: &[Item]) -> Vec<Risk> {
        if self.two_reviewers.is_empty() {
            return Vec::new();
        }
        let mut risks = risks(items);
        risks.retain(|risk| self.two_reviewers.contains(&risk.name));
        risks
    }

    /// What a grant's approvals lack, if anything.
    #[must_use]
    pub fn unmet(&self, grant: &Grant) -> Option<String> {
        self.uncounted(grant).or_else(|| self.alone(grant))
    }

    /// That one reviewer more must approve, and for what.
    fn alone(&self, grant: &Grant) -> Option<String> {
        let who: BTreeSet<String> = grant.approved.iter().map(|one| one.person()).collect();
        if who.len() >= 2 {
            return None;
        }
        let risks = self.demanding(&grant.items);
        let names: Vec<&str> = risks.iter().map(|risk| risk.name.name()).collect();
        let first = risks.first()?;
        Some(format!(
            "one more reviewer than {} must approve it, since the site asks for two where there is {}: {}",
            printable(&grant.reviewers()),
            names.join(", "),
            first.sentence.trim_end_matches('.')
        ))
    }

    /// Which approval does not count, since it is not signed as the site asks.
    #[must_use]
    pub fn uncounted(&self, grant: &Grant) -> Option<String> {
        if self.reviewers.is_empty() {
            return None;
        }
        grant.approved.iter().find_map(|one| {
            let by = printable(&one.by);
            let wrong = self.is_signed(grant, one).err()?;
            Some(format!("its approval by {by} does not count: {wrong}"))
        })
    }

    fn is_signed(&self, grant: &Grant, approval: &Approval) -> Result<(), String> {
        let Some((_, key)) = self
            .reviewers
            .iter()
            .find(|(name, _)| person(name) == approval.person())
        else {
            let known: Vec<&str> = self.reviewers.keys().map(String::as_str).collect();
            return Err(format!(
                "tombolo.yaml lists the reviewers {}",
                known.join(", ")
            ));
        };
        let Some(signature) = &approval.signature else {
            return Err(
                "found no signature, and tombolo.yaml lists reviewers; approve with `--key FILE`"
                    .into(),
            );
        };
        let bytes = statement(grant, approval)?;
        key.check(&bytes, signature, &comment(&grant.system))
            .map_err(|wrong| format!("{wrong}; the grant is no longer what was approved, or another approved it: approve it anew"))
    }
}

impl Approval {
    /// Who it is, however the name is written: two spellings of one name are one person.
    #[must_use]
    pub fn person(&self) -> String {
        person(&self.by)
    }
}

/// A name without regard to case and spaces.
#[must_use]
pub fn person(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// The trusted comment of an approval's signature. A publisher's says `adapter`, so neither passes for the other.
#[must_use]
pub fn comment(system: &str) -> String {
    format!("approval {system}")
}

/// The bytes that a reviewer signs: everything that was approved, and who says so, when and why.
///
/// # Errors
/// They cannot be written.
pub fn statement(grant: &Grant, approval: &Approval) -> Result<Vec<u8>, String> {
    #[derive(Serialize)]
    struct Statement<'g> {
        approval: u32,
        system: &'g str,
        adapter: &'g GrantedAdapter,
        items: BTreeSet<&'g Item>,
        refused: BTreeSet<&'g Item>,
        expires: Option<&'g str>,
        by: &'g str,
        at: &'g str,
        reason: &'g str,
    }
    let statement = Statement {
        approval: 1,
        system: &grant.system,
        adapter: &grant.adapter,
        items: grant.items.iter().collect(),
        refused: grant.refused.iter().collect(),
        expires: grant.expires.as_deref(),
        by: &approval.by,
        at: &approval.at,
        reason: &approval.reason,
    };
    serde_json::to_vec(&statement)
        .map_err(|error| format!("the approval cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests;
