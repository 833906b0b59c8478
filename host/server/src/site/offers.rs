//! What the operator of a generic adapter declares: actions, hooks, feeds and event types. The adapter reads each
//! one's `do`; the host only keeps it.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::schema::InputSchema;
use tombolo_kernel::system::{ActionOffer, Subscription};
use tombolo_manifest::Effect;
use tombolo_manifest::names::{is_dotted, is_event_type, is_name};

use super::broker;
use super::feed::{self, DeclaredFeed};
use super::fields::{self, At, Fields, Problems, json, quoted};
use super::profiles::{self, Kept};

/// What one system file declares beyond its adapter's manifest.
#[derive(Default)]
pub(crate) struct Declared {
    /// Actions with their `do`.
    pub(crate) actions: BTreeMap<String, (At, ActionOffer, Json)>,
    /// Hooks with their `do`.
    pub(crate) hooks: BTreeMap<String, (At, Json)>,
    /// Those hooks that a broker feeds.
    pub(crate) subscriptions: BTreeMap<String, (At, Subscription)>,
    /// Feeds: when, and their `do`.
    pub(crate) feeds: BTreeMap<String, DeclaredFeed>,
    /// Event types.
    pub(crate) emits: Vec<(At, String)>,
    /// Business contracts that these keep.
    pub(crate) profiles: Kept,
}

impl Declared {
    /// Reads `profiles`, `actions`, `hooks`, `feeds` and `emits`.
    pub(crate) fn read(file: Fields<'_>, problems: &mut Problems) -> Self {
        let mut subscriptions = BTreeMap::new();
        let profiles = Kept::read(file, problems);
        let declared = Self {
            actions: file
                .get("actions")
                .map(|node| actions(node, &profiles, problems))
                .unwrap_or_default(),
            hooks: file
                .get("hooks")
                .map(|node| hooks(node, &mut subscriptions, problems))
                .unwrap_or_default(),
            subscriptions,
            feeds: file
                .get("feeds")
                .map(|node| feed::read(node, problems))
                .unwrap_or_default(),
            emits: file
                .get("emits")
                .map(|node| emits(node, problems))
                .unwrap_or_default(),
            profiles,
        };
        declared.profiles.check(&declared, problems);
        declared
    }
}

/// `read`, `write` or `destructive`.
pub(crate) fn effect(node: &Node, problems: &mut Problems) -> Option<Effect> {
    match &node.value {
        Value::Text(text) if text == "read" => Some(Effect::Read),
        Value::Text(text) if text == "write" => Some(Effect::Write),
        Value::Text(text) if text == "destructive" => Some(Effect::Destructive),
        _ => {
            problems.unexpected(node, "effect", "read, write or destructive");
            None
        }
    }
}

fn actions(
    node: &Node,
    profiles: &Kept,
    problems: &mut Problems,
) -> BTreeMap<String, (At, ActionOffer, Json)> {
    let mut actions = BTreeMap::new();
    let Some(declared) = Fields::any(node, "actions", problems) else {
        return actions;
    };
    for (key, node) in declared.entries() {
        if !is_dotted(&key.text) {
            problems.add(key.place, format!("action {}: expected a name such as `item.stock`: lower case letters, digits and `-`, parts joined by dots", quoted(&key.text)));
        }
        let known = ["effect", "summary", "input", "output", "do"];
        let Some(fields) = Fields::known(node, "an action", &known, problems) else {
            continue;
        };
        let summary = summary(fields, problems);
        // One with a problem is kept too, so that flows that call it are not told that it is unknown.
        let offer = match profiles.action(&key.text) {
            Some(says) => {
                let effect = fields.get("effect").and_then(|node| effect(node, problems));
                profiles::offer(says, fields, summary, effect, problems)
            }
            None => alone(fields, summary, problems),
        };
        let task = task(fields, problems);
        actions.insert(
            key.text.clone(),
            (key.place, offer, task.unwrap_or_default()),
        );
    }
    actions
}

/// An action that no profile has.
fn alone(fields: Fields<'_>, summary: String, problems: &mut Problems) -> ActionOffer {
    let effect = fields
        .need("effect", problems)
        .and_then(|node| effect(node, problems));
    let input = fields
        .get("input")
        .and_then(|node| schema(node, "input", problems));
    let output = fields
        .get("output")
        .and_then(|node| schema(node, "output", problems));
    ActionOffer {
        effect: effect.unwrap_or(Effect::Write),
        summary,
        input,
        output,
    }
}

fn hooks(
    node: &Node,
    subscriptions: &mut BTreeMap<String, (At, Subscription)>,
    problems: &mut Problems,
) -> BTreeMap<String, (At, Json)> {
    let mut offers = BTreeMap::new();
    let Some(declared) = Fields::any(node, "hooks", problems) else {
        return offers;
    };
    for (key, node) in declared.entries() {
        if !is_name(&key.text) {
            problems.add(
                key.place,
                format!(
                    "hook {}: expected a name of lower case letters, digits and `-`",
                    quoted(&key.text)
                ),
            );
        }
        let Some(fields) = Fields::known(node, "a hook", &["summary", "from", "do"], problems)
        else {
            continue;
        };
        summary(fields, problems);
        if let Some(from) = fields.get("from")
            && let Some(subscription) = broker::from(from, problems)
        {
            subscriptions.insert(key.text.clone(), (from.place, subscription));
        }
        if let Some(task) = task(fields, problems) {
            offers.insert(key.text.clone(), (key.place, task));
        }
    }
    offers
}

pub(crate) fn summary(fields: Fields<'_>, problems: &mut Problems) -> String {
    fields
        .get("summary")
        .and_then(|node| fields::text(node, "summary", problems))
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn task(fields: Fields<'_>, problems: &mut Problems) -> Option<Json> {
    let node = fields.need("do", problems)?;
    if !matches!(node.value, Value::Map(_)) {
        problems.unexpected(node, "do", "a mapping; the adapter's README tells its keys");
        return None;
    }
    Some(json(node))
}

/// A JSON Schema that compiles; references outside itself are never fetched.
fn schema(node: &Node, what: &str, problems: &mut Problems) -> Option<Json> {
    let json = json(node);
    match InputSchema::compile(&json) {
        Ok(_) => Some(json),
        Err(error) => {
            problems.add(
                node.place,
                format!("{what}: this is not a usable JSON Schema: {error}"),
            );
            None
        }
    }
}

fn emits(node: &Node, problems: &mut Problems) -> Vec<(At, String)> {
    let mut emits = Vec::new();
    for (at, kind) in fields::texts(node, "emits", problems) {
        if is_event_type(kind) {
            emits.push((at, kind.to_owned()));
        } else {
            problems.add(
                at,
                format!(
                    "emits {}: expected an event type such as `device.alarm`",
                    quoted(kind)
                ),
            );
        }
    }
    emits
}
