//! JSON as an operator wrote it, members in their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value of the settings that will be a [`Template`](super::Template).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    /// Null, a boolean or a number, as JSON text.
    Raw(String),
    /// A string, holes and all.
    Text(String),
    /// An array.
    List(Vec<Draft>),
    /// An object, in the order of the file.
    Object(Vec<(String, Draft)>),
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Draft;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Draft, E> {
        Ok(Draft::Raw(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Draft, E> {
        Ok(Draft::Raw(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Draft, E> {
        Ok(Draft::Raw(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Draft, E> {
        serde_json::to_string(&value)
            .map(Draft::Raw)
            .map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Draft, E> {
        Ok(Draft::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Draft, E> {
        Ok(Draft::Text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Draft, E> {
        Ok(Draft::Raw("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Draft, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Draft::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Draft::Object(members))
    }
}
