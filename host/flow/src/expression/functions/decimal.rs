//! `decimal.*`: arithmetic on decimals as text, exact: `decimal.add('0.1', '0.2')` is `0.3`.
//!
//! Amounts come as text, or as numbers, whose shortest text is taken: beyond 15 digits a JSON number with a fraction
//! is not exact any more, and the sender should write text. Rounding is commercial: half away from zero.

use std::str::FromStr as _;

use bigdecimal::{BigDecimal, RoundingMode};
use cel::ExecutionError;
use cel::common::types::CelInt;
use cel::common::value::CowVal;

use super::{Arguments, Declared, Outcome, texts};

/// Longest decimal, characters: more than any currency or unit of measure has.
const LONGEST: usize = 64;
/// Most digits after the point that can be asked for.
const DIGITS: i64 = 30;

pub(super) const FUNCTIONS: &[Declared] = &[
    ("decimal.add", 2, add),
    ("decimal.sub", 2, sub),
    ("decimal.mul", 2, mul),
    ("decimal.div", 3, div),
    ("decimal.round", 2, round),
    ("decimal.compare", 2, compare),
];

fn add<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    two("decimal.add", &values, |a, b| a + b)
}

fn sub<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    two("decimal.sub", &values, |a, b| a - b)
}

fn mul<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    two("decimal.mul", &values, |a, b| a * b)
}

/// `decimal.div('10', '3', 2)` is `3.33`.
fn div<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "decimal.div",
        values: &values,
    };
    let (one, other) = (number(&arguments, 0)?, number(&arguments, 1)?);
    let digits = arguments.whole(2, DIGITS)?;
    if other == 0 {
        return Err(arguments.wrong("the divisor is 0"));
    }
    // The quotient has 100 significant digits: rounding it again at 30 cannot differ from rounding once.
    Ok(plain(&rounded(&(one / other), digits)))
}

/// `decimal.round('2.345', 2)` is `2.35`.
fn round<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "decimal.round",
        values: &values,
    };
    let digits = arguments.whole(1, DIGITS)?;
    Ok(plain(&rounded(&number(&arguments, 0)?, digits)))
}

/// -1, 0 or 1: `1.0` and `1` are equal.
fn compare<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "decimal.compare",
        values: &values,
    };
    let order = number(&arguments, 0)?.cmp(&number(&arguments, 1)?);
    Ok(CowVal::owned(CelInt::from(order as i64)))
}

fn two<'b, 'v>(
    function: &'static str,
    values: &[CowVal<'b, 'v>],
    does: fn(BigDecimal, BigDecimal) -> BigDecimal,
) -> Outcome<'b, 'v> {
    let arguments = Arguments { function, values };
    Ok(plain(&does(number(&arguments, 0)?, number(&arguments, 1)?)))
}

fn rounded(number: &BigDecimal, digits: i64) -> BigDecimal {
    number.with_scale_round(digits, RoundingMode::HalfUp)
}

fn plain<'b, 'v>(number: &BigDecimal) -> CowVal<'b, 'v> {
    texts(number.to_plain_string())
}

fn number(arguments: &Arguments<'_, '_, '_>, at: usize) -> Result<BigDecimal, ExecutionError> {
    let text = arguments.text_or_number(at)?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let fits = text.len() <= LONGEST
        && digits.starts_with(|letter: char| letter.is_ascii_digit())
        && digits.ends_with(|letter: char| letter.is_ascii_digit())
        && digits.matches('.').count() <= 1
        && digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    let number = if fits {
        BigDecimal::from_str(&text).ok()
    } else {
        None
    };
    number.ok_or_else(|| {
        arguments.unfit(
            &text,
            &format!("a decimal such as -12.50, at most {LONGEST} characters"),
        )
    })
}
