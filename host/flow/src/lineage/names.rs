//! The names that an expression looks at, found in its text.

/// The dotted names of an expression's text that begin with a root, outside its strings.
pub(super) fn names(source: &str) -> Vec<String> {
    let bare = without_strings(source);
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '?');
    let mut found = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..]
            .find(|letter| !is_name(letter))
            .map_or(rest.len(), |at| start + at);
        // `a ? b : c` without spaces has its question mark before no dot.
        let mut name = rest[start..end].replace(".?", ".");
        let called = rest[end..].starts_with('(');
        if let Some(at) = name.rfind('.').filter(|_| called) {
            name.truncate(at);
        }
        for name in name.split('?') {
            let is_root = |root: &str| ROOTS.contains(&root);
            if is_root(name.split('.').next().unwrap_or_default()) {
                found.push(name.trim_end_matches('.').to_owned());
            }
        }
        rest = &rest[end..];
    }
    found
}

const ROOTS: [&str; 6] = ["event", "steps", "vars", "run", "item", "failure"];

/// The text with every string in it blanked out.
fn without_strings(source: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    source
        .chars()
        .map(|letter| match quote {
            Some(_) if escaped => {
                escaped = false;
                ' '
            }
            Some(open) => {
                escaped = letter == '\\';
                quote = Some(open).filter(|open| *open != letter);
                ' '
            }
            None if matches!(letter, '\'' | '"') => {
                quote = Some(letter);
                ' '
            }
            None => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_outside_strings_and_without_their_methods() {
        for (source, expected) in [
            ("event.data.part", vec!["event.data.part"]),
            (
                "event.data.a + steps.stock.on_hand",
                vec!["event.data.a", "steps.stock.on_hand"],
            ),
            (
                "event.data.name.lowerAscii() + 'event.data.x'",
                vec!["event.data.name"],
            ),
            (
                "event.data.?note.orValue(vars.none)",
                vec!["event.data.note", "vars.none"],
            ),
            (
                "event.data.a>1?event.data.b:event.subject",
                vec!["event.data.a", "event.data.b", "event.subject"],
            ),
            ("event.data.lines.map(l, l.sku)", vec!["event.data.lines"]),
            ("\"it's \\\" event.id\" + run.id", vec!["run.id"]),
            ("item + items.event", vec!["item"]),
        ] {
            assert_eq!(names(source), expected, "{source}");
        }
    }
}
