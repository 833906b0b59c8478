//! `reconciliations/NAME.yaml`: two sides that should say the same, how their rows find each other, and what is
//! compared.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use tombolo_flow::Offers as _;
use tombolo_flow::expression::Expression;
use tombolo_flow::problem::did_you_mean;
use tombolo_flow::tables::Tables;
use tombolo_flow::yaml::Node;
use tombolo_kernel::limits;
use tombolo_manifest::Effect;
use tombolo_manifest::names::is_name;

use super::fields::{self, Fields, Problems, START, json, quoted};
use super::offered::Offered;
use super::plan::SystemPlan;
use super::timing;
use crate::timing::Timing;

/// One job.
#[derive(Debug, Clone)]
pub struct ReconciliationPlan {
    /// When it is carried out; `None`: on demand only.
    pub timing: Option<Timing>,
    /// One side.
    pub left: Arc<Side>,
    /// The other.
    pub right: Arc<Side>,
    /// What is compared, in the order of the file.
    pub fields: Arc<[FieldRule]>,
    /// Whether rows that agree become events, too.
    pub tells_same: bool,
}

/// Where the rows of one side come from.
#[derive(Debug)]
pub struct Side {
    /// The system.
    pub system: String,
    /// What it is asked for.
    pub source: Source,
    /// What makes a row's key.
    pub key: Expression,
    /// The values that are compared, in the order of the fields.
    pub values: Vec<Expression>,
}

/// What a system is asked for.
#[derive(Debug)]
pub enum Source {
    /// A feed, from its beginning; the data of its events are the rows.
    Feed(String),
    /// An action that reads, asked again with the cursor of its answer until there is none.
    Action {
        /// Its name.
        action: String,
        /// Its input, but for the cursor.
        with: serde_json::Map<String, serde_json::Value>,
        /// Where the rows stand in its result, a JSON pointer.
        rows: String,
        /// Where the cursor stands in its result, and the name of the input's field it goes to.
        next: Option<(String, String)>,
    },
}

/// What two rows are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRule {
    /// For people.
    pub name: String,
    /// When two values count as the same.
    pub same: Same,
}

/// When two values count as the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Same {
    /// Equal; numbers by value, `1.50` is `1.5`.
    Equal,
    /// Equal but for upper and lower case and spaces around.
    IgnoringCase,
    /// Decimals that differ by at most this.
    Within(BigDecimal),
}

/// Reads the tree of a job.
pub(crate) fn read(
    name: &str,
    node: &Node,
    systems: &BTreeMap<String, SystemPlan>,
    offered: &Offered,
    tables: &Tables,
    problems: &mut Problems,
) -> Option<ReconciliationPlan> {
    if !is_name(name) {
        problems.add(
            START,
            format!(
                "the reconciliation is named {} after its file; expected lower case letters, digits and `-`, at most 40",
                quoted(name)
            ),
        );
    }
    let known: Vec<&str> = timing::KEYS
        .into_iter()
        .chain(["left", "right", "fields", "tell-same"])
        .collect();
    let fields = Fields::known(node, "a reconciliation", &known, problems)?;
    let timing = timing::read(fields, problems);
    let (mut rules, mut values) = (Vec::new(), [Vec::new(), Vec::new()]);
    if let Some(node) = fields.get("fields") {
        let declared = Fields::any(node, "fields", problems)?;
        for (key, node) in declared.entries() {
            let Some((rule, left, right)) = rule(&key.text, node, problems) else {
                continue;
            };
            rules.push(rule);
            values[0].push(left);
            values[1].push(right);
        }
    }
    let tells_same = fields
        .get("tell-same")
        .and_then(|node| fields::boolean(node, "tell-same", problems))
        .unwrap_or(false);
    if rules.len() > limits::RECONCILED_FIELDS {
        let most = limits::RECONCILED_FIELDS;
        problems.add(
            fields.at,
            format!("fields: found {}, expected at most {most}", rules.len()),
        );
    }
    let [left_values, right_values] = values;
    let mut side = |name: &'static str, values| {
        let node = fields.need(name, problems)?;
        side(node, name, values, systems, offered, problems)
    };
    let (left, right) = (side("left", left_values), side("right", right_values));
    for side in [&left, &right].into_iter().flatten() {
        unknown_tables(side, tables, problems);
    }
    Some(ReconciliationPlan {
        timing,
        left: Arc::new(left?),
        right: Arc::new(right?),
        fields: rules.into(),
        tells_same,
    })
}

fn unknown_tables(side: &Side, tables: &Tables, problems: &mut Problems) {
    for expression in side.values.iter().chain([&side.key]) {
        for (name, place) in &expression.references().tables {
            if !tables.has(name) {
                problems.add(*place, tables.unknown(name));
            }
        }
    }
}

fn rule(
    name: &str,
    node: &Node,
    problems: &mut Problems,
) -> Option<(FieldRule, Expression, Expression)> {
    let keys = ["left", "right", "tolerance", "ignore-case"];
    let fields = Fields::known(node, "a field", &keys, problems)?;
    let tolerance = fields.get("tolerance").and_then(|node| {
        let text = fields::text(node, "tolerance", problems)?;
        let found = BigDecimal::from_str(text).ok();
        let found = found.filter(|tolerance| *tolerance >= BigDecimal::default());
        if found.is_none() {
            problems.unexpected(node, "tolerance", "a decimal in quotes such as \"0.01\"");
        }
        found
    });
    let ignoring_case = fields
        .get("ignore-case")
        .and_then(|node| fields::boolean(node, "ignore-case", problems))
        .unwrap_or(false);
    let same = match (tolerance, ignoring_case) {
        (Some(_), true) => {
            problems.add(
                fields.key_at("ignore-case"),
                "found `tolerance` and `ignore-case`, expected one of them: numbers have no case",
            );
            Same::Equal
        }
        (Some(tolerance), false) => Same::Within(tolerance),
        (None, true) => Same::IgnoringCase,
        (None, false) => Same::Equal,
    };
    let left = fields.need("left", problems);
    let right = fields.need("right", problems);
    let left = expression(left?, "left", problems);
    let right = expression(right?, "right", problems);
    let rule = FieldRule {
        name: name.to_owned(),
        same,
    };
    Some((rule, left?, right?))
}

fn side(
    node: &Node,
    what: &'static str,
    values: Vec<Expression>,
    systems: &BTreeMap<String, SystemPlan>,
    offered: &Offered,
    problems: &mut Problems,
) -> Option<Side> {
    let keys = ["feed", "action", "with", "rows", "next", "cursor", "key"];
    let fields = Fields::known(node, what, &keys, problems)?;
    let key = fields
        .need("key", problems)
        .and_then(|node| expression(node, "key", problems));
    let (target, is_feed) = match (fields.get("feed"), fields.get("action")) {
        (Some(feed), None) => (feed, true),
        (None, Some(action)) => (action, false),
        _ => {
            problems.add(
                fields.at,
                format!("{what}: expected either `feed: SYSTEM.FEED` or `action: SYSTEM.ACTION`"),
            );
            return None;
        }
    };
    let text = fields::text(target, if is_feed { "feed" } else { "action" }, problems)?;
    let Some((system, name)) = text.split_once('.') else {
        problems.unexpected(target, what, "SYSTEM.NAME such as `erp.parties`");
        return None;
    };
    if !offered.systems().iter().any(|known| known == system) {
        let near = did_you_mean(system, systems.keys().map(String::as_str));
        problems.add(
            target.place,
            format!("{what}: there is no system {}{near}", quoted(system)),
        );
        return None;
    }
    let source = if is_feed {
        for key in ["with", "rows", "next", "cursor"] {
            if fields.get(key).is_some() {
                problems.add(
                    fields.key_at(key),
                    format!("`{key}` has a meaning only beside `action`; take it out"),
                );
            }
        }
        let known = systems.get(system).map(|plan| &plan.feeds);
        if known.is_some_and(|feeds| !feeds.contains_key(name)) {
            problems.add(
                target.place,
                format!(
                    "{what}: system {} has no feed {}",
                    quoted(system),
                    quoted(name)
                ),
            );
        }
        Source::Feed(name.to_owned())
    } else {
        let offer = offered.action(system, name);
        match offer {
            None => problems.add(
                target.place,
                format!(
                    "{what}: system {} has no action {}",
                    quoted(system),
                    quoted(name)
                ),
            ),
            Some(offer) if systems.contains_key(system) && offer.effect != Effect::Read => {
                problems.add(
                    target.place,
                    format!(
                        "{what}: the action {} changes something; expected one with `effect: read`",
                        quoted(text)
                    ),
                );
            }
            Some(_) => {}
        }
        action(fields, name, problems)?
    };
    Some(Side {
        system: system.to_owned(),
        source,
        key: key?,
        values,
    })
}

fn action(fields: Fields<'_>, name: &str, problems: &mut Problems) -> Option<Source> {
    let with = match fields.get("with").map(|node| (node, json(node))) {
        None => serde_json::Map::new(),
        Some((_, serde_json::Value::Object(with))) => with,
        Some((node, _)) => {
            problems.unexpected(node, "with", "the action's input, a mapping");
            return None;
        }
    };
    let rows = match fields.get("rows") {
        None => String::new(),
        Some(node) => pointer(node, "rows", problems)?,
    };
    let next = match (fields.get("next"), fields.get("cursor")) {
        (None, None) => None,
        (Some(next), Some(cursor)) => Some((
            pointer(next, "next", problems)?,
            fields::text(cursor, "cursor", problems)?.to_owned(),
        )),
        _ => {
            problems.add(
                fields.at,
                "expected `next` (where the answer has the cursor) and `cursor` (the field of the input it goes to), \
                 or neither of them: then all rows stand in one answer",
            );
            None
        }
    };
    Some(Source::Action {
        action: name.to_owned(),
        with,
        rows,
        next,
    })
}

fn pointer(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    let text = fields::text(node, what, problems)?;
    if !text.starts_with('/') {
        problems.unexpected(node, what, "a JSON pointer such as `/rows`");
        return None;
    }
    Some(text.to_owned())
}

/// An expression over `item`, the row.
fn expression(node: &Node, what: &str, problems: &mut Problems) -> Option<Expression> {
    let text = fields::text(node, what, problems)?;
    match Expression::compile(text, node.place) {
        Ok(expression) => {
            let references = expression.references();
            if !references.steps.is_empty() || !references.vars.is_empty() || references.all_steps {
                problems.add(
                    node.place,
                    format!(
                        "{what}: found {}, expected an expression over `item`, the row",
                        quoted(text)
                    ),
                );
            }
            Some(expression)
        }
        Err(wrong) => {
            for wrong in wrong {
                problems.add(wrong.place, format!("{what}: {}", wrong.message));
            }
            None
        }
    }
}

/// The source of a job's events.
pub(crate) fn source(name: &str) -> String {
    format!("/reconciliations/{name}")
}
