//! Changes the `adapter:` line of a system file and nothing else: comments, order and spelling of the rest stay. What
//! cannot be changed so is refused, for the file is the operator's. Pure.

use tombolo_flow::yaml::{self, Node, Value};

/// The text with another adapter, and with its digest where it lies at an address; a `digest:` that was the old one's
/// goes.
///
/// # Errors
/// Why it has to be changed by hand.
pub(super) fn with_adapter(
    file: &str,
    text: &str,
    adapter: &str,
    digest: Option<&str>,
) -> Result<String, String> {
    let node = yaml::parse(file, text).map_err(|problem| problem.to_string())?;
    let old = node
        .get("adapter")
        .ok_or_else(|| format!("{file} has no `adapter`, expected one"))?;
    let by_hand = || {
        let line = old.place.line;
        format!(
            "{file}:{line}: `adapter` is written in a way that is not changed by command; write `{}` there by hand",
            written(adapter, digest).replace('\n', "` and `")
        )
    };
    let bare = without_digest(&node, text);
    let bare_node = yaml::parse(file, &bare).map_err(|_| by_hand())?;
    let place = bare_node.get("adapter").ok_or_else(by_hand)?;
    let changed = replaced(&bare, place, &value(adapter, digest)).ok_or_else(by_hand)?;
    // The proof that nothing else changed, however the file is written.
    let now = yaml::parse(file, &changed).map_err(|_| by_hand())?;
    let says = |key: &str, expected: Option<&str>| match (now.get(key), expected) {
        (Some(node), Some(expected)) => {
            matches!(&node.value, Value::Text(text) if text == expected)
        }
        (found, expected) => found.is_none() && expected.is_none(),
    };
    let same =
        rest(&now) == rest(&node) && says("adapter", Some(adapter)) && says("digest", digest);
    if same { Ok(changed) } else { Err(by_hand()) }
}

/// The lines of a system file that name an adapter.
pub(super) fn written(adapter: &str, digest: Option<&str>) -> String {
    format!("adapter: {}", value(adapter, digest))
}

/// What stands after `adapter: `.
fn value(adapter: &str, digest: Option<&str>) -> String {
    let adapter = spelled(adapter);
    match digest {
        Some(digest) => format!("{adapter}\ndigest: {}", spelled(digest)),
        None => adapter,
    }
}

/// A value of a site's file: plain where that is safe, else in quotes.
fn spelled(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if value.chars().all(plain) && value.starts_with(|first: char| first.is_ascii_alphabetic()) {
        value.to_owned()
    } else {
        // JSON's quoted texts are YAML's, too.
        serde_json::Value::from(value).to_string()
    }
}

fn replaced(text: &str, old: &Node, value: &str) -> Option<String> {
    let Value::Text(was) = &old.value else {
        return None;
    };
    let begin = line_begin(text, old.place.line)?;
    let column = old.place.column.checked_sub(1)?;
    let within = text[begin..].char_indices().nth(column as usize)?.0;
    let rest = &text[begin + within..];
    let length = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            let inner = &rest[1..];
            // A quote within it is rare in a path; what this gets wrong does not pass the proof.
            inner.find(quote)? + 2
        }
        _ => rest.starts_with(was.as_str()).then_some(was.len())?,
    };
    let (before, after) = (&text[..begin + within], &rest[length..]);
    Some(format!("{before}{value}{after}"))
}

/// Takes the line of `digest:` out, if it has one.
fn without_digest(node: &Node, text: &str) -> String {
    let Value::Map(entries) = &node.value else {
        return text.to_owned();
    };
    let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "digest") else {
        return text.to_owned();
    };
    let out = (key.place.line as usize).saturating_sub(1);
    let lines = text.split_inclusive('\n').enumerate();
    lines
        .filter(|(index, _)| *index != out)
        .map(|(_, line)| line)
        .collect()
}

fn line_begin(text: &str, line: u32) -> Option<usize> {
    let before = line.checked_sub(1)? as usize;
    let lengths = text.split_inclusive('\n').map(str::len);
    Some(lengths.take(before).sum())
}

/// All but what changes.
fn rest(node: &Node) -> Option<Vec<(&str, String)>> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let stays = entries
        .iter()
        .filter(|(key, _)| !matches!(key.text.as_str(), "adapter" | "digest"));
    Some(
        stays
            .map(|(key, node)| (key.text.as_str(), node.to_json()))
            .collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_adapter_changes_however_the_file_is_written() {
        let new = "adapters/shop-2.0.0.wasm";
        let digest = "sha256:00";
        let table = [
            (
                "# ours\nadapter: adapters/shop.wasm # pinned\nsettings: { a: 1 }\n".to_owned(),
                "# ours\nadapter: adapters/shop-2.0.0.wasm # pinned\nsettings: { a: 1 }\n",
            ),
            (
                "settings: {}\r\nadapter:   \"adapters/shop.wasm\"".to_owned(),
                "settings: {}\r\nadapter:   adapters/shop-2.0.0.wasm",
            ),
            (
                "{ adapter: 'a.wasm', keys: { adapter: a.wasm } }\n".to_owned(),
                "{ adapter: adapters/shop-2.0.0.wasm, keys: { adapter: a.wasm } }\n",
            ),
            (
                "adapter: >-\n  adapters/shop.wasm\n".to_owned(),
                "adapter: >-\n  adapters/shop-2.0.0.wasm\n",
            ),
            (
                format!("adapter: https://x.example/a.wasm\ndigest: {digest}\nlimits: {{}}\n"),
                "adapter: adapters/shop-2.0.0.wasm\nlimits: {}\n",
            ),
        ];
        for (text, expected) in table {
            let changed = with_adapter("systems/shop.yaml", &text, new, None);
            assert_eq!(changed.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_changed_safely_is_left_to_a_person() {
        for text in [
            "settings: {}\n",
            "adapter: 'it''s.wasm'\n",
            "{ adapter: a.wasm, digest: \"sha256:00\", settings: {} }\n",
        ] {
            let changed = with_adapter("systems/shop.yaml", text, "b.wasm", None);
            assert!(
                changed.as_ref().unwrap_err().contains("systems/shop.yaml"),
                "{text}: {changed:?}"
            );
        }
    }

    #[test]
    fn a_reference_is_quoted() {
        let reference = "oci://r.example/a/b:1@sha256:00";
        let changed = with_adapter("s.yaml", "adapter: a.wasm\n", reference, None).unwrap();
        assert_eq!(changed, format!("adapter: \"{reference}\"\n"));
    }

    #[test]
    fn an_address_has_its_digest_beside_it() {
        let (address, digest) = ("https://x.example/b.wasm", "sha256:11");
        let expected = format!("adapter: \"{address}\"\ndigest: \"{digest}\"");
        let table = [
            ("adapter: a.wasm # ours\nkeys: {}\n", " # ours\nkeys: {}\n"),
            (
                "digest: \"sha256:00\"\nadapter: https://x.example/a.wasm\n",
                "\n",
            ),
            (
                "adapter: https://x.example/a.wasm\ndigest: \"sha256:00\"\n",
                "\n",
            ),
        ];
        for (text, rest) in table {
            let changed = with_adapter("s.yaml", text, address, Some(digest));
            assert_eq!(changed, Ok(format!("{expected}{rest}")), "{text}");
        }
        let in_braces = with_adapter("s.yaml", "{ adapter: a.wasm }\n", address, Some(digest));
        assert!(in_braces.unwrap_err().contains(digest));
    }
}
