//! A hook's `do` as the operator writes it; README.md has the table.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use tombolo_sdk::table::{CsvOptions, FixedOptions};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The whole `do`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// There is no default: who lets everybody in says so.
    pub(crate) verify: Verify,
    /// Seconds between the sender's time stamp and now, either way.
    #[serde(default = "five_minutes")]
    pub(crate) tolerance: u64,
    #[serde(default)]
    pub(crate) format: Format,
    pub(crate) r#type: TextOr<TypeOptions>,
    pub(crate) id: Option<TextOr<HeaderOption>>,
    pub(crate) subject: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) each: Option<String>,
}

/// Five minutes is what the schemes recommend.
fn five_minutes() -> u64 {
    300
}

/// How the sender is verified.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Verify {
    StandardWebhooks,
    Github,
    Slack,
    Token(HeaderOption),
    None,
}

/// What the body is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    #[default]
    Json,
    Form,
    /// A form with JSON in this field.
    FormField(String),
    Csv(CsvOptions),
    FixedWidth(FixedOptions),
}

/// A header by name.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderOption {
    pub(crate) header: String,
}

/// A type that the sender says.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TypeOptions {
    pub(crate) pointer: Option<String>,
    pub(crate) header: Option<String>,
    #[serde(default)]
    pub(crate) map: BTreeMap<String, String>,
    pub(crate) prefix: Option<String>,
    #[serde(default)]
    pub(crate) unmapped: Unmapped,
}

/// What becomes of a value that `map` lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unmapped {
    /// The sender is told.
    #[default]
    Refuse,
    /// It makes no event.
    Skip,
}

/// A plain text, or the longer form.
#[derive(Debug)]
pub(crate) enum TextOr<T> {
    Text(String),
    Long(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a map")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Long)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}
