//! What a flow would do with an event, without doing it: the state machine with results that were recorded when the event
//! was carried out before, and `{}` where none was. Reaches no system and writes nothing.

use serde::Serialize;

use crate::walk::{Ground, Stop, Walk};

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The run it would be.
    pub run: String,
    /// In order.
    pub calls: Vec<DryCall>,
    /// Types of the events it would emit.
    pub emits: Vec<String>,
    /// Links it would make: `customer: crm C-7, erp 10042`.
    pub links: Vec<String>,
    /// How it would end, or for what it would wait.
    pub ends: String,
}

/// A call that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryCall {
    /// The step.
    pub step: String,
    /// `erp.item.stock`.
    pub what: String,
    /// JSON.
    pub input: String,
    /// Whether its result was recorded before; else `{}` was assumed.
    pub recorded: bool,
}

/// Goes through the flow.
pub(super) fn tried(ground: Ground<'_>) -> DryRun {
    let mut walk = Walk::new(ground);
    let mut calls = Vec::new();
    let ends = loop {
        match walk.go_on() {
            Stop::End(ends) => break ends,
            Stop::Call(wanted) => {
                calls.push(DryCall {
                    step: wanted.step.clone(),
                    what: format!("{}.{}", wanted.system, wanted.action),
                    input: wanted.input.clone(),
                    recorded: walk.recorded(&wanted).is_some(),
                });
                walk.as_recorded(&wanted);
            }
        }
    };
    DryRun {
        run: ground.run.to_owned(),
        calls,
        emits: walk.emits(),
        links: walk.links().to_vec(),
        ends,
    }
}
