//! Numbers that reading would change: JSON readers keep 64 bits or a double, and a database must not get another number
//! than the guest wrote. Pure.

use bigdecimal::BigDecimal;
use serde_json::Number;

/// Digits of a number that is looked at: nobody needs more of them in a number that is no text.
const DIGITS: usize = 400;
/// What has no more digits than this is kept by every double.
const KEPT: usize = 15;

/// Whether a number in this JSON has digits that are lost when it is read.
pub(super) fn loses(json: &str) -> bool {
    let (mut in_text, mut escaped) = (false, false);
    let between_numbers = |c: char| {
        in_text ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        in_text || !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')
    };
    json.split(between_numbers).any(is_lost)
}

fn is_lost(number: &str) -> bool {
    if number.len() <= KEPT && !number.contains(['e', 'E']) {
        return false;
    }
    // What is no number at all is the parser's affair.
    let Ok(read) = serde_json::from_str::<Number>(number) else {
        return false;
    };
    let plain = |text: &str| {
        let number = text.parse::<BigDecimal>().ok()?;
        Some(number.normalized().into_bigint_and_exponent())
    };
    // Some write 17 digits of every double; they stand for it.
    let digits = read.as_f64().map(|double| format!("{double:.16e}"));
    let spellings = [Some(read.to_string()), digits];
    let same = |spelling: String| plain(&spelling) == plain(number);
    number.len() > DIGITS || !spellings.into_iter().flatten().any(same)
}
