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
