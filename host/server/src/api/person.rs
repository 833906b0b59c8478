//! What people say of themselves and why, in requests: bounded, and never without a name.

use super::errors::Refusal;

/// Longest name of who does something, characters.
const BY: usize = 120;
/// Longest comment or reason, characters.
const WORDS: usize = 4_000;

/// Refuses a missing name and what is too long.
pub(crate) fn check(by: &str, what: &str, words: &str) -> Result<(), Refusal> {
    for (what, text, most) in [("by", by, BY), (what, words, WORDS)] {
        if text.chars().count() > most {
            return Err(Refusal::Invalid(format!(
                "{what}: expected at most {most} characters"
            )));
        }
    }
    if by.trim().is_empty() {
        return Err(Refusal::Invalid(
            "by: found nothing, expected the name of who does it".into(),
        ));
    }
    Ok(())
}

/// The same for what is kept with a run or a link: it needs a reason.
pub(crate) fn check_with_reason(by: &str, reason: &str) -> Result<(), Refusal> {
    check(by, "reason", reason)?;
    if reason.trim().is_empty() {
        return Err(Refusal::Invalid(
            "reason: found nothing, expected why; it is kept with what is done".into(),
        ));
    }
    Ok(())
}
