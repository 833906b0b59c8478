//! Several requests, one after another: what a step found is at hand for those behind it.

use tombolo_sdk::json::{Pointers, push_string, scalar};
use tombolo_sdk::{ActionCall, Failure, Json};

use crate::operation::Operation;
use crate::options::{ConditionOptions, Options, StepOptions};
use crate::outcome::says_yes;

/// Steps of one action: each is a request in the time of one call.
const MOST: usize = 10;

/// An action's `steps`, made ready.
pub(crate) struct Steps(Vec<Step>);

struct Step {
    name: Option<String>,
    when: Option<Condition>,
    unless: Option<Condition>,
    operation: Operation,
}

/// That a value is there and says yes, or is one of these words.
struct Condition {
    pointers: Pointers,
    slot: usize,
    words: Vec<String>,
}

impl Steps {
    pub(crate) fn compile(steps: Vec<StepOptions>) -> Result<Self, String> {
        if steps.is_empty() || steps.len() > MOST {
            return Err(format!(
                "steps: found {}; expected 1 to {MOST}",
                steps.len()
            ));
        }
        steps
            .into_iter()
            .enumerate()
            .map(|(index, step)| {
                Step::compile(step).map_err(|problem| format!("steps.{index}: {problem}"))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The result of the last step that ran.
    pub(crate) fn run(&self, call: &ActionCall) -> Result<Json, Failure> {
        let mut results = String::new();
        let mut last = "null".to_owned();
        for step in &self.0 {
            let input = with_results(&call.input, &results)?;
            if !step.is_due(&input)? {
                continue;
            }
            last = step.operation.run(&input, &call.idempotency_key)?;
            if let Some(name) = &step.name {
                if !results.is_empty() {
                    results.push(',');
                }
                push_string(&mut results, name);
                results.push(':');
                results.push_str(&last);
            }
        }
        Ok(last)
    }
}

impl Step {
    fn compile(options: StepOptions) -> Result<Self, String> {
        let condition = |name: &str, options: Option<ConditionOptions>| {
            options
                .map(Condition::compile)
                .transpose()
                .map_err(|problem| format!("{name}: {problem}"))
        };
        let request: Options = options.request;
        Ok(Self {
            name: options.name,
            when: condition("when", options.when)?,
            unless: condition("unless", options.unless)?,
            operation: Operation::compile(request)?,
        })
    }

    fn is_due(&self, input: &str) -> Result<bool, Failure> {
        let holds = |condition: &Option<Condition>, without: bool| {
            condition
                .as_ref()
                .map_or(Ok(without), |condition| condition.holds(input))
        };
        Ok(holds(&self.when, true)? && !holds(&self.unless, false)?)
    }
}

impl Condition {
    fn compile(options: ConditionOptions) -> Result<Self, String> {
        let (pointer, words) = match options {
            ConditionOptions::There(pointer) => (pointer, Vec::new()),
            ConditionOptions::Is { pointer, is } => (pointer, is),
        };
        let mut pointers = Pointers::new();
        let slot = pointers.add(&pointer)?;
        Ok(Self {
            pointers,
            slot,
            words,
        })
    }

    fn holds(&self, input: &str) -> Result<bool, Failure> {
        let found = self
            .pointers
            .find(input)
            .map_err(|error| Failure::invalid_input("", error.to_string()))?;
        Ok(found.get(self.slot).is_some_and(|raw| {
            if self.words.is_empty() {
                says_yes(raw)
            } else {
                scalar(raw).is_some_and(|text| self.words.iter().any(|word| *word == text))
            }
        }))
    }
}

/// The input with what the steps before found, as its last member: of two with one name the last counts.
fn with_results(input: &str, results: &str) -> Result<String, Failure> {
    let members = input
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(|| Failure::invalid_input("", "expected an object"))?;
    let comma = if members.trim().is_empty() { "" } else { "," };
    Ok(format!("{{{members}{comma}\"steps\":{{{results}}}}}"))
}
