//! A system tried with what was recorded, before anybody approves it: its real adapter in the real sandbox, every use
//! decided by the real grant, and nothing outside reached. No host runs, no secret is read, no connection is opened.
//!
//! Events go through the site's flows, whose own conditions and inputs decide which actions of the system they lead to.

mod given;
mod leading;
mod outside;
mod recorded;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tombolo_kernel::clock::{Clock as _, MachineClock};
use tombolo_kernel::failure::{Failure, FieldProblem};
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::grant::{self, Grant, Item};
use tombolo_kernel::limits;
use tombolo_kernel::sandbox::{CompileConfig, Engine, EngineError};
use tombolo_kernel::schema::InputSchema;
use tombolo_kernel::system::{
    ActionCall, Actor, ConnectError, Inbound, MESSAGE, Outcome, Surroundings, Systems,
};

use crate::site::{Site, SystemPlan};
use outside::{Listener, NoBrokers};

pub(crate) use outside::Values;

pub use outside::Reach;
pub use recorded::{Delivery, Recorded, What, read};

/// Events of a page of a feed.
const PAGE: u32 = 100;
/// Bytes of an answer that are told.
const TOLD: usize = 4 << 10;

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No place for compiled code.
    #[error(
        "cannot make a folder for compiled code: {0}; make the folder for temporary files writable"
    )]
    Folder(#[from] std::io::Error),
    /// No sandbox.
    #[error("cannot start the sandbox: {0}")]
    Sandbox(#[from] EngineError),
    /// The system does not start even so.
    #[error("nothing is tried: {0}")]
    Connect(#[from] ConnectError),
}

/// What came of it all.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which grant decided, for people.
    pub grant: String,
    /// In the order of the file.
    pub tried: Vec<Tried>,
    /// Every item that was in force and is counted, and how often it allowed something.
    pub items: Vec<Used>,
    /// Wishes that were not given.
    pub not_given: Vec<Item>,
}

/// What came of one recorded thing.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// Its line in the file.
    pub line: usize,
    /// `event 7 device.alarm`.
    pub what: String,
    /// Calls of the system.
    pub calls: Vec<TriedCall>,
    /// What could not be tried, and why; what was not meant.
    pub notes: Vec<String>,
}

/// One call of the system.
#[derive(Debug, Default, Serialize)]
pub struct TriedCall {
    /// `action item.stock`, `hook orders`.
    pub what: String,
    /// The run and step that it would be of: `7.order/stock`; empty where it was recorded as a call.
    pub step: String,
    /// What reached the adapter, JSON; empty where it got no JSON from here.
    pub input: String,
    /// In order.
    pub reaches: Vec<Reach>,
    /// Types of the events that it made.
    pub events: Vec<String>,
    /// What it answered, JSON, cut.
    pub result: Option<String>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// The adapter broke.
    pub crashed: bool,
}

/// How often an item allowed something.
#[derive(Debug, Serialize)]
pub struct Used {
    /// Its id.
    pub id: String,
    /// In plain words.
    pub sentence: String,
    /// Times.
    pub count: u64,
}

/// A system that is tried.
struct Trial<'s> {
    site: &'s Site,
    name: &'s str,
    plan: &'s SystemPlan,
    systems: Arc<Systems>,
    listener: Arc<Listener>,
}

/// Tries a system of the site with everything that was recorded, one after the other. `child` compiles.
///
/// # Errors
/// See [`TrialError`]; what an adapter does is none.
pub async fn tried(
    site: &Site,
    plan: &SystemPlan,
    grant: Option<&Grant>,
    recorded: Vec<Recorded>,
    child: (PathBuf, Vec<String>),
) -> Result<Report, TrialError> {
    let wishes = grant::wishes(&plan.bare);
    let given = given::given(&wishes, grant);
    let folder = tempfile::tempdir()?;
    let listener = Arc::new(Listener::default());
    let compile = CompileConfig {
        cache: folder.path().join("cache"),
        child,
    };
    let systems = Systems::new(Surroundings {
        engine: Arc::new(Engine::new(compile)?),
        clock: Arc::new(MachineClock),
        audit: Arc::clone(&listener) as _,
        key_values: Arc::new(Values::default()),
        brokers: Arc::new(NoBrokers),
        only_tried: true,
    });
    let mut spec = plan.bare.clone();
    // Whether the approvals are enough is asked when somebody approves.
    spec.review = Arc::default();
    systems.connect(spec, Some(&given)).await?;
    let name = plan.bare.name.as_str();
    if let Some((_, uses)) = systems.uses(name) {
        listener.listen(uses);
    }
    let trial = Trial {
        site,
        name,
        plan,
        systems,
        listener,
    };
    let mut tried = Vec::with_capacity(recorded.len());
    for one in recorded {
        tried.push(trial.one(one).await);
    }
    let uses = trial.systems.uses(name).map(|(_, uses)| uses);
    let counts = uses.iter().flat_map(|uses| uses.counts());
    Ok(Report {
        grant: given::words(&wishes, grant, MachineClock.now_ms()),
        tried,
        items: counts
            .filter(|(item, _)| item.is_counted())
            .map(|(item, count)| Used {
                id: item.id(),
                sentence: grant::sentence(item),
                count,
            })
            .collect(),
        not_given: given.refused,
    })
}

impl Trial<'_> {
    async fn one(&self, Recorded { line, what }: Recorded) -> Tried {
        let (what, calls, notes) = match what {
            What::Event { seq, event } => {
                let shown = match seq {
                    Some(seq) => format!("event {seq} {}", event.kind),
                    None => format!("event {} {}", event.id, event.kind),
                };
                let seq = seq.or_else(|| i64::try_from(line).ok()).unwrap_or(0);
                let (calls, notes) = self.event(seq, event).await;
                (shown, calls, notes)
            }
            What::Run {
                run,
                flow,
                seq,
                event,
                trace,
            } => {
                let (calls, notes) = self.run(&run, &flow, seq, event, &trace).await;
                (format!("run {run}"), calls, notes)
            }
            What::Action { action, input } => {
                let shown = format!("action {action}");
                let sources = [input.clone()];
                let call = self.act(&action, input, &sources, "").await.0;
                (shown, vec![call], Vec::new())
            }
            What::Hook(delivery) => {
                let shown = format!("hook {}", delivery.hook);
                (shown, vec![self.hook(delivery).await], Vec::new())
            }
            What::Feed { feed, cursor } => {
                let page = self.systems.read(self.name, &feed, cursor, PAGE).await;
                let shown = format!("feed {feed}");
                let made = |page: &tombolo_kernel::system::Page| kinds(&page.events);
                let call = self.ended(&shown, page, made);
                (shown, vec![call], Vec::new())
            }
        };
        Tried {
            line,
            what,
            calls,
            notes,
        }
    }

    /// One call of an action, and its whole result. `sources`: JSON that may hold what is kept back from the system.
    async fn act(
        &self,
        action: &str,
        input: String,
        sources: &[String],
        step: &str,
    ) -> (TriedCall, Result<String, Failure>) {
        // A system that crashed again and again is asked again all the same.
        self.systems.enable(self.name);
        let shown = format!("action {action}");
        let fields = self.systems.terms(self.name, action, None).fields;
        let reaching = fields
            .as_ref()
            .and_then(|fields| fields.apply(&input).ok())
            .unwrap_or_else(|| input.clone());
        let outcome = match self.problems(action, &input) {
            problems if !problems.is_empty() => {
                Outcome::refused(Failure::InvalidInput { problems })
            }
            _ => {
                let withheld = match fields {
                    Some(fields) => Gathered::by(fields, sources.iter().map(String::as_str)),
                    None => Gathered::By(None),
                };
                let call = ActionCall {
                    action: action.to_owned(),
                    input,
                    idempotency_key: format!("trial-{step}"),
                    attempt: 1,
                    cause: step.to_owned(),
                    depth: 0,
                    withheld,
                    lane: None,
                };
                self.systems.act(self.name, call).await
            }
        };
        let whole = outcome.result.clone();
        let call = self.ended(&shown, outcome, |_| Vec::new());
        let call = TriedCall {
            step: step.to_owned(),
            input: reaching,
            result: whole.as_ref().ok().map(|result| told(result)),
            ..call
        };
        (call, whole)
    }

    /// What the action's schema says of an input, as the host checks it before every call.
    fn problems(&self, action: &str, input: &str) -> Vec<FieldProblem> {
        let offer = self.plan.bare.actions.get(action);
        let Some(schema) = offer.and_then(|offer| offer.input.as_ref()) else {
            return Vec::new();
        };
        match (InputSchema::compile(schema), serde_json::from_str(input)) {
            (Ok(schema), Ok(input)) => schema.problems(&input, limits::FIELD_PROBLEMS),
            _ => Vec::new(),
        }
    }

    async fn hook(&self, delivery: Delivery) -> TriedCall {
        self.systems.enable(self.name);
        let shown = format!("hook {}", delivery.hook);
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        let from_broker = self.plan.bare.subscriptions.contains_key(&delivery.hook);
        let method = if from_broker { MESSAGE } else { "POST" };
        let headers = delivery.headers.into_iter();
        let inbound = Inbound {
            method: delivery.method.unwrap_or_else(|| method.to_owned()),
            hook: delivery.hook,
            url: delivery.url,
            query: delivery.query,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
                .collect(),
            body: text(delivery.body).into_bytes().into(),
            received_ms: delivery
                .received_ms
                .unwrap_or_else(|| MachineClock.now_ms()),
        };
        let outcome = self.systems.receive(self.name, inbound).await;
        self.ended(&shown, outcome, |reception| kinds(&reception.events))
    }

    fn ended<T>(
        &self,
        what: &str,
        outcome: Outcome<T>,
        events: impl FnOnce(&T) -> Vec<String>,
    ) -> TriedCall {
        let events = outcome.result.as_ref().map(events);
        TriedCall {
            what: what.to_owned(),
            reaches: self.listener.take(),
            events: events.unwrap_or_default(),
            failure: outcome.result.err(),
            crashed: outcome.crashed,
            ..TriedCall::default()
        }
    }
}

fn kinds(events: &[tombolo_kernel::system::MadeEvent]) -> Vec<String> {
    events.iter().map(|event| event.kind.clone()).collect()
}

fn told(text: &str) -> String {
    match text.len() {
        0..=TOLD => text.to_owned(),
        all => format!(
            "{}... ({all} bytes in all)",
            &text[..text.floor_char_boundary(TOLD)]
        ),
    }
}
