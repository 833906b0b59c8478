//! Systems that do what a test says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::{ActionCall, ActionOffer, Actor, Outcome};
use tombolo_manifest::Effect;

/// How a call goes: how long it takes, and its end.
pub(super) type Script =
    dyn Fn(&str, &ActionCall) -> (Duration, Result<String, Failure>) + Send + Sync;

/// Carries out actions by a script, and remembers them. Actions that begin with `get` read, all others write.
pub(super) struct ScriptedActor {
    script: Box<Script>,
    input: Option<serde_json::Value>,
    calls: Mutex<Vec<Called>>,
    under_way: Mutex<(usize, usize)>,
}

/// A call that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) what: String,
    pub(super) input: String,
    pub(super) key: String,
    pub(super) attempt: u32,
    /// A version that is on trial may take it.
    pub(super) may_try: bool,
}

impl ScriptedActor {
    pub(super) fn new(
        script: impl Fn(&str, &ActionCall) -> (Duration, Result<String, Failure>)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            script: Box::new(script),
            input: None,
            calls: Mutex::default(),
            under_way: Mutex::default(),
        }
    }

    /// Does everything at once, with this result.
    pub(super) fn answering(result: &'static str) -> Self {
        Self::new(move |_, _| (Duration::ZERO, Ok(result.to_owned())))
    }

    /// Takes a second for everything.
    pub(super) fn taking_a_second() -> Self {
        Self::new(|_, _| (Duration::from_secs(1), Ok("{}".to_owned())))
    }

    /// Fails the first `times` attempts of every call.
    pub(super) fn failing(times: u32, failure: Failure) -> Self {
        Self::new(move |_, call| {
            let result = if call.attempt <= times {
                Err(failure.clone())
            } else {
                Ok("{}".to_owned())
            };
            (Duration::ZERO, result)
        })
    }

    /// With this input schema on every action.
    pub(super) fn with_input(mut self, schema: serde_json::Value) -> Self {
        self.input = Some(schema);
        self
    }

    pub(super) fn calls(&self) -> Vec<Called> {
        self.calls.lock().clone()
    }

    pub(super) fn inputs(&self) -> Vec<String> {
        self.calls
            .lock()
            .iter()
            .map(|call| call.input.clone())
            .collect()
    }

    /// The most calls that were under way at a time.
    pub(super) fn most_at_a_time(&self) -> usize {
        self.under_way.lock().1
    }
}

impl Actor for ScriptedActor {
    fn act<'a>(&'a self, system: &'a str, call: ActionCall) -> BoxFuture<'a, Outcome<String>> {
        Box::pin(async move {
            let what = format!("{system}.{}", call.action);
            let (input, key) = (call.input.clone(), call.idempotency_key.clone());
            self.calls.lock().push(Called {
                what: what.clone(),
                input,
                key,
                attempt: call.attempt,
                may_try: call.lane.is_some(),
            });
            let (takes, result) = (self.script)(&what, &call);
            {
                let mut under_way = self.under_way.lock();
                under_way.0 += 1;
                under_way.1 = under_way.1.max(under_way.0);
            }
            if takes == Duration::MAX {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(takes).await; // reason: simulated
            self.under_way.lock().0 -= 1;
            Outcome {
                result,
                crashed: false,
                outward: Vec::new(),
                guest_micros: 0,
            }
        })
    }

    fn offer(&self, _system: &str, action: &str) -> Option<Arc<ActionOffer>> {
        let effect = if action.starts_with("get") {
            Effect::Read
        } else {
            Effect::Write
        };
        Some(Arc::new(ActionOffer {
            effect,
            summary: String::new(),
            input: self.input.clone(),
            output: None,
        }))
    }
}
