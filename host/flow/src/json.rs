//! JSON that stays text: a [`Document`] finds out where its parts are only as they are asked for, one level at a time,
//! and hands them out as slices of the text. Numbers keep every digit, and what is only passed on is never parsed.

mod named;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub use named::Named;

/// A JSON text with what is known of its parts.
pub struct Document {
    raw: Box<RawValue>,
    root: Node,
}

/// What is known of its parts is found again.
impl Clone for Document {
    fn clone(&self) -> Self {
        Self::from_raw(self.raw.clone())
    }
}

/// A part of a JSON text: a slice and the outline of what is inside, so far.
#[derive(Debug, Default)]
pub struct Node {
    start: u32,
    end: u32,
    inside: OnceLock<Inside>,
}

#[derive(Debug)]
enum Inside {
    Scalar,
    List(Box<[Node]>),
    Map(Entries),
}

#[derive(Debug)]
struct Entries {
    entries: Box<[(Key, Node)]>,
    /// Places in `entries` by name, where there are many: a look-up is not a scan then.
    by_name: Option<Box<[u32]>>,
}

#[derive(Debug)]
enum Key {
    Plain(u32, u32),
    Escaped(Box<str>),
}

/// Above this many entries a map is looked up by binary search.
const SCANNED: usize = 24;

/// A JSON value inside a text.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    text: &'a str,
    node: &'a Node,
}

/// What a value is, by its first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// Any number.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object.
    Map,
}

impl Document {
    /// Takes a JSON text.
    ///
    /// # Errors
    /// Where it is not JSON.
    pub fn new(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::from_raw)
    }

    /// Takes a text that is known to be JSON.
    #[must_use]
    pub fn from_raw(raw: Box<RawValue>) -> Self {
        let root = Node::whole(raw.get());
        Self { raw, root }
    }

    /// The whole value.
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        Json::new(self.raw.get(), &self.root)
    }

    /// The text.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }
}

impl Default for Document {
    /// `null`.
    fn default() -> Self {
        Self::from_raw(RawValue::NULL.to_owned())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw.get())
    }
}

impl Node {
    /// The whole of a text.
    #[must_use]
    pub fn whole(text: &str) -> Self {
        let start = text.len() - text.trim_start().len();
        Self::new(start, text.trim_end().len())
    }

    fn new(start: usize, end: usize) -> Self {
        let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: cut(start),
            end: cut(end),
            inside: OnceLock::new(),
        }
    }
}

impl<'a> Json<'a> {
    /// A part of `text`, which must be the text that `node` was made for.
    #[must_use]
    pub fn new(text: &'a str, node: &'a Node) -> Self {
        Self { text, node }
    }

    /// The value as it was written.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text
            .get(self.node.start as usize..self.node.end as usize)
            .unwrap_or("null")
    }

    /// What it is.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self.raw().as_bytes().first() {
            Some(b'{') => Shape::Map,
            Some(b'[') => Shape::List,
            Some(b'"') => Shape::Text,
            Some(b't' | b'f') => Shape::Bool,
            Some(b'n') | None => Shape::Null,
            Some(_) => Shape::Number,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let raw = self.raw();
        let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
        if inner.as_bytes().contains(&b'\\') {
            serde_json::from_str(raw).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// A field of an object. Where a name comes twice the last one counts, as for most readers.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'a>> {
        let Inside::Map(map) = self.inside() else {
            return None;
        };
        let found = match &map.by_name {
            None => map
                .entries
                .iter()
                .rev()
                .find(|(key, _)| key.text(self.text) == name),
            Some(order) => {
                let after =
                    order.partition_point(|at| map.entries[*at as usize].0.text(self.text) <= name);
                let at = *order.get(after.checked_sub(1)?)? as usize;
                Some(&map.entries[at]).filter(|(key, _)| key.text(self.text) == name)
            }
        };
        found.map(|(_, node)| Json {
            text: self.text,
            node,
        })
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Json<'a>> + use<'a> {
        let nodes: &'a [Node] = match self.inside() {
            Inside::List(nodes) => nodes,
            _ => &[],
        };
        let text = self.text;
        nodes.iter().map(move |node| Json { text, node })
    }

    /// One item of a list.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<Json<'a>> {
        let Inside::List(nodes) = self.inside() else {
            return None;
        };
        nodes.get(index).map(|node| Json {
            text: self.text,
            node,
        })
    }

    /// The fields of an object in their order, repeated names included; none of anything else.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'a str, Json<'a>)> + use<'a> {
        let entries: &'a [(Key, Node)] = match self.inside() {
            Inside::Map(map) => &map.entries,
            _ => &[],
        };
        let text = self.text;
        entries
            .iter()
            .map(move |(key, node)| (key.text(text), Json { text, node }))
    }

    fn inside(&self) -> &'a Inside {
        self.node
            .inside
            .get_or_init(|| outline(self.text, self.raw()).unwrap_or(Inside::Scalar))
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

impl Key {
    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::Plain(start, end) => text.get(*start as usize..*end as usize).unwrap_or(""),
            Self::Escaped(key) => key,
        }
    }
}

/// Finds the parts of one level.
fn outline(text: &str, raw: &str) -> Option<Inside> {
    if !matches!(raw.as_bytes().first(), Some(b'{' | b'[')) {
        return Some(Inside::Scalar);
    }
    serde_json::Deserializer::from_str(raw)
        .deserialize_any(Outline {
            base: text.as_ptr() as usize,
            text,
        })
        .ok()
}

struct Outline<'t> {
    base: usize,
    text: &'t str,
}

impl Outline<'_> {
    fn node(&self, raw: &RawValue) -> Node {
        let start = raw.get().as_ptr() as usize - self.base;
        Node::new(start, start + raw.get().len())
    }
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = Inside;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inside, A::Error> {
        let mut nodes = Vec::new();
        while let Some(raw) = items.next_element::<&RawValue>()? {
            nodes.push(self.node(raw));
        }
        Ok(Inside::List(nodes.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Inside, A::Error> {
        let mut entries = Vec::with_capacity(8);
        while let Some(key) = fields.next_key::<KeyText<'de>>()? {
            let key = match key.0 {
                Cow::Borrowed(plain) => {
                    let start = plain.as_ptr() as usize - self.base;
                    let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                    Key::Plain(cut(start), cut(start + plain.len()))
                }
                Cow::Owned(escaped) => Key::Escaped(escaped.into()),
            };
            entries.push((key, self.node(fields.next_value::<&RawValue>()?)));
        }
        let by_name = (entries.len() > SCANNED).then(|| {
            let mut order: Vec<u32> =
                (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
            order.sort_by_key(|at| entries[*at as usize].0.text(self.text));
            order.into()
        });
        Ok(Inside::Map(Entries {
            entries: entries.into(),
            by_name,
        }))
    }
}

/// A key, borrowed unless it has escapes.
struct KeyText<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for KeyText<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = KeyText<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<KeyText<'de>, E> {
                Ok(KeyText(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<KeyText<'de>, E> {
                Ok(KeyText(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl serde::Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_raw)
    }
}

/// Writes `text` as a JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.extend(
                    [control >> 4, control & 15]
                        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
                );
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn document(text: &str) -> Document {
        Document::new(text.to_owned()).unwrap()
    }

    #[test]
    fn parts_are_handed_out_as_they_were_written() {
        let document = document(
            r#" {"a": {"b": [1, 12345678901234567890.10, "x\ny"]}, "c\"d": null, "a2":true} "#,
        );
        let json = document.json();
        let list = json.get("a").unwrap().get("b").unwrap();
        assert_eq!(list.item(1).unwrap().raw(), "12345678901234567890.10");
        assert_eq!(list.item(2).unwrap().text().unwrap(), "x\ny");
        assert_eq!(list.items().len(), 3);
        assert_eq!(json.get("c\"d").unwrap().shape(), Shape::Null);
        assert_eq!(json.get("b").map(|json| json.raw()), None);
        assert_eq!(
            json.fields().map(|(name, _)| name).collect::<Vec<_>>(),
            ["a", "c\"d", "a2"]
        );
    }

    #[test]
    fn the_last_of_a_repeated_name_counts_in_small_and_large_objects() {
        for more in [0, 100] {
            let filling: String = (0..more).map(|n| format!("\"k{n}\":{n},")).collect();
            let document = document(&format!("{{\"x\":1,{filling}\"x\":2}}"));
            assert_eq!(document.json().get("x").unwrap().raw(), "2");
            assert!(document.json().get("y").is_none());
            assert!(document.json().get("").is_none());
            if more > 0 {
                assert_eq!(document.json().get("k37").unwrap().raw(), "37");
            }
        }
    }

    #[test]
    fn a_written_string_reads_back() {
        for text in [
            "",
            "plain",
            "q\"uote \\ back",
            "line\nbreak\ttab\r",
            "\u{1}\u{1f}",
            "é漢😀",
        ] {
            let mut out = String::new();
            write_string(text, &mut out);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
