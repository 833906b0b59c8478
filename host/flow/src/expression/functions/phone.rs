//! `phone.e164`: phone numbers in the one form that every system can compare, `+493012345678` (ITU-T E.164).
//!
//! Simple declared rules: separators go, `00` and `+` begin an international number, anything else is national to the
//! country that is given, whose trunk prefix goes. The length is checked (8 to 15 digits), the numbering plan of the
//! country is not: whether a number exists only a call can tell. Extensions and letters are refused.

use cel::common::value::CowVal;

use super::{Arguments, Declared, Outcome, texts};

pub(super) const FUNCTIONS: &[Declared] = &[("phone.e164", 2, e164)];

/// Country (ISO 3166-1), calling code, trunk prefix that is dialled inside the country only (ITU-T E.164 and E.123).
const COUNTRIES: [(&str, &str, &str); 46] = [
    ("AE", "971", "0"),
    ("AR", "54", "0"),
    ("AT", "43", "0"),
    ("AU", "61", "0"),
    ("BE", "32", "0"),
    ("BG", "359", "0"),
    ("BR", "55", "0"),
    ("CA", "1", "1"),
    ("CH", "41", "0"),
    ("CN", "86", "0"),
    ("CZ", "420", ""),
    ("DE", "49", "0"),
    ("DK", "45", ""),
    ("EE", "372", ""),
    ("EG", "20", "0"),
    ("ES", "34", ""),
    ("FI", "358", "0"),
    ("FR", "33", "0"),
    ("GB", "44", "0"),
    ("GR", "30", ""),
    ("HK", "852", ""),
    ("HR", "385", "0"),
    ("ID", "62", "0"),
    ("IE", "353", "0"),
    ("IL", "972", "0"),
    ("IN", "91", "0"),
    ("IT", "39", ""),
    ("JP", "81", "0"),
    ("KR", "82", "0"),
    ("LU", "352", ""),
    ("MX", "52", ""),
    ("MY", "60", "0"),
    ("NL", "31", "0"),
    ("NO", "47", ""),
    ("NZ", "64", "0"),
    ("PL", "48", ""),
    ("PT", "351", ""),
    ("RO", "40", "0"),
    ("SE", "46", "0"),
    ("SG", "65", ""),
    ("TH", "66", "0"),
    ("TR", "90", "0"),
    ("TW", "886", "0"),
    ("UA", "380", "0"),
    ("US", "1", "1"),
    ("ZA", "27", "0"),
];

fn e164<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "phone.e164",
        values: &values,
    };
    let (found, country) = (arguments.text_or_number(0)?, arguments.text(1)?);
    let Some((_, code, trunk)) = COUNTRIES.iter().find(|(name, ..)| *name == country) else {
        let known: Vec<&str> = COUNTRIES.iter().map(|(name, ..)| *name).collect();
        return Err(arguments.unfit(
            country,
            &format!("one of the countries {}", known.join(" ")),
        ));
    };
    let unfit = || {
        arguments.unfit(
            &found,
            "a phone number of 8 to 15 digits with its country's code, without an extension",
        )
    };
    // The trunk prefix is often shown in an international number too: +44 (0)20 7946 0000.
    let shown = found.replace("(0)", "");
    let mut digits = String::new();
    for (at, letter) in shown.trim().chars().enumerate() {
        match letter {
            '0'..='9' => digits.push(letter),
            '+' if at == 0 => digits.push('+'),
            ' ' | '\u{a0}' | '-' | '\u{2010}'..='\u{2013}' | '.' | '/' | '(' | ')' => {}
            _ => return Err(unfit()),
        }
    }
    let international = match (digits.strip_prefix('+'), digits.strip_prefix("00")) {
        (Some(number), _) | (None, Some(number)) => number.to_owned(),
        (None, None) => {
            let national = digits.strip_prefix(trunk).unwrap_or(&digits);
            format!("{code}{national}")
        }
    };
    if !(8..=15).contains(&international.len()) || international.starts_with('0') {
        return Err(unfit());
    }
    Ok(texts(format!("+{international}")))
}
