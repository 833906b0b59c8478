//! What the operator may say in the system file.

use serde::Deserialize;

/// `settings` of the system file.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// How Tryton is asked.
    pub(crate) protocol: Protocol,
    /// The type that a `tax_id` gets in Tryton.
    pub(crate) tax_identifier: String,
    /// Seconds that a transaction in Tryton may take at most until others see what it did, clocks that differ included:
    /// so far back feeds look again.
    pub(crate) overlap: u32,
}

/// A way to ask Tryton.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Protocol {
    /// By the connection `api`.
    #[default]
    Rest,
    /// By the connection `rpc`, where a server has no REST.
    JsonRpc,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            tax_identifier: "eu_vat".to_owned(),
            overlap: 300,
        }
    }
}
