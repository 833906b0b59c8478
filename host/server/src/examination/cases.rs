//! The cases of a profile, carried out one after the other.

use serde_json::{Value, json};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::schema::InputSchema;
use tombolo_manifest::{Case, Effect, Profile, ProfileAction};

use super::live::Live;
use super::values::Values;
use super::{Finding, Verdict};

/// Letters of a note.
const NOTE: usize = 300;

/// Carries out the cases of one profile.
pub(super) async fn carry_out(
    live: &Live,
    profile: &'static Profile,
    writes: bool,
    values: &mut Values,
    findings: &mut Vec<Finding>,
) {
    for (number, case) in profile.cases.iter().enumerate() {
        let Some(action) = profile.actions.get(&case.call) else {
            continue;
        };
        let one = One {
            live,
            case,
            action,
            key: format!("check-{}-{number}", values.unique()),
        };
        let (outcome, note) = one.carry_out(writes, values).await;
        findings.push(Finding::new(
            &profile.name,
            one.words(),
            outcome,
            cut(&note),
        ));
    }
}

struct One<'c> {
    live: &'c Live,
    case: &'c Case,
    action: &'static ProfileAction,
    key: String,
}

impl One<'_> {
    /// What is looked at.
    fn words(&self) -> String {
        let call = &self.case.call;
        match self.case {
            Case { fails, .. } if !fails.is_empty() => format!("{call} is refused right"),
            Case { twice: Some(_), .. } => format!("{call} twice under one key"),
            Case { items: Some(_), .. } => format!("{call} page by page"),
            _ => call.clone(),
        }
    }

    async fn carry_out(&self, writes: bool, values: &mut Values) -> (Verdict, String) {
        let case = self.case;
        if !self.live.offers(&case.call) {
            return (Verdict::Skipped, "not offered; it is optional".to_owned());
        }
        // What is refused changes nothing, or the case fails.
        if self.action.effect != Effect::Read && !writes {
            return (
                Verdict::Skipped,
                "it writes into the system; say --writes".to_owned(),
            );
        }
        let input = if case.with.is_null() {
            json!({})
        } else {
            case.with.clone()
        };
        let input = match values.fill(&input) {
            Ok(input) => input,
            Err(name) => return (Verdict::Skipped, format!("it needs --given {name}=VALUE")),
        };
        if case.items.is_some() {
            return self.list(input, values).await;
        }
        let first = self.live.call(&case.call, &input, &self.key).await;
        if !case.fails.is_empty() {
            return self.refused(first.as_ref());
        }
        let answer = match self.fitting(first) {
            Ok(answer) => answer,
            Err(note) => return (Verdict::Failed, note),
        };
        let mut note = shown(&answer);
        if let Some(pointer) = &case.twice {
            let again = match self.fitting(self.live.call(&case.call, &input, &self.key).await) {
                Ok(again) => again,
                Err(note) => return (Verdict::Failed, format!("the second time: {note}")),
            };
            let (one, two) = (answer.pointer(pointer), again.pointer(pointer));
            if one != two {
                let show =
                    |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                return (
                    Verdict::Failed,
                    format!(
                        "{pointer} is {} the first time and {} the second: a call that is repeated does its work twice",
                        show(one),
                        show(two)
                    ),
                );
            }
            note = format!("the same {pointer} both times; {note}");
        }
        if let Some(name) = &case.keep {
            values.keep(name, answer);
        }
        (Verdict::Passed, note)
    }

    fn refused(&self, answer: Result<&Value, &Failure>) -> (Verdict, String) {
        let expected = self.case.fails.join(" or ");
        match answer {
            Err(failure) if self.case.fails.iter().any(|kind| kind == failure.kind()) => {
                (Verdict::Passed, told(failure))
            }
            Err(other) => (
                Verdict::Failed,
                format!("expected {expected}, found {}", told(other)),
            ),
            Ok(answer) => (
                Verdict::Failed,
                format!("expected {expected}, it went well: {}", shown(answer)),
            ),
        }
    }

    /// The answer, where it went well and says what the profile says.
    fn fitting(&self, answer: Result<Value, Failure>) -> Result<Value, String> {
        let answer = answer.map_err(|failure| told(&failure))?;
        let schema = InputSchema::compile(&self.action.output)
            .map_err(|error| format!("the profile's own schema: {error}"))?;
        let problems = schema.problems(&answer, limits::FIELD_PROBLEMS);
        if problems.is_empty() {
            return Ok(answer);
        }
        let words: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect();
        Err(format!(
            "the answer does not fit the profile: {}",
            words.join("; ")
        ))
    }

    async fn list(&self, mut input: Value, values: &mut Values) -> (Verdict, String) {
        let pointer = self.case.items.as_deref().unwrap_or_default();
        let mut seen: Vec<Value> = Vec::new();
        input["limit"] = json!(1);
        for page in ["first", "second"] {
            let answer = self.live.call(&self.case.call, &input, &self.key).await;
            let answer = match self.fitting(answer) {
                Ok(answer) => answer,
                Err(note) => return (Verdict::Failed, format!("the {page} page: {note}")),
            };
            let items = answer.pointer(pointer).and_then(Value::as_array);
            let items = items.cloned().unwrap_or_default();
            if items.len() > 1 {
                return (
                    Verdict::Failed,
                    format!(
                        "found {} on the {page} page, expected one: `limit` was 1",
                        items.len()
                    ),
                );
            }
            if let Some(again) = items.iter().find(|item| seen.contains(item)) {
                return (
                    Verdict::Failed,
                    format!(
                        "the {page} page has once more what the first had: {}",
                        shown(again)
                    ),
                );
            }
            seen.extend(items);
            match answer.get("next").filter(|next| !next.is_null()) {
                Some(next) => input["after"] = next.clone(),
                None => break,
            }
        }
        let count = seen.len();
        if let (Some(name), Some(first)) = (&self.case.keep, seen.into_iter().next()) {
            values.keep(name, first);
        }
        match count {
            0 => (Verdict::Noted, "there is none in the system".to_owned()),
            1 => (Verdict::Passed, "one, and no more".to_owned()),
            _ => (Verdict::Passed, "two pages, each with another".to_owned()),
        }
    }
}

/// A failure in words: its kind and what it says.
pub(super) fn told(failure: &Failure) -> String {
    failure.to_string()
}

fn shown(value: &Value) -> String {
    value.to_string()
}

pub(super) fn cut(text: &str) -> String {
    if text.len() <= NOTE {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(NOTE)])
}
