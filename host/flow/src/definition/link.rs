//! Flows that call flows: a flow is kept with all it calls, so that a run finishes on what it began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tombolo_kernel::limits;

use super::{Flow, FlowSet, Kind, SubFlow, digest};
use crate::expression::Template;
use crate::problem::{Problem, did_you_mean};

/// How a flow with its parts is kept; one without any is kept as its text.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    flow: String,
    parts: BTreeMap<String, String>,
}

/// Gives every flow the flows it calls. What is not there, or calls itself, is left out: [`check_flow_call`] tells it.
pub(super) fn link(flows: Vec<Flow>) -> Vec<Flow> {
    let texts: BTreeMap<String, String> = flows
        .iter()
        .map(|flow| (flow.name.clone(), flow.text.clone()))
        .collect();
    let calls: BTreeMap<String, Vec<String>> = flows
        .iter()
        .map(|flow| (flow.name.clone(), called_by(flow)))
        .collect();
    let mut linked = Vec::new();
    for flow in flows {
        let mut names = BTreeSet::new();
        let mut open = calls.get(&flow.name).cloned().unwrap_or_default();
        while let Some(name) = open.pop() {
            if texts.contains_key(&name) && names.insert(name.clone()) {
                open.extend(calls.get(&name).cloned().unwrap_or_default());
            }
        }
        let parts = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), texts.get(&name)?.clone())));
        linked.push(with_parts(flow, parts.collect()));
    }
    linked
}

fn called_by(flow: &Flow) -> Vec<String> {
    let called = flow.program.iter().filter_map(|step| match &step.kind {
        Kind::Flow(call) => Some(call.name.clone()),
        _ => None,
    });
    called.collect()
}

fn with_parts(mut flow: Flow, parts: BTreeMap<String, String>) -> Flow {
    if parts.is_empty() {
        return flow;
    }
    for (name, text) in &parts {
        // It was read before, from the same text.
        if let Ok(part) = Flow::parse(&format!("flows/{name}.yaml"), text) {
            flow.parts.insert(name.clone(), Arc::new(part));
        }
    }
    let bundle = Bundle {
        flow: flow.text.clone(),
        parts,
    };
    // Texts under text keys: writing them into memory does not fail.
    flow.text = serde_json::to_string(&bundle).unwrap_or_default();
    flow.version = digest(&flow.text);
    flow
}

impl Flow {
    /// Reads a flow as it was kept: its text, or its text and those of the flows it calls.
    ///
    /// # Errors
    /// What no longer reads.
    pub fn restore(file: &str, kept: &str) -> Result<Self, Vec<Problem>> {
        match serde_json::from_str::<Bundle>(kept) {
            Ok(bundle) => {
                let flow = Self::parse(file, &bundle.flow)?;
                for (name, text) in &bundle.parts {
                    Self::parse(&format!("flows/{name}.yaml"), text)?;
                }
                Ok(with_parts(flow, bundle.parts))
            }
            Err(_) => Self::parse(file, kept),
        }
    }
}

/// What is wrong with the call of a flow.
pub(super) fn check_flow_call(flow: &Flow, call: &SubFlow, set: &FlowSet) -> Option<String> {
    let name = &call.name;
    let Some(called) = set.get(name) else {
        let known: Vec<&str> = set
            .flows()
            .filter(|flow| flow.takes.is_some())
            .map(|flow| flow.name.as_str())
            .collect();
        let near = did_you_mean(name, known.iter().copied());
        let known = if known.is_empty() {
            "the site has none".to_owned()
        } else {
            known.join(", ")
        };
        return Some(format!(
            "call: there is no flow \"{name}\"; flows that can be called: {known}{near}"
        ));
    };
    if called.parts.contains_key(&flow.name) || *name == flow.name {
        return Some(format!(
            "call: the flow \"{name}\" leads back to \"{}\": flows cannot call each other in a circle",
            flow.name
        ));
    }
    let depth = depth(called, set, 1);
    if depth > limits::FLOW_CALLS_DEPTH {
        let most = limits::FLOW_CALLS_DEPTH;
        return Some(format!(
            "call: flows call flows {depth} deep here, expected at most {most}"
        ));
    }
    let Some(takes) = &called.takes else {
        return Some(format!(
            "call: the flow \"{name}\" does not say what it takes, expected `takes: [...]` in {}",
            called.file
        ));
    };
    let given: Vec<String> = match &call.with {
        Template::Map(fields) => fields
            .iter()
            .filter_map(|(key, _)| serde_json::from_str(key.trim_end_matches(':')).ok())
            .collect(),
        Template::Fixed(text) => {
            let fields: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).ok()?;
            fields.keys().cloned().collect()
        }
        _ => return None,
    };
    let names = |names: &[String]| match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    let missing = takes.iter().find(|name| !given.contains(name));
    let unknown = given.iter().find(|name| !takes.contains(name));
    match (missing, unknown) {
        (Some(missing), _) => Some(format!(
            "with: \"{missing}\" is missing; the flow \"{name}\" takes {}",
            names(takes)
        )),
        (None, Some(unknown)) => {
            let near = did_you_mean(unknown, takes.iter().map(String::as_str));
            Some(format!(
                "with: found \"{unknown}\", the flow \"{name}\" takes {}{near}",
                names(takes)
            ))
        }
        _ => None,
    }
}

fn depth(flow: &Flow, set: &FlowSet, above: usize) -> usize {
    if above > limits::FLOW_CALLS_DEPTH {
        return above;
    }
    let called = called_by(flow);
    let called = called.iter().filter_map(|name| set.get(name));
    called
        .map(|flow| depth(flow, set, above + 1))
        .max()
        .unwrap_or(above)
}
