//! A review as text for a pull request: the same for the same site whatever the terminal, the day or the machine, so that
//! it can be compared. What vendors and operators wrote stands in blocks, where it cannot become a link, an image or a
//! heading: each line begins with a mark of its own.

use std::fmt::Write as _;

use super::Review;
use super::print::{below, mark, sentence, two_words};
use crate::text;

impl Review {
    /// The whole review.
    pub(crate) fn markdown(&self) -> String {
        let mut page = format!(
            "# Grant review of {}\n",
            text::harmless(&self.wishes.system)
        );
        let head = self.head();
        let widest = head.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let head = head
            .iter()
            .skip(1)
            .map(|(name, value)| format!("  {name:widest$}  {value}"));
        block(&mut page, "text", head);
        let risks: Vec<String> = self
            .risks()
            .into_iter()
            .map(|(risk, two)| {
                format!(
                    "  {}: {}{}",
                    risk.name.name(),
                    risk.sentence,
                    two_words(two)
                )
            })
            .collect();
        if !risks.is_empty() {
            page.push_str("\n## Risks that lie in it\n");
            block(&mut page, "text", risks.into_iter());
        }
        page.push_str("\n## If approved\n\n`+` waits for an approval, `x` is refused, `-` is no longer asked for.\n");
        let mut lines = Vec::new();
        for (standing, item) in self.standings() {
            lines.push(format!(
                "{} {} {}",
                mark(&standing),
                item.id(),
                sentence(&standing, &item)
            ));
            let more = below(&standing, &item).into_iter();
            lines.extend(more.map(|line| format!("      {line}")));
        }
        block(&mut page, "diff", lines.into_iter());
        if !self.wishes.reasons.is_empty() {
            page.push_str("\n## The vendor says why\n");
            let reasons = self.wishes.reasons.iter();
            block(
                &mut page,
                "text",
                reasons.map(|(name, reason)| format!("  {name}: {reason}")),
            );
        }
        let notes = self.notes();
        if !notes.is_empty() {
            page.push_str("\n## Notes\n");
            let notes = notes.iter().map(|note| format!("  {note}"));
            block(&mut page, "text", notes);
        }
        page
    }
}

fn block(page: &mut String, kind: &str, lines: impl Iterator<Item = String>) {
    // Writing into a text does not fail.
    let _ = writeln!(page, "\n```{kind}");
    for line in lines {
        let _ = writeln!(page, "{}", text::harmless(&line));
    }
    page.push_str("```\n");
}
