//! The question to a person: on the terminal, or answered by itself where nobody can be asked.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::sync::oneshot;

use crate::out::{self, Tone};
use crate::text;

/// Who answers, and what.
pub(super) struct Decision {
    pub(super) answer: String,
    pub(super) comment: &'static str,
}

/// Whether a person can be asked here.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The first option, without asking.
pub(super) fn by_itself(options: &[String], yes: bool) -> Decision {
    let comment = if yes {
        "by --yes"
    } else {
        "by itself: there is no terminal to ask on"
    };
    Decision {
        answer: options.first().cloned().unwrap_or_default(),
        comment,
    }
}

/// Asks on the terminal until one of the options is said. Resolves to nothing when the terminal is closed.
pub(super) async fn on_the_terminal(question: &str, options: &[String]) -> Option<Decision> {
    let (answered, answer) = oneshot::channel();
    let question = text::harmless(question);
    let options = options.to_vec();
    // Reading a terminal cannot be given up, so it has a thread of its own that ends with the process.
    std::thread::spawn(move || {
        let _ = answered.send(ask(&question, &options));
    });
    let answer = answer.await.ok().flatten()?;
    Some(Decision {
        answer,
        comment: "on the terminal",
    })
}

fn ask(question: &str, options: &[String]) -> Option<String> {
    let choices = text::harmless(&options.join("/"));
    let mut lines = io::stdin().lock().lines();
    loop {
        let mut out = io::stdout().lock();
        write!(out, "  {} [{choices}] ", out::tone(question, Tone::Strong))
            .and_then(|()| out.flush())
            .ok()?;
        drop(out);
        let said = lines.next()?.ok()?;
        if let Some(option) = chosen(&said, options) {
            return Some(option);
        }
    }
}

/// The option that was said: whole, or so much of it that no other begins so. `y` and `yes` mean the first.
fn chosen(said: &str, options: &[String]) -> Option<String> {
    let said = said.trim().to_lowercase();
    if said == "y" || said == "yes" {
        return options.first().cloned();
    }
    if let Some(option) = options.iter().find(|option| option.to_lowercase() == said) {
        return Some(option.clone());
    }
    let mut begin_so = options
        .iter()
        .filter(|option| !said.is_empty() && option.to_lowercase().starts_with(&said));
    match (begin_so.next(), begin_so.next()) {
        (Some(option), None) => Some(option.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_short_but_not_ambiguous() {
        let options = [
            "approve".to_owned(),
            "reject".to_owned(),
            "approve later".to_owned(),
        ];
        let table = [
            ("y", Some("approve")),
            ("R", Some("reject")),
            ("app", None),
            ("approve", Some("approve")),
            ("", None),
            ("no", None),
            (" reject\n", Some("reject")),
        ];
        for (said, option) in table {
            assert_eq!(chosen(said, &options).as_deref(), option, "{said:?}");
        }
    }
}
