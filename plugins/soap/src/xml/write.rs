//! From JSON to XML. Members keep their order: a schema's sequence is one.

use tombolo_sdk::template::Draft;

use super::DEPTH;

/// Appends the members of an object as elements.
///
/// # Errors
/// What cannot be an element.
pub(crate) fn write(value: &Draft, out: &mut String) -> Result<(), String> {
    let Draft::Object(members) = value else {
        return Err("expected a map of elements".to_owned());
    };
    for (name, value) in members {
        element(name, value, 0, out)?;
    }
    Ok(())
}

fn element(name: &str, value: &Draft, depth: usize, out: &mut String) -> Result<(), String> {
    if depth >= DEPTH {
        return Err(format!("elements nest deeper than {DEPTH}"));
    }
    if let Some(problem) = name_problem(name) {
        return Err(problem);
    }
    match value {
        // What is absent is left out.
        Draft::Raw(raw) if raw == "null" => {}
        Draft::List(items) => {
            for item in items {
                if matches!(item, Draft::List(_)) {
                    return Err(format!(
                        "`{name}` is a list of lists, which XML does not have"
                    ));
                }
                element(name, item, depth, out)?;
            }
        }
        Draft::Raw(text) | Draft::Text(text) => {
            out.push_str(&format!("<{name}>"));
            escape(text, out);
            out.push_str(&format!("</{name}>"));
        }
        Draft::Object(members) => {
            out.push_str(&format!("<{name}"));
            for (attribute, value) in attributes(members) {
                if let Some(problem) = name_problem(attribute) {
                    return Err(problem);
                }
                match value {
                    Draft::Raw(raw) if raw == "null" => {}
                    Draft::Raw(text) | Draft::Text(text) => {
                        out.push_str(&format!(" {attribute}=\""));
                        escape(text, out);
                        out.push('"');
                    }
                    _ => {
                        return Err(format!(
                            "the attribute `{attribute}` is a list or a map, expected a text"
                        ));
                    }
                }
            }
            out.push('>');
            for (member, value) in members {
                match value {
                    _ if member.starts_with('@') => {}
                    Draft::Raw(raw) if member == "#text" && raw == "null" => {}
                    Draft::Raw(text) | Draft::Text(text) if member == "#text" => escape(text, out),
                    value => element(member, value, depth + 1, out)?,
                }
            }
            out.push_str(&format!("</{name}>"));
        }
    }
    Ok(())
}

fn attributes(members: &[(String, Draft)]) -> impl Iterator<Item = (&str, &Draft)> {
    members
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix('@')?, value)))
}

/// Appends text for the inside of an element or an attribute. Characters that XML 1.0 cannot have become spaces.
pub(crate) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Kept as they are, also in an attribute.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", character as u32)),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            character if character < ' ' => out.push(' '),
            character => out.push(character),
        }
    }
}

/// What keeps a text from being the name of an element or attribute: names come from inputs too.
pub(crate) fn name_problem(name: &str) -> Option<String> {
    let is_name = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let good = match name.split_once(':') {
        Some((prefix, local)) => is_name(prefix) && is_name(local),
        None => is_name(name),
    };
    let shown = || {
        name.chars()
            .take(60)
            .flat_map(char::escape_debug)
            .collect::<String>()
    };
    (!good).then(|| format!("`{}` cannot name an element", shown()))
}
