//! One action: its steps, one after another, and what of them is its result.

use std::rc::Rc;

use tombolo_sdk::json::push_string;
use tombolo_sdk::{ActionCall, Failure, Json};

use crate::Entities;
use crate::client::Client;
use crate::context::{Context, Hole};
use crate::options::StepOptions;
use crate::step::Step;

/// Steps of one action: each is a request at least, and a call makes at most 2,000.
const STEPS: usize = 20;

/// An action's `do`, made ready.
pub(crate) struct Action {
    steps: Vec<Step>,
    result: Option<Hole>,
}

impl Action {
    pub(crate) fn compile(
        mut options: StepOptions,
        client: &Rc<Client>,
        entities: &Entities,
    ) -> Result<Self, String> {
        let result = options.result.take();
        let (steps, is_many) = match options.steps.take() {
            Some(steps) => (steps, true),
            None => (vec![options], false),
        };
        if steps.is_empty() || steps.len() > STEPS {
            return Err(format!(
                "steps: found {}, expected 1 to {STEPS}",
                steps.len()
            ));
        }
        let mut ready: Vec<Step> = Vec::new();
        for (index, options) in steps.into_iter().enumerate() {
            let at = |problem: String| {
                if is_many {
                    format!("steps[{index}].{problem}")
                } else {
                    problem
                }
            };
            if options.steps.is_some() || options.result.is_some() {
                return Err(at("steps: stand at the beginning of `do` alone".to_owned()));
            }
            ready.push(Step::compile(options, client, entities).map_err(at)?);
        }
        let result = result
            .map(|draft| Hole::compile(&draft))
            .transpose()
            .map_err(|problem| format!("result: {problem}"))?;
        Ok(Self {
            steps: ready,
            result,
        })
    }

    pub(crate) fn run(&self, call: &ActionCall) -> Result<Json, Failure> {
        let input = Context::new(&call.input, &call.idempotency_key);
        let mut context = input.clone();
        let mut results = String::from("{");
        let mut last = None;
        for step in &self.steps {
            last = step.run(&context)?;
            if let (Some(name), Some(raw)) = (&step.name, &last) {
                if results.len() > 1 {
                    results.push(',');
                }
                push_string(&mut results, name);
                results.push(':');
                results.push_str(raw);
                context = input.with("steps", &format!("{results}}}"));
            }
        }
        let result = match &self.result {
            Some(hole) => hole.raw(&context)?,
            None => last,
        };
        Ok(result.unwrap_or_else(|| "null".to_owned()))
    }
}
