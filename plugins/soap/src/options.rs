//! An action's `do` as the operator writes it; README.md has the table.

use std::collections::BTreeMap;

use tombolo_sdk::template::Draft;

/// The whole `do`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    #[serde(default = "api")]
    pub(crate) connection: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) envelope: Envelope,
    /// Of plain XML; an envelope is posted.
    pub(crate) method: Option<MethodOption>,
    pub(crate) version: Option<Version>,
    /// `SOAPAction`, or the parameter `action` of the content type.
    pub(crate) action: Option<String>,
    /// Prefix to namespace.
    #[serde(default)]
    pub(crate) namespaces: BTreeMap<String, String>,
    pub(crate) body: Option<Draft>,
    pub(crate) header: Option<Draft>,
    pub(crate) security: Option<SecurityOptions>,
    pub(crate) idempotency_header: Option<String>,
    /// Names of the answer carry their namespace's declared prefix.
    #[serde(default)]
    pub(crate) qualified: bool,
    /// Pointers to what is a list even where it has one element or none.
    #[serde(default)]
    pub(crate) lists: Vec<String>,
    pub(crate) result: Option<String>,
    /// From a fault's code, or the name of its detail's element, or of the root of plain XML, to the kind of failure.
    #[serde(default)]
    pub(crate) faults: BTreeMap<String, FaultKind>,
    pub(crate) timeout_ms: Option<u32>,
}

fn api() -> String {
    "api".to_owned()
}

/// What is around the body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Envelope {
    #[default]
    Soap,
    /// Nothing: plain XML.
    None,
}

/// The method of an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MethodOption {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// The version of SOAP.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) enum Version {
    #[default]
    #[serde(rename = "1.1")]
    Soap11,
    #[serde(rename = "1.2")]
    Soap12,
}

/// WS-Security.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SecurityOptions {
    /// The user of a UsernameToken with a password digest.
    pub(crate) user: String,
}

/// What a fault means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FaultKind {
    NotFound,
    Conflict,
    Rejected,
    Unauthorized,
    Unavailable,
}

impl Version {
    /// The envelope's namespace.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Soap11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::Soap12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }
}
