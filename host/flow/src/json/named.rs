//! JSON values under names, each with what is known of its parts.

use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Document;

/// Named JSON values in the order they came: step results, variables.
#[derive(Debug, Default, Clone)]
pub struct Named(Vec<(String, Arc<Document>)>);

impl Named {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Document> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, document)| &**document)
    }

    /// Adds or replaces.
    pub fn set(&mut self, name: &str, document: Document) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = Arc::new(document),
            None => self.0.push((name.to_owned(), Arc::new(document))),
        }
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Bytes of all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|(name, document)| name.len() + document.raw().get().len())
            .sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl serde::Serialize for Named {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, document)| (name, document.raw())))
    }
}

impl<'de> serde::Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Named;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("named values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Named, A::Error> {
                let mut named = Named::default();
                while let Some((name, raw)) = fields.next_entry::<String, Box<RawValue>>()? {
                    named.0.push((name, Arc::new(Document::from_raw(raw))));
                }
                Ok(named)
            }
        }
        deserializer.deserialize_map(Map)
    }
}
