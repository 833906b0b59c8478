//! A flow as a picture for people: a tree of its steps, and a Mermaid flowchart (mermaid.js.org/syntax/flowchart).

use std::fmt::Write as _;

use super::{Flow, Kind, Pattern, Step};

impl Flow {
    /// One line per step: how deep it is inside others, and its words. The flow's own `on-failure` comes last.
    #[must_use]
    pub fn outline(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        for (at, step) in self.program.iter().enumerate() {
            let closing = at >= self.closing_at;
            if at == self.closing_at {
                lines.push((0, "on-failure of the flow".to_owned()));
            }
            let branch = match &step.branch {
                Some(branch) if !closing || step.level > 1 => format!("{branch}: "),
                _ => String::new(),
            };
            lines.push((step.level, format!("{branch}{}", words(step))));
            if let Some(undo) = &step.undo {
                let line = format!("undo: call {}.{}", undo.call.system, undo.call.action);
                lines.push((step.level + 1, line));
            }
        }
        lines
    }

    /// What begins it, for people.
    #[must_use]
    pub fn begins_with(&self) -> String {
        let kinds: Vec<String> = self
            .on
            .iter()
            .map(|pattern| match pattern {
                Pattern::Exact(kind) => kind.clone(),
                Pattern::Prefix(prefix) => format!("{prefix}*"),
            })
            .collect();
        let mut words = match kinds.as_slice() {
            [] => "called".to_owned(),
            kinds => format!("on {}", kinds.join(", ")),
        };
        if let Some(takes) = &self.takes {
            let _ = write!(words, ", takes {}", takes.join(", "));
        }
        for (key, expression) in [("when", &self.when), ("key", &self.key)] {
            if let Some(expression) = expression {
                let _ = write!(words, ", {key} {}", expression.source());
            }
        }
        words
    }

    /// A flowchart, from top to bottom.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = format!("flowchart TD\n  begin([{}])\n", quoted(&self.begins_with()));
        let end = self.program.len();
        let name = |at: usize| match at {
            at if at == self.closing_at || at == end => "done".to_owned(),
            at => format!("s{at}"),
        };
        // Writing into memory does not fail.
        let _ = writeln!(out, "  begin --> {}", name(0));
        for (at, step) in self.program.iter().enumerate() {
            let words = quoted(&words(step));
            let _ = match step.kind {
                Kind::If { .. } | Kind::Choose { .. } => writeln!(out, "  s{at}{{{words}}}"),
                Kind::Ask(_) | Kind::Wait(_) => writeln!(out, "  s{at}[/{words}/]"),
                Kind::Each(_) => writeln!(out, "  s{at}[[{words}]]"),
                _ => writeln!(out, "  s{at}[{words}]"),
            };
            self.arrows(at, step, &name, &mut out);
        }
        out.push_str("  done([done])\n");
        if self.closing_at < end {
            let _ = writeln!(out, "  failed([failed for good]) -.-> s{}", self.closing_at);
        }
        out
    }

    fn arrows(&self, at: usize, step: &Step, name: &dyn Fn(usize) -> String, out: &mut String) {
        let mut arrow = |words: &str, target: usize| {
            let _ = writeln!(out, "  s{at} -->|{words}| {}", name(target));
        };
        match &step.kind {
            Kind::If {
                then_at, else_at, ..
            } => {
                arrow("then", *then_at);
                arrow("else", *else_at);
            }
            Kind::Choose {
                cases,
                otherwise_at,
            } => {
                for case in cases {
                    arrow(&quoted(case.when.source()), case.at);
                }
                arrow("otherwise", *otherwise_at);
            }
            Kind::Each(_) => {
                arrow("every item", at + 1);
                let _ = writeln!(out, "  s{at} --> {}", name(step.next));
            }
            Kind::Return(_) => out.push_str(&format!("  s{at} --> done\n")),
            Kind::Fail(_) => {}
            _ => {
                let _ = writeln!(out, "  s{at} --> {}", name(step.next));
            }
        }
        if let Some(handler) = step.on_failure {
            let _ = writeln!(out, "  s{at} -.->|on-failure| s{handler}");
        }
        if let Some(undo) = &step.undo {
            let words = quoted(&format!("undo: {}.{}", undo.call.system, undo.call.action));
            let _ = writeln!(out, "  s{at} -.- u{at}[{words}]");
        }
    }
}

/// `stock: call erp.item.stock`.
fn words(step: &Step) -> String {
    let (kind, what) = step.kind.words();
    let named = !step.id.starts_with(|letter: char| letter.is_ascii_digit());
    let id = if named && !step.id.starts_with("on-failure.") {
        format!("{}: ", step.id)
    } else {
        String::new()
    };
    let mut words = format!("{id}{kind} {what}");
    if let Kind::Each(each) = &step.kind
        && each.at_most > 1
    {
        let _ = write!(words, ", {} at a time", each.at_most);
    }
    if let Kind::Wait(wait) = &step.kind
        && let Some(when) = &wait.when
    {
        let _ = write!(words, " when {}", when.source());
    }
    words.trim_end().to_owned()
}

/// A label of Mermaid: in quotes, with its own ones as entities.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('&', "#amp;")
            .replace('"', "#quot;")
            .replace('<', "#lt;")
    )
}
