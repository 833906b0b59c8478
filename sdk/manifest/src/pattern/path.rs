//! Paths that every server reads the same way. What some server, proxy or framework is known to decode twice, cut or
//! fold is refused here, so that a pattern never has to guess what the other side will see.

/// Why a path may not be sent: found, expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// It does not begin with `/`.
    #[error("the path must begin with `/`, below the connection's base address")]
    NotAbsolute,
    /// `//` reads as an address of another host in places, and is folded in others.
    #[error(
        "the path has an empty segment (`//`): percent-encode the slash's neighbours or leave the segment out"
    )]
    EmptySegment,
    /// `.` or `..`, also encoded or before `;`.
    #[error(
        "the path has a dot segment (`.` or `..`, maybe encoded or followed by `;`), which moves it elsewhere"
    )]
    DotSegment,
    /// `%2e`, `%2f`, `%5c`, `%41`, a control character, or one of them encoded twice or overlong.
    #[error(
        "the path has an encoded dot, slash, backslash, letter, digit or control character, or one encoded twice"
    )]
    EncodedTrick,
    /// `%` without two hexadecimal digits.
    #[error(
        "the path has a `%` that two hexadecimal digits do not follow: write `%25` for the character itself"
    )]
    BadEncoding,
    /// `\`, `?`, `#`, a space, a control character, or one outside ASCII.
    #[error(
        "the path has a character that must be percent-encoded, or a query or fragment: give the query apart"
    )]
    BadCharacter,
}

/// Whether a path is one that may be matched and sent as it is. Decodes and allocates nothing.
///
/// # Errors
/// What is wrong with it.
pub fn check_path(path: &str) -> Result<(), PathProblem> {
    let inner = path.strip_prefix('/').ok_or(PathProblem::NotAbsolute)?;
    let mut segments = inner.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(PathProblem::EmptySegment);
        }
        check_segment(segment)?;
    }
    Ok(())
}

/// One segment of [`check_path`].
pub(super) fn check_segment(segment: &str) -> Result<(), PathProblem> {
    let bytes = segment.as_bytes();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let value = hex_pair(after).ok_or(PathProblem::BadEncoding)?;
                if is_trick(value, &after[2..]) {
                    return Err(PathProblem::EncodedTrick);
                }
                &after[2..]
            }
            byte if is_path_character(*byte) => after,
            _ => return Err(PathProblem::BadCharacter),
        };
    }
    // Some servers cut `;parameters` off before they resolve dots, so `..;x` is `..` to them; behind a proxy that
    // decodes, so is `..%3bx`.
    let name = before_parameters(bytes);
    if name == b"." || name == b".." {
        Err(PathProblem::DotSegment)
    } else if name.is_empty() && !bytes.is_empty() {
        // To the same servers `/orders/;x` is `/orders/`, not one of the orders.
        Err(PathProblem::EmptySegment)
    } else {
        Ok(())
    }
}

/// What stands before the first `;`, encoded or not, however often.
pub(super) fn before_parameters(segment: &[u8]) -> &[u8] {
    let begins_here = |at: &usize| match segment[*at..].split_first() {
        Some((b'%', after)) => decoded_through(after).is_some_and(|(value, _)| value == b';'),
        Some((first, _)) => *first == b';',
        None => false,
    };
    let end = (0..segment.len()).find(begins_here);
    &segment[..end.unwrap_or(segment.len())]
}

/// The byte that the digits after a percent sign stand for when a server decodes until nothing is left to decode, and
/// what follows it.
fn decoded_through(mut digits: &[u8]) -> Option<(u8, &[u8])> {
    while let Some(rest) = digits
        .strip_prefix(b"25")
        .filter(|rest| hex_pair(rest).is_some())
    {
        digits = rest;
    }
    Some((hex_pair(digits)?, &digits[2..]))
}

/// RFC 3986 `pchar` without the percent sign.
fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// Whether an encoded byte, with what follows it, is one that some server reads as structure.
fn is_trick(value: u8, after: &[u8]) -> bool {
    match value {
        b'.' | b'/' | b'\\' | 0x7f | 0..=0x1f => true,
        // Nobody needs them encoded, and encoded digits hide an escape from whoever decodes once: `%25%32e`.
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => true,
        // `%252e`, `%25252e`...: a server that decodes twice sees `.`.
        b'%' => decoded_through(after)
            .is_some_and(|(value, after)| value != b'%' && is_trick(value, after)),
        // Never in UTF-8: overlong forms of ASCII characters (`%c0%ae` is a dot to old decoders).
        0xc0 | 0xc1 => true,
        0xe0 => next_encoded(after).is_some_and(|next| next < 0xa0),
        0xf0 => next_encoded(after).is_some_and(|next| next < 0x90),
        _ => false,
    }
}

fn next_encoded(after: &[u8]) -> Option<u8> {
    hex_pair(after.strip_prefix(b"%")?)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match bytes {
        [high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}
