//! How a value looks once it is masked. Separators stay, so that people still see what kind of number it was.

use serde::{Deserialize, Serialize};

/// How a field is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    /// A telephone number: its last three digits stay.
    Phone,
    /// The number of a passport, an identity card, a tax payer: its last two letters or digits stay.
    Identity,
    /// A payment card's number: its last four digits stay (PCI DSS 4.0, requirement 3.4.1, allows those).
    Card,
    /// A mail address: its first letter and its domain stay.
    Email,
    /// No letter and no digit stays.
    All,
}

impl Mask {
    /// As site files spell them.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("phone", Self::Phone),
        ("identity", Self::Identity),
        ("card", Self::Card),
        ("email", Self::Email),
        ("all", Self::All),
    ];

    /// What stays.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Phone => "only its last three digits stay",
            Self::Identity => "only its last two letters or digits stay",
            Self::Card => "only its last four digits stay",
            Self::Email => "only its first letter and its domain stay",
            Self::All => "no letter or digit stays",
        }
    }

    /// The text as the adapter sees it.
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Self::Phone => ending(text, 3),
            Self::Identity => ending(text, 2),
            Self::Card => ending(text, 4),
            Self::Email => email(text),
            Self::All => ending(text, 0),
        }
    }
}

/// Asterisks for all letters and digits but the last `kept`; a text so short that half of it would stay loses all.
fn ending(text: &str, kept: usize) -> String {
    let all = text.chars().filter(|c| c.is_alphanumeric()).count();
    let from = if all < kept * 2 { all } else { all - kept };
    let mut seen = 0;
    let asterisk = |c: char| {
        if !c.is_alphanumeric() {
            return c;
        }
        seen += 1;
        if seen <= from { '*' } else { c }
    };
    text.chars().map(asterisk).collect()
}

fn email(text: &str) -> String {
    let first = text.chars().next();
    match (first, text.rsplit_once('@')) {
        (Some(first), Some((name, domain))) if name.chars().count() > 1 => {
            format!("{first}***@{domain}")
        }
        (_, Some((_, domain))) => format!("***@{domain}"),
        _ => ending(text, 0),
    }
}
