//! Paths out of untrusted parts: each part stays one segment, whatever it holds.

use crate::Failure;

/// `/orders/S-42/lines` out of `["orders", "S-42", "lines"]`, each percent-encoded.
///
/// # Errors
/// `invalid-input` if a part cannot be a segment, see [`segment`].
pub fn path(segments: &[&str]) -> Result<String, Failure> {
    let mut out = String::new();
    for part in segments {
        out.push('/');
        out.push_str(&segment(part)?);
    }
    Ok(out)
}

/// One path segment, percent-encoded (RFC 3986, all but the unreserved characters).
///
/// # Errors
/// `invalid-input` for what the host refuses, as servers read it as more or less than one segment: nothing, `.`,
/// `..`, and anything with `/`, `\` or a control character.
pub fn segment(value: &str) -> Result<String, Failure> {
    if matches!(value, "" | "." | "..") {
        return Err(Failure::invalid_input(
            "",
            format!("`{value}` cannot be a part of a path; expected a name or number"),
        ));
    }
    let mut out = String::with_capacity(value.len());
    encode(value, &mut out)?;
    Ok(out)
}

/// Appends `value`, encoded as a part of one segment.
pub(crate) fn encode(value: &str, out: &mut String) -> Result<(), Failure> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = value.as_bytes();
    for (index, byte) in bytes.iter().copied().enumerate() {
        // A value that is encoded already is one that some server decodes twice; the host refuses it.
        let encoded = byte == b'%'
            && matches!(bytes.get(index + 1..index + 3), Some(pair) if pair.iter().all(u8::is_ascii_hexdigit));
        match byte {
            _ if encoded => {
                return Err(Failure::invalid_input(
                    "",
                    "has a percent-encoding of its own; expected the plain value",
                ));
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            b'/' | b'\\' | 0..=0x1f | 0x7f => {
                let shown: String = value
                    .chars()
                    .take(80)
                    .flat_map(char::escape_debug)
                    .collect();
                return Err(Failure::invalid_input(
                    "",
                    format!(
                        "`{shown}` cannot be a part of a path; expected no slash, backslash or control character"
                    ),
                ));
            }
            other => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(other >> 4)]));
                out.push(char::from(DIGITS[usize::from(other & 15)]));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_value_stays_one_segment() {
        let cases = [
            ("S-42", Some("S-42")),
            ("a b", Some("a%20b")),
            ("50%", Some("50%25")),
            ("%2e%2e", None),
            ("%zz", Some("%25zz")),
            ("a;v=1", Some("a%3Bv%3D1")),
            ("a?b#c", Some("a%3Fb%23c")),
            ("\u{e9}\u{4e2d}", Some("%C3%A9%E4%B8%AD")),
            ("...", Some("...")),
            ("", None),
            (".", None),
            ("..", None),
            ("../x", None),
            ("a/b", None),
            ("a\\b", None),
            ("a\r\nb", None),
            ("a\0", None),
        ];
        for (value, expected) in cases {
            assert_eq!(segment(value).ok().as_deref(), expected, "{value:?}");
        }
        assert_eq!(
            path(&["orders", "S 1", "lines"]).unwrap(),
            "/orders/S%201/lines"
        );
        assert_eq!(path(&["orders", ".."]).unwrap_err().kind(), "invalid-input");
    }
}
