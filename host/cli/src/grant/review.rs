//! What a reviewer reads: the wishes of a system in plain sentences with the real places, why the vendor asks, and
//! what differs from the present grant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use serde_json::{Value, json};
use tombolo_kernel::clock::{Clock, MachineClock, rfc3339};
use tombolo_kernel::grant::{self, Approval, Grant, Item, Wishes};
use tombolo_kernel::package::{Package, Signer};
use tombolo_server::site;

use super::approve::Approved;
use crate::adapter::inspect::sbom_words;
use crate::out::{self, Cell, Table, Tone};
use crate::{check, text, when};

/// Everything a reviewer decides on.
pub(crate) struct Review {
    site: PathBuf,
    package: Arc<Package>,
    signer: Signer,
    wishes: Wishes,
    present: Option<Grant>,
}

/// How a wish stands to the present grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Granted,
    New,
    Refused,
    NoLongerAsked,
}

impl Standing {
    fn mark(self) -> (&'static str, Tone) {
        match self {
            Self::Granted => (" ", Tone::Plain),
            Self::New => ("+", Tone::Warning),
            Self::Refused => ("x", Tone::Dim),
            Self::NoLongerAsked => ("-", Tone::Dim),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::New => "new",
            Self::Refused => "refused",
            Self::NoLongerAsked => "no-longer-asked",
        }
    }
}

/// Every wish, each refused one with what is granted in its place, then what is granted and no longer asked for.
fn difference(wishes: &Wishes, present: Option<&Grant>) -> Vec<(Standing, Item)> {
    let Some(present) = present else {
        return wishes
            .items
            .iter()
            .map(|item| (Standing::New, item.clone()))
            .collect();
    };
    let diff = grant::diff(present, wishes);
    let mut all = Vec::new();
    for wish in &wishes.items {
        if diff.added.contains(wish) {
            all.push((Standing::New, wish.clone()));
        } else if diff.refused.contains(wish) {
            all.push((Standing::Refused, wish.clone()));
            let instead = present.items.iter().filter(|item| wish.covers(item));
            all.extend(instead.map(|item| (Standing::Granted, item.clone())));
        } else {
            all.push((Standing::Granted, wish.clone()));
        }
    }
    let gone = diff.removed.into_iter();
    all.extend(gone.map(|item| (Standing::NoLongerAsked, item)));
    all
}

impl Review {
    /// Reads the site and what one of its systems asks for. Runs no code of the adapter and opens no secret.
    ///
    /// # Errors
    /// A site that is not in order, or no such system in it.
    pub(crate) fn of(folder: &Path, system: &str) -> anyhow::Result<Self> {
        let site = site::read(folder).map_err(|problems| check::not_in_order(folder, &problems))?;
        let Some(plan) = site.systems.get(system) else {
            let known: Vec<&str> = site.systems.keys().map(String::as_str).collect();
            bail!(
                "{} has no system `{system}`; its systems are: {}",
                folder.display(),
                known.join(", ")
            );
        };
        Ok(Self {
            site: folder.to_owned(),
            package: Arc::clone(&plan.bare.package),
            signer: plan.bare.signer.clone(),
            wishes: grant::wishes(&plan.bare),
            present: site.grants.get(system).cloned(),
        })
    }

    /// Prints everything.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let adapter = &self.package.manifest.adapter;
        let mut head = Table::bare();
        let mut add =
            |name: &str, value: String| head.row([Cell::new(name, Tone::Dim), value.into()]);
        add("system", self.wishes.system.clone());
        add(
            "adapter",
            format!("{} {}: {}", adapter.name, adapter.version, adapter.summary),
        );
        add("digest", self.package.digest.clone());
        add("size", when::bytes(self.package.bytes.len() as u64));
        let sbom = self.package.sbom.as_ref();
        add(
            "sbom",
            sbom.map_or_else(
                || "none: it does not say what it was built from".into(),
                |sbom| sbom_words(sbom).0,
            ),
        );
        add("present grant", self.present_words());
        let tone = match self.signer {
            Signer::Publisher { .. } => Tone::Good,
            Signer::Allowed { .. } => Tone::Warning,
            Signer::Nobody { .. } => Tone::Bad,
        };
        head.row([
            Cell::new("signed by", Tone::Dim),
            Cell::new(self.signer.to_string(), tone),
        ]);
        head.print()?;
        out::line(format!(
            "\nIf approved, {}:",
            text::harmless(&self.wishes.system)
        ))?;
        let mut table = Table::bare();
        for (standing, item) in self.difference() {
            table.row(item_row(standing, &item));
        }
        table.print()?;
        self.print_reasons()?;
        for warning in &self.package.warnings {
            out::line(format!(
                "{} {}",
                out::tone("note:", Tone::Warning),
                text::harmless(warning)
            ))?;
        }
        Ok(())
    }

    /// Prints the sentences alone, under the system's name.
    pub(crate) fn print_short(&self) -> anyhow::Result<()> {
        let adapter = &self.package.manifest.adapter;
        let name = out::tone(text::harmless(&self.wishes.system), Tone::Strong);
        out::line(format!(
            "  {name} ({} {}):",
            text::harmless(&adapter.name),
            text::harmless(&adapter.version)
        ))?;
        for item in &self.wishes.items {
            out::line(format!("    {}", text::harmless(&grant::sentence(item))))?;
        }
        Ok(())
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> Value {
        let items: Vec<Value> = self
            .difference()
            .into_iter()
            .map(|(standing, item)| json!({ "id": item.id(), "standing": standing.word(), "sentence": grant::sentence(&item), "item": item }))
            .collect();
        json!({
            "system": self.wishes.system,
            "adapter": self.wishes.adapter,
            "summary": self.package.manifest.adapter.summary,
            "size": self.package.bytes.len(),
            "signer": self.signer,
            "sbom": self.package.sbom,
            "items": items,
            "reasons": self.wishes.reasons,
            "warnings": self.package.warnings,
            "present": self.present.as_ref().map(|grant| json!({ "adapter": grant.adapter, "approved": grant.approved, "expires": grant.expires })),
        })
    }

    /// Approves these wishes, or what was chosen of them, of exactly this adapter; tells the file that was written.
    ///
    /// # Errors
    /// Nobody whom the site trusts vouches for the adapter, it is an older one and that was not meant, the choice cannot
    /// be meant, or the file cannot be written.
    pub(crate) fn approve(&self, approved: Approved) -> anyhow::Result<(PathBuf, Grant)> {
        if let Signer::Nobody { .. } = self.signer {
            bail!(
                "nothing is approved: the adapter is signed by {}",
                text::harmless(&self.signer.to_string())
            );
        }
        let back = self
            .present
            .as_ref()
            .and_then(|present| grant::goes_back(present, &self.wishes));
        if let Some(back) = back.filter(|_| !approved.rollback) {
            bail!(
                "nothing is approved: {back}; a good signature does not make an old version safe. If going back is meant, say --rollback"
            );
        }
        let chosen = grant::choose(&self.wishes, self.present.as_ref(), &approved.choice)
            .map_err(|problem| anyhow::anyhow!("nothing is approved: {problem}"))?;
        let approval = Approval {
            by: approved.by,
            at: rfc3339(MachineClock.now_ms()),
            reason: approved.reason,
        };
        let mut grant = Grant::of(
            self.wishes.system.clone(),
            self.wishes.adapter.clone(),
            approval,
            chosen.items,
        );
        grant.refused = chosen.refused;
        grant.expires = approved.expires.map(|end| end.to_string());
        let file = super::write::write(&self.site, &grant)?;
        Ok((file, grant))
    }

    /// The digest that an approval would bind.
    pub(crate) fn digest(&self) -> &str {
        &self.wishes.adapter.digest
    }

    fn difference(&self) -> Vec<(Standing, Item)> {
        difference(&self.wishes, self.present.as_ref())
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
                format!("{of}{end}, {}", said.collect::<Vec<_>>().join("; "))
            }
        }
    }

    fn print_reasons(&self) -> anyhow::Result<()> {
        if self.wishes.reasons.is_empty() {
            return Ok(());
        }
        out::line("\nThe vendor says why:")?;
        let mut table = Table::bare();
        for (name, reason) in &self.wishes.reasons {
            table.row([Cell::from(format!("  {name}")), Cell::from(reason)]);
        }
        Ok(table.print()?)
    }
}

fn item_row(standing: Standing, item: &Item) -> [Cell; 3] {
    let (mark, tone) = standing.mark();
    let ending = match standing {
        Standing::NoLongerAsked if item.is_restriction() => {
            " (no longer in the system file; kept back until an approval lets it through)"
        }
        Standing::NoLongerAsked => " (granted, no longer asked for)",
        Standing::Refused => " (asked for, refused)",
        Standing::Granted | Standing::New => "",
    };
    [
        Cell::new(format!(" {mark}"), tone),
        Cell::new(item.id(), Tone::Dim),
        Cell::new(format!("{}{ending}", grant::sentence(item)), tone),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tombolo_kernel::grant::GrantedAdapter;

    use super::*;

    fn emit(event: &str) -> Item {
        Item::Emit {
            event: event.into(),
        }
    }

    #[test]
    fn the_difference_names_what_is_new_and_what_is_no_longer_asked_for() {
        let wishes = Wishes {
            system: "plant".into(),
            adapter: GrantedAdapter {
                name: "x/y".into(),
                version: "1.0.0".into(),
                digest: "sha256:0".into(),
            },
            items: vec![emit("a"), emit("b"), emit("d")],
            reasons: BTreeMap::new(),
        };
        let approval = Approval {
            by: "r".into(),
            at: "t".into(),
            reason: "w".into(),
        };
        let mut present = Grant::whole(wishes.clone(), approval);
        present.items = vec![emit("b"), emit("c")];
        present.refused = vec![emit("d")];
        let words = |present| {
            difference(&wishes, present)
                .into_iter()
                .map(|(standing, _)| standing.word())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(Some(&present)),
            ["new", "granted", "refused", "no-longer-asked"]
        );
        assert_eq!(words(None), ["new", "new", "new"]);
    }
}
