//! `application/x-www-form-urlencoded`, as the URL standard reads and writes it: query strings, form posts.

/// Names and values in their order. `None` if one is not UTF-8 after decoding.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Appends one field, with `&` before it if it is not the first.
pub fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    encode(name, out);
    out.push('=');
    encode(value, out);
}

fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |offset: usize| {
            bytes
                .get(at + offset)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits are at most 255.
                out.push(u8::try_from(high << 4 | low).unwrap_or_default());
                at += 2;
            }
            (b'+', _, _) => out.push(b' '),
            (byte, _, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(other >> 4)]));
                out.push(char::from(DIGITS[usize::from(other & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = String::new();
        for (name, value) in [("a", "x y"), ("b&=", "1+1=2%"), ("\u{e9}", ""), ("a", "\n")] {
            push(&mut out, name, value);
        }
        assert_eq!(out, "a=x+y&b%26%3D=1%2B1%3D2%25&%C3%A9=&a=%0A");
        let fields = parse(&out).unwrap();
        assert_eq!(fields[1], ("b&=".to_owned(), "1+1=2%".to_owned()));
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn sloppy_senders_are_understood_and_broken_ones_not() {
        let cases = [
            ("", Some(vec![])),
            ("a", Some(vec![("a", "")])),
            (
                "a&=x&&b=%zz%4",
                Some(vec![("a", ""), ("", "x"), ("b", "%zz%4")]),
            ),
            ("a=%ff", None),
        ];
        for (text, expected) in cases {
            let found = parse(text);
            let found = found.as_ref().map(|fields| {
                let pairs = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()));
                pairs.collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
