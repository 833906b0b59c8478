//! How names are spelled. ASCII only, so that no two names look alike and differ.

/// Longest name of one part, characters.
pub const NAME: usize = 40;
/// Longest dotted name, characters.
pub const DOTTED: usize = 120;

/// A connection, key, hook, feed or system: `[a-z][a-z0-9-]*`, at most [`NAME`] characters, no `-` at the end or doubled.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// An action or statement: names joined by dots, `item.stock`, at most [`DOTTED`] characters.
#[must_use]
pub fn is_dotted(text: &str) -> bool {
    text.len() <= DOTTED && text.split('.').all(is_name)
}

/// An event's type: letters, digits, `-` and `_` in parts joined by dots, each part beginning with a letter or digit,
/// `device.alarm`, `com.example.OrderCreated`; at most [`DOTTED`] characters.
#[must_use]
pub fn is_event_type(text: &str) -> bool {
    text.len() <= DOTTED
        && text.split('.').all(|part| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// An adapter: `vendor/name`.
#[must_use]
pub fn is_adapter(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(vendor, name)| is_name(vendor) && is_name(name))
}

/// A business contract: `erp/1`.
#[must_use]
pub fn is_profile(text: &str) -> bool {
    text.split_once('/').is_some_and(|(name, version)| {
        is_name(name)
            && version
                .parse::<u32>()
                .is_ok_and(|number| number > 0 && number.to_string() == version)
    })
}

/// An action of another system: `system.action`.
#[must_use]
pub fn is_call(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(system, action)| is_name(system) && is_dotted(action))
}

/// `MAJOR.MINOR.PATCH` with optional pre-release and build parts, as on semver.org.
#[must_use]
pub fn is_version(text: &str) -> bool {
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(core, pre)| (core, Some(pre)));
    let numbers: Vec<&str> = core.split('.').collect();
    let identifiers = |part: &str| {
        part.split('.').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    let no_leading_zero = |word: &str| !is_number(word) || word == "0" || !word.starts_with('0');
    numbers.len() == 3
        && numbers
            .iter()
            .all(|number| is_number(number) && no_leading_zero(number) && number.len() <= 10)
        && pre.is_none_or(|pre| identifiers(pre) && pre.split('.').all(no_leading_zero))
        && build.is_none_or(identifiers)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(check: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(check(text), "`{text}` should be taken");
        }
        for text in bad {
            assert!(!check(text), "`{text}` should be refused");
        }
    }

    #[test]
    fn names_are_lower_case_ascii() {
        let long = "a".repeat(NAME + 1);
        table(
            is_name,
            &["a", "erp", "crm-eu", "k8s"],
            &[
                "",
                "Erp",
                "1a",
                "-a",
                "a-",
                "a--b",
                "a_b",
                "a.b",
                "\u{435}rp",
                "a b",
                &long,
            ],
        );
    }

    #[test]
    fn dotted_names_have_no_empty_part() {
        table(
            is_dotted,
            &["stock", "item.stock", "a.b.c"],
            &["", ".", "a.", ".a", "a..b", "a/b", "A.b"],
        );
        table(
            is_event_type,
            &[
                "device.alarm",
                "com.example.OrderCreated",
                "pull_request",
                "1",
            ],
            &["", "a.", "_a", "a b", "a/b", "\u{e9}"],
        );
    }

    #[test]
    fn adapters_profiles_and_calls_have_two_parts() {
        table(
            is_adapter,
            &["acme/tryton", "a-b/c-d"],
            &[
                "acme",
                "acme/",
                "/tryton",
                "acme/Tryton",
                "a/b/c",
                "acme/..",
                "acme /x",
            ],
        );
        table(
            is_profile,
            &["erp/1", "ticketing/12"],
            &["erp", "erp/0", "erp/01", "erp/1.0", "erp/+1", "Erp/1"],
        );
        table(
            is_call,
            &["erp.stock", "erp.item.stock"],
            &["erp", "erp.", ".stock", "erp/stock"],
        );
    }

    #[test]
    fn versions_follow_semver() {
        table(
            is_version,
            &[
                "0.1.0",
                "1.2.3-rc.1",
                "1.0.0+build.7",
                "1.0.0-a-b.0+x",
                "10.20.30",
            ],
            &[
                "",
                "1",
                "1.0",
                "1.0.0.0",
                "01.0.0",
                "1.0.x",
                "v1.0.0",
                "1.0.0-",
                "1.0.0+",
                "1.0.0-01",
                "1.0.0-a..b",
                "1.0.0+a+b",
            ],
        );
    }
}
