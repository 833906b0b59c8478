//! What a reviewer decides on: the wishes of a system with the real places, why the vendor asks, the risks that lie in
//! them, and what differs from the present grant. [`super::print`] and [`super::markdown`] show it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use tombolo_kernel::grant::{self, Approval, Grant, Item, ReviewRules, Risk, Standing, Wishes};
use tombolo_kernel::package::{Package, Signer};
use tombolo_server::site::{self, Site, SystemPlan};

use crate::adapter::inspect::sbom_words;
use crate::{check, when};

/// Everything a reviewer decides on.
pub(crate) struct Review {
    pub(super) site: PathBuf,
    pub(super) package: Arc<Package>,
    pub(super) signer: Signer,
    pub(super) wishes: Wishes,
    pub(super) present: Option<Grant>,
    pub(super) rules: Arc<ReviewRules>,
}

impl Review {
    /// Reads the site and what one of its systems asks for. Runs no code of the adapter and opens no secret.
    ///
    /// # Errors
    /// A site that is not in order, or no such system in it.
    pub(crate) fn of(folder: &Path, system: &str) -> anyhow::Result<Self> {
        let site = site::read(folder).map_err(|problems| check::not_in_order(folder, &problems))?;
        let plan = plan_of(&site, folder, system)?;
        Ok(Self {
            site: folder.to_owned(),
            package: Arc::clone(&plan.bare.package),
            signer: plan.bare.signer.clone(),
            wishes: grant::wishes(&plan.bare),
            present: site.grants.get(system).cloned(),
            rules: Arc::clone(&plan.bare.review),
        })
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> Value {
        let items: Vec<Value> = self
            .standings()
            .into_iter()
            .map(|(standing, item)| {
                json!({
                    "id": item.id(), "standing": standing.word(), "was": standing.was(),
                    "sentence": grant::sentence(&item), "worst": grant::worst(&item), "item": item,
                })
            })
            .collect();
        let risks: Vec<Value> = self
            .risks()
            .into_iter()
            .map(|(risk, two)| {
                json!({ "name": risk.name, "sentence": risk.sentence, "items": risk.items, "two_reviewers": two })
            })
            .collect();
        json!({
            "system": self.wishes.system,
            "adapter": self.wishes.adapter,
            "summary": self.package.manifest.adapter.summary,
            "size": self.package.bytes.len(),
            "signer": self.signer,
            "sbom": self.package.sbom,
            "change": self.change_words(),
            "risks": risks,
            "items": items,
            "reasons": self.wishes.reasons,
            "warnings": self.notes(),
            "present": self.present.as_ref().map(|grant| {
                let lacks = self.rules.unmet(grant);
                json!({ "adapter": grant.adapter, "approved": grant.approved, "expires": grant.expires, "lacks": lacks })
            }),
        })
    }

    /// The digest that an approval would bind.
    pub(crate) fn digest(&self) -> &str {
        &self.wishes.adapter.digest
    }

    /// What a grant's approvals still lack, if anything.
    pub(super) fn lacks(&self, grant: &Grant) -> Option<String> {
        self.rules.unmet(grant)
    }

    /// The risks of all that is asked for, and whether the site wants two reviewers for each.
    pub(super) fn risks(&self) -> Vec<(Risk, bool)> {
        let two = |risk: &Risk| self.rules.two_reviewers.contains(&risk.name);
        let risks = grant::risks(&self.wishes.items).into_iter();
        risks.map(|risk| (risk.clone(), two(&risk))).collect()
    }

    pub(super) fn standings(&self) -> Vec<(Standing, Item)> {
        grant::standings(&self.wishes, self.present.as_ref())
    }

    /// Name and value of what is said of the adapter and its grant, in the order of reading.
    pub(super) fn head(&self) -> Vec<(&'static str, String)> {
        let adapter = &self.package.manifest.adapter;
        let sbom = self.package.sbom.as_ref().map_or_else(
            || "none: it does not say what it was built from".into(),
            |sbom| sbom_words(sbom).0,
        );
        vec![
            ("system", self.wishes.system.clone()),
            (
                "adapter",
                format!("{} {}: {}", adapter.name, adapter.version, adapter.summary),
            ),
            ("digest", self.package.digest.clone()),
            ("size", when::bytes(self.package.bytes.len() as u64)),
            ("sbom", sbom),
            ("present grant", self.present_words()),
            ("change", self.change_words()),
            ("signed by", self.signer.to_string()),
        ]
    }

    /// What the package was warned of, and what the component imports although nothing here asks for it.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.package.warnings.clone();
        notes.extend(idle(&self.package.imports, &self.wishes.items));
        notes
    }

    /// What differs from the present grant, in a few words.
    pub(super) fn change_words(&self) -> String {
        let Some(present) = &self.present else {
            return "everything is new".into();
        };
        let standings = self.standings();
        let count = |word: &str| {
            // What a reviewer keeps back was never asked for.
            let is_kept_back = |standing: &Standing, item: &Item| {
                *standing == Standing::NoLongerAsked && item.is_restriction()
            };
            standings
                .iter()
                .filter(|(standing, item)| !is_kept_back(standing, item))
                .filter(|(standing, _)| standing.word() == word)
                .count()
        };
        let counted: Vec<String> = [
            ("new", "new"),
            ("widened", "widened"),
            ("changed", "changed"),
            ("narrowed", "narrowed"),
            ("no-longer-asked", "gone"),
        ]
        .into_iter()
        .filter_map(|(word, shown)| {
            Some(format!(
                "{} {shown}",
                Some(count(word)).filter(|count| *count > 0)?
            ))
        })
        .collect();
        let is_new = present.adapter.digest != self.wishes.adapter.digest;
        match (counted.is_empty(), is_new) {
            (true, false) => "nothing: what is asked for is what was reviewed".into(),
            (true, true) => "same wishes, new code".into(),
            (false, false) => format!("same code, other wishes: {}", counted.join(", ")),
            (false, true) => format!("new code, other wishes: {}", counted.join(", ")),
        }
    }

    fn present_words(&self) -> String {
        match &self.present {
            None => "none: the system is held back until one is written".into(),
            Some(grant) => {
                let adapter = &grant.adapter;
                let same = adapter.digest == self.wishes.adapter.digest;
                let of = if same {
                    "for this digest".into()
                } else {
                    format!(
                        "for {} {} with another digest, {}",
                        adapter.name, adapter.version, adapter.digest
                    )
                };
                let words = |one: &Approval| format!("by {} at {}: {}", one.by, one.at, one.reason);
                let said = grant.approved.iter().map(words);
                let end = grant
                    .expires
                    .as_ref()
                    .map_or_else(String::new, |end| format!(", until {end}"));
                let revoked = grant.revoked.iter();
                let said = said.chain(revoked.map(|one| format!("revoked {}", words(one))));
                let lacks = self
                    .rules
                    .unmet(grant)
                    .map(|lacks| format!("; it is not enough: {lacks}"));
                format!(
                    "{of}{end}, {}{}",
                    said.collect::<Vec<_>>().join("; "),
                    lacks.unwrap_or_default()
                )
            }
        }
    }
}

/// One system of a site.
///
/// # Errors
/// It has none of this name.
pub(super) fn plan_of<'s>(
    site: &'s Site,
    folder: &Path,
    system: &str,
) -> anyhow::Result<&'s SystemPlan> {
    site.systems.get(system).with_context(|| {
        let known: Vec<&str> = site.systems.keys().map(String::as_str).collect();
        format!(
            "{} has no system `{system}`; its systems are: {}",
            folder.display(),
            known.join(", ")
        )
    })
}

/// Imports that no item makes use of: the system binds nothing of their kind, and every call of them is refused.
fn idle(imports: &BTreeSet<String>, items: &[Item]) -> Vec<String> {
    let kinds = [
        ("http", "http"),
        ("sql", "sql"),
        ("publish", "broker"),
        ("key", "keys"),
        ("store", "store"),
        ("action", "actions"),
    ];
    let is_idle = |(kind, import): &(&str, &str)| {
        imports.contains(*import) && !items.iter().any(|item| item.kind() == *kind)
    };
    let idle = kinds.into_iter().filter(is_idle);
    idle.map(|(_, import)| {
        format!("the component imports `{import}`, but nothing of it is asked for here: every use of it is refused")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_nothing_makes_use_of_is_told() {
        let imports = BTreeSet::from(["http".to_owned(), "store".to_owned(), "log".to_owned()]);
        let idle = idle(&imports, &[Item::Store { quota: 1 }]);
        assert_eq!(idle.len(), 1, "{idle:?}");
        assert!(idle[0].contains("imports `http`"), "{idle:?}");
    }
}
