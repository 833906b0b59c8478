//! What flows can ask the host itself for: actions of a system named `tombolo`, which is always there.
//!
//! | action | does |
//! |---|---|
//! | `task.answer` | answers a task for a person of the site whom a system knows by an id; refuses who may not |
//! | `person.find` | people of the site by role, or by the id of a system |

mod person;
mod task;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock, Weak};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tombolo_kernel::failure::{Failure, FieldProblem};
use tombolo_kernel::system::{ActionCall, ActionOffer, Actor, Outcome, Systems, Terms};
use tombolo_manifest::Effect;

use crate::core::Core;

/// The name of the system that is the host.
pub(crate) const NAME: &str = "tombolo";

static OFFERS: LazyLock<BTreeMap<&'static str, Arc<ActionOffer>>> = LazyLock::new(|| {
    let offer = |effect, summary: &str, input: Value| {
        Arc::new(ActionOffer {
            effect,
            summary: summary.to_owned(),
            input: Some(input),
            output: None,
        })
    };
    let text = json!({ "type": "string", "minLength": 1 });
    BTreeMap::from([
        (
            "task.answer",
            offer(
                Effect::Write,
                "Answers a task for the person whom a system knows by an id, if they may",
                json!({
                    "type": "object",
                    "required": ["task", "answer", "by"],
                    "additionalProperties": false,
                    "properties": {
                        "task": text, "answer": { "type": "string" }, "comment": { "type": "string" },
                        "by": { "type": "object", "required": ["system", "id"], "additionalProperties": false, "properties": { "system": text, "id": text } },
                    },
                }),
            ),
        ),
        (
            "person.find",
            offer(
                Effect::Read,
                "People of the site who have a role, or whom a system knows by an id",
                json!({
                    "type": "object",
                    "additionalProperties": false,
                    "properties": { "role": text, "system": text, "id": text },
                    "dependentRequired": { "id": ["system"] },
                }),
            ),
        ),
    ])
});

/// What one of the host's own actions is.
pub(crate) fn offer(action: &str) -> Option<Arc<ActionOffer>> {
    OFFERS.get(action).cloned()
}

/// The systems, and the host as one of them.
pub(crate) struct WithOwn {
    systems: Arc<Systems>,
    /// There once the host runs; it has the engine, and the engine has this.
    core: OnceLock<Weak<Core>>,
}

impl WithOwn {
    /// These systems; the host follows.
    pub(crate) fn new(systems: Arc<Systems>) -> Self {
        Self {
            systems,
            core: OnceLock::new(),
        }
    }

    /// The host is there.
    pub(crate) fn begin(&self, core: &Arc<Core>) {
        let _ = self.core.set(Arc::downgrade(core));
    }

    async fn own(&self, call: ActionCall) -> Result<String, Failure> {
        let core = self.core.get().and_then(Weak::upgrade);
        let core = core.ok_or_else(|| Failure::Unavailable {
            message: "the host is starting or stopping".to_owned(),
            retry_after_ms: None,
        })?;
        match call.action.as_str() {
            "task.answer" => task::answer(&core, &input(&call)?, &call.cause).await,
            "person.find" => person::find(&core, &input(&call)?),
            other => Err(Failure::NotOffered {
                message: format!("the host has no action `{other}`"),
            }),
        }
    }
}

impl Actor for WithOwn {
    fn act<'a>(&'a self, system: &'a str, call: ActionCall) -> BoxFuture<'a, Outcome<String>> {
        if system != NAME {
            return self.systems.act(system, call);
        }
        async move {
            match self.own(call).await {
                Ok(result) => Outcome {
                    result: Ok(result),
                    crashed: false,
                    outward: Vec::new(),
                    guest_micros: 0,
                },
                Err(failure) => Outcome::refused(failure),
            }
        }
        .boxed()
    }

    fn terms(&self, system: &str, action: &str, lane: Option<u64>) -> Terms {
        if system == NAME {
            return Terms {
                offer: offer(action),
                fields: None,
            };
        }
        self.systems.terms(system, action, lane)
    }

    fn rests(&self, system: &str) -> Option<String> {
        self.systems.rests(system)
    }

    fn offer(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        match system {
            NAME => offer(action),
            _ => self.systems.offer(system, action),
        }
    }
}

fn input<T: DeserializeOwned>(call: &ActionCall) -> Result<T, Failure> {
    serde_json::from_str(&call.input).map_err(|error| refused("", error.to_string()))
}

fn refused(path: &str, message: String) -> Failure {
    Failure::InvalidInput {
        problems: vec![FieldProblem {
            path: path.to_owned(),
            message,
        }],
    }
}
