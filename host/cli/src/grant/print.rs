//! A review on the terminal: sentences, the worst that could come of each, and the risks of all together.

use tombolo_kernel::grant::{self, Item, Standing};
use tombolo_kernel::package::Signer;

use super::Review;
use crate::out::{self, Cell, Table, Tone};
use crate::text;

impl Review {
    /// Prints everything.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut head = Table::bare();
        let signed = match self.signer {
            Signer::Publisher { .. } => Tone::Good,
            Signer::Allowed { .. } => Tone::Warning,
            Signer::Nobody { .. } => Tone::Bad,
        };
        for (name, value) in self.head() {
            let tone = if name == "signed by" {
                signed
            } else {
                Tone::Plain
            };
            head.row([Cell::new(name, Tone::Dim), Cell::new(value, tone)]);
        }
        head.print()?;
        out::line(format!(
            "\nIf approved, {}:",
            text::harmless(&self.wishes.system)
        ))?;
        let mut table = Table::bare();
        for (standing, item) in self.standings() {
            item_rows(&standing, &item, &mut table);
        }
        table.print()?;
        self.print_risks()?;
        self.print_reasons()?;
        for warning in self.notes() {
            out::line(format!(
                "{} {}",
                out::tone("note:", Tone::Warning),
                text::harmless(&warning)
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

    fn print_risks(&self) -> anyhow::Result<()> {
        let risks = self.risks();
        if risks.is_empty() {
            return Ok(());
        }
        out::line("\nRisks that lie in it:")?;
        let mut table = Table::bare();
        for (risk, two) in risks {
            let tone = if two { Tone::Bad } else { Tone::Warning };
            table.row([
                Cell::new(format!("  {}", risk.name.name()), tone),
                Cell::from(format!("{}{}", risk.sentence, two_words(two))),
            ]);
        }
        Ok(table.print()?)
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

/// What the site asks for where there is a risk.
pub(super) fn two_words(two: bool) -> &'static str {
    if two {
        " Two reviewers must approve it."
    } else {
        ""
    }
}

/// How an item is marked in every kind of review: `+` waits for an approval.
pub(super) fn mark(standing: &Standing) -> &'static str {
    match standing {
        Standing::Granted | Standing::Narrowed(_) => " ",
        Standing::New | Standing::Widened(_) | Standing::Changed(_) => "+",
        Standing::Refused => "x",
        Standing::NoLongerAsked => "-",
    }
}

/// The sentence of an item, and how it stands to the grant.
pub(super) fn sentence(standing: &Standing, item: &Item) -> String {
    let ending = match standing {
        Standing::NoLongerAsked if item.is_restriction() => {
            " (not in the system file; kept back until an approval with --all)"
        }
        Standing::NoLongerAsked => " (granted, no longer asked for)",
        Standing::Refused => " (asked for, refused)",
        Standing::Widened(_) => " (wider than granted)",
        Standing::Changed(_) => " (another than granted)",
        Standing::Narrowed(_) => " (narrower than granted)",
        Standing::Granted | Standing::New => "",
    };
    format!("{}{ending}", grant::sentence(item))
}

/// What is said below an item: the worst of it, and what it was.
pub(super) fn below(standing: &Standing, item: &Item) -> Vec<String> {
    let gone = matches!(standing, Standing::NoLongerAsked | Standing::Refused);
    let worst = grant::worst(item).filter(|_| !gone);
    let worst = worst.map(|worst| format!("at worst: {worst}"));
    let was = standing
        .was()
        .map(|was| format!("granted is: {}", grant::sentence(was)));
    worst.into_iter().chain(was).collect()
}

fn item_rows(standing: &Standing, item: &Item, table: &mut Table) {
    let tone = match standing {
        Standing::Granted | Standing::Narrowed(_) => Tone::Plain,
        Standing::New | Standing::Widened(_) | Standing::Changed(_) => Tone::Warning,
        Standing::Refused | Standing::NoLongerAsked => Tone::Dim,
    };
    table.row([
        Cell::new(format!(" {}", mark(standing)), tone),
        Cell::new(item.id(), Tone::Dim),
        Cell::new(sentence(standing, item), tone),
    ]);
    for line in below(standing, item) {
        table.row([
            Cell::from(""),
            Cell::from(""),
            Cell::new(format!("  {line}"), Tone::Dim),
        ]);
    }
}
