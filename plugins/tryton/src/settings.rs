//! What the operator may say in the system file.

use serde::Deserialize;

/// `settings` of the system file.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// The type that a `tax_id` gets in Tryton.
    pub(crate) tax_identifier: String,
    /// Seconds that a transaction in Tryton may take at most until others see what it did, clocks that differ included:
    /// so far back feeds look again.
    pub(crate) overlap: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tax_identifier: "eu_vat".to_owned(),
            overlap: 300,
        }
    }
}
