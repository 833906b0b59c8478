//! Items in plain words, for a reviewer who reads no code. Names and texts come from vendors and operators, so what
//! could forge a line or reorder it on a terminal is shown as an escape.

use tombolo_manifest::Effect;

use super::Item;

/// The item in a plain sentence with the real place.
#[must_use]
pub fn sentence(item: &Item) -> String {
    match item {
        Item::Http {
            connection,
            place,
            allow,
            credential,
            private_network,
        } => http(connection, place, allow, credential, *private_network),
        Item::Sql {
            connection,
            place,
            statement,
            effect,
            text,
        } => format!(
            "May run the statement `{}` on {} (connection `{}`), which {}: {}",
            printable(statement),
            printable(place),
            printable(connection),
            effect_words(*effect),
            printable(text.trim())
        ),
        Item::Publish {
            connection,
            place,
            topic,
        } => format!(
            "May publish messages to {} on the broker {} (connection `{}`).",
            printable(topic),
            printable(place),
            printable(connection)
        ),
        Item::Subscribe {
            connection,
            place,
            from,
            hook,
        } => format!(
            "May receive messages of {} from the broker {} (connection `{}`, hook `{}`), which are gone from it once they are in the log.",
            printable(from),
            printable(place),
            printable(connection),
            printable(hook)
        ),
        Item::Key { key, r#use, derive } => {
            let derived = if derive.is_empty() {
                String::new()
            } else {
                format!(
                    " after deriving it by {}",
                    printable(&derive.join(", then "))
                )
            };
            // By cutting one text into parts at different places a guest learns, call by call, where the key sorts.
            let leaks = if r#use.starts_with("digest-sorted-") {
                " Its answers tell where the key sorts among other texts, and so, over many calls, the key itself: \
                 give it only a key that opens nothing else."
            } else {
                ""
            };
            format!(
                "May use the key `{}` for {}{derived}, without seeing it.{leaks}",
                printable(key),
                printable(r#use)
            )
        }
        Item::Emit { event } => format!("May make events of the type `{}`.", printable(event)),
        Item::Store { quota } => format!(
            "May keep up to {} of its own data in this host.",
            bytes(*quota)
        ),
        Item::Action { system, action } => {
            format!(
                "May call the action `{}` of the system `{}`.",
                printable(action),
                printable(system)
            )
        }
        Item::Limits {
            memory,
            cpu_ms,
            deadline_ms,
        } => format!(
            "May use {} of memory, {} of processor time and {} in all for one call.",
            bytes(*memory),
            duration(*cpu_ms),
            duration(*deadline_ms)
        ),
        Item::Hide { field } => format!("Never gets the field `{}`.", printable(field)),
        Item::Mask { field, r#as } => format!(
            "Gets the field `{}` masked: {}.",
            printable(field),
            r#as.words()
        ),
        Item::MaskMatching { pattern } => format!(
            "Gets whatever matches `{}` with asterisks for its letters and digits.",
            printable(pattern)
        ),
    }
}

fn http(
    connection: &str,
    place: &str,
    allow: &str,
    credential: &str,
    private_network: bool,
) -> String {
    let (method, path) = allow.split_once(' ').unwrap_or(("", allow));
    let method = if method == "*" {
        "any".to_owned()
    } else {
        printable(method)
    };
    let below = if path.ends_with("/*") {
        ", and anything below"
    } else {
        ""
    };
    let shown = if below.is_empty() {
        path
    } else {
        path.strip_suffix('*').unwrap_or(path)
    };
    let credential = match credential {
        "none" => "without a credential".to_owned(),
        other => format!(
            "with this credential, which the host attaches: {}",
            printable(other)
        ),
    };
    let network = if private_network {
        " The server may be in your private network or on this machine."
    } else {
        ""
    };
    format!(
        "May send {method} requests to {}{}{below} (connection `{}`), {credential}.{network}",
        printable(place),
        printable(shown),
        printable(connection)
    )
}

fn effect_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Destructive => "destroys what cannot be brought back",
    }
}

fn bytes(count: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    units
        .iter()
        .find(|(size, _)| count >= *size && count.is_multiple_of(*size))
        .map_or_else(
            || format!("{count} bytes"),
            |(size, unit)| format!("{} {unit}", count / size),
        )
}

fn duration(ms: u64) -> String {
    if ms >= 1_000 && ms.is_multiple_of(1_000) {
        format!("{} s", ms / 1_000)
    } else {
        format!("{ms} ms")
    }
}

/// The text in one line, with control characters and those that reorder or hide text as escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let hides = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
            || ('\u{e0000}'..='\u{e007f}').contains(&character);
        if character.is_control() || hides {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
