//! JSON without trees: values found by pointer in one pass over the text, and copied out as the text they are.
//!
//! What only passes through an adapter (an event's data, a row, a number with thirty digits) is never parsed into a
//! value and written again: it would cost time, and lose digits.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Failure, Json};

/// `value` as JSON text.
///
/// # Errors
/// `internal` if it has no JSON form: a map with keys that are no text.
pub fn to_json(value: &(impl serde::Serialize + ?Sized)) -> Result<Json, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::internal(format!("cannot be written as JSON: {error}")))
}

/// JSON pointers (RFC 6901), made ready to be found together in one pass.
#[derive(Debug, Clone, Default)]
pub struct Pointers {
    root: Node,
    count: usize,
}

/// One step of some pointer.
#[derive(Debug, Clone, Default)]
struct Node {
    slot: Option<usize>,
    children: Vec<(String, Node)>,
}

/// What [`Pointers::find`] found: the text of each value, by the slot that [`Pointers::add`] gave.
#[derive(Debug, Clone, Default)]
pub struct Found<'a>(Vec<Option<&'a str>>);

impl<'a> Found<'a> {
    /// The JSON text of the value in this slot.
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<&'a str> {
        self.0.get(slot).copied().flatten()
    }
}

impl Pointers {
    /// None yet. Finding none still checks that the text is JSON.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pointer and gives the slot of its value; the same pointer has the same slot.
    ///
    /// # Errors
    /// A sentence about what is wrong with the pointer.
    pub fn add(&mut self, pointer: &str) -> Result<usize, String> {
        let mut node = &mut self.root;
        if !pointer.is_empty() {
            let Some(tokens) = pointer.strip_prefix('/') else {
                return Err(format!(
                    "`{pointer}` is no JSON pointer: it must begin with `/`, like `/data/id`"
                ));
            };
            for token in tokens.split('/') {
                let token = unescape_token(token).ok_or_else(|| {
                    format!("`{pointer}` is no JSON pointer: `~` must be followed by 0 or 1")
                })?;
                let index = match node.children.iter().position(|(name, _)| *name == token) {
                    Some(index) => index,
                    None => {
                        node.children.push((token, Node::default()));
                        node.children.len() - 1
                    }
                };
                node = &mut node.children[index].1;
            }
        }
        let slot = *node.slot.get_or_insert(self.count);
        self.count = self.count.max(slot + 1);
        Ok(slot)
    }

    /// Adds the member `name` of the outermost object.
    pub fn add_member(&mut self, name: &str) -> usize {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        // An escaped name is always a good pointer, so the root's slot is never what comes back.
        self.add(&pointer).unwrap_or_default()
    }

    /// Finds every pointer's value. The last of members with one name counts, as everywhere.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn find<'a>(&self, text: &'a str) -> Result<Found<'a>, serde_json::Error> {
        let mut values = vec![None; self.count];
        if self.root.children.is_empty() {
            serde_json::from_str::<IgnoredAny>(text)?;
        } else {
            self.root.descend(text, &mut values)?;
        }
        if let Some(slot) = self.root.slot {
            values[slot] = Some(text.trim());
        }
        Ok(Found(values))
    }
}

impl Node {
    fn take<'a>(
        &self,
        text: &'a str,
        values: &mut [Option<&'a str>],
    ) -> Result<(), serde_json::Error> {
        if let Some(slot) = self.slot {
            values[slot] = Some(text);
        }
        if self.children.is_empty() {
            Ok(())
        } else {
            self.descend(text, values)
        }
    }

    fn descend<'a>(
        &self,
        text: &'a str,
        values: &mut [Option<&'a str>],
    ) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.deserialize_any(Walk { node: self, values })?;
        deserializer.end()
    }

    /// An earlier member with the same name leaves nothing behind.
    fn forget(&self, values: &mut [Option<&str>]) {
        if let Some(slot) = self.slot {
            values[slot] = None;
        }
        for (_, child) in &self.children {
            child.forget(values);
        }
    }
}

fn unescape_token(token: &str) -> Option<String> {
    let mut out = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

// === walking ===

/// Visits one object or array and takes what its node's children name. A scalar has no children: nothing is found.
struct Walk<'n, 'v, 'a> {
    node: &'n Node,
    values: &'v mut [Option<&'a str>],
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Member(self.node))? {
            match child {
                Some(child) => {
                    let raw: &'a RawValue = map.next_value()?;
                    child.forget(self.values);
                    child
                        .take(raw.get(), self.values)
                        .map_err(serde::de::Error::custom)?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let child = self
                .node
                .children
                .iter()
                .find(|(name, _)| is_index(name, index));
            let more = match child {
                Some((_, child)) => match seq.next_element::<&'a RawValue>()? {
                    Some(raw) => {
                        child
                            .take(raw.get(), self.values)
                            .map_err(serde::de::Error::custom)?;
                        true
                    }
                    None => false,
                },
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// `0`, `1`...: no sign, no leading zero (RFC 6901, section 4).
fn is_index(token: &str, index: usize) -> bool {
    token.parse() == Ok(index) && (token == "0" || !token.starts_with(['0', '+']))
}

/// Recognizes a member's name without keeping it.
struct Member<'n>(&'n Node);

impl<'de, 'n> DeserializeSeed<'de> for Member<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Member<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self
            .0
            .children
            .iter()
            .find(|(child, _)| child == name)
            .map(|(_, child)| child))
    }
}

// === single values ===

/// A value's text as people write it: a string's characters, a number's or boolean's own text. `None` for null,
/// objects and arrays.
#[must_use]
pub fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => string(raw),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// A JSON string's characters. `None` if the value is no string.
#[must_use]
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The elements of a JSON array, each as its text. `None` if the value is no array.
#[must_use]
pub fn elements(raw: &str) -> Option<Vec<&str>> {
    if !raw.starts_with('[') {
        return None;
    }
    let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// Appends `text` as a JSON string, quotes included.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends `text` escaped for the inside of a JSON string.
pub fn push_escaped(out: &mut String, text: &str) {
    let mut clean_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean_from..index]);
        clean_from = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(char::from(DIGITS[usize::from(control >> 4)]));
                out.push(char::from(DIGITS[usize::from(control & 15)]));
            }
        }
    }
    out.push_str(&text[clean_from..]);
}

#[cfg(test)]
mod tests;
