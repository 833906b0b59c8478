//! All flows of a site together, checked against what the systems offer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tombolo_kernel::system::ActionOffer;

use super::cross::{self, Known};
use super::link::{check_flow_call, link};
use super::{Flow, Kind, Pattern, needs};
use crate::engine::schema::{InputSchema, field_problems};
use crate::expression::Template;
use crate::problem::{Problem, did_you_mean};
use crate::tables::Tables;

/// What the systems of a site offer.
pub trait Offers {
    /// Names of all systems.
    fn systems(&self) -> Vec<String>;
    /// What is known of an action.
    fn action(&self, system: &str, action: &str) -> Option<Arc<ActionOffer>>;
    /// Whether a system keeps a profile, as far as it is known.
    fn keeps(&self, system: &str, profile: &str) -> bool;
}

/// The flows of a site, found by the type of an event.
#[derive(Debug, Default)]
pub struct FlowSet {
    flows: BTreeMap<String, Arc<Flow>>,
    exact: HashMap<String, Vec<Arc<Flow>>>,
    prefixes: Vec<(String, Arc<Flow>)>,
    tables: Arc<Tables>,
}

impl FlowSet {
    /// Of these flows; of two with one name the last counts (the site reader knows files, so names are unique there).
    #[must_use]
    pub fn new(flows: Vec<Flow>) -> Self {
        let mut set = Self::default();
        for flow in link(flows) {
            set.flows.insert(flow.name.clone(), Arc::new(flow));
        }
        for flow in set.flows.values() {
            for pattern in &flow.on {
                match pattern {
                    Pattern::Exact(kind) => set
                        .exact
                        .entry(kind.clone())
                        .or_default()
                        .push(Arc::clone(flow)),
                    Pattern::Prefix(prefix) => {
                        set.prefixes.push((prefix.clone(), Arc::clone(flow)))
                    }
                }
            }
        }
        set
    }

    /// The same flows with the site's value maps.
    #[must_use]
    pub fn with_tables(flows: Vec<Flow>, tables: Tables) -> Self {
        let tables = Arc::new(tables);
        let with = |flow| Flow {
            tables: Arc::clone(&tables),
            ..flow
        };
        let mut set = Self::new(flows.into_iter().map(with).collect());
        set.tables = tables;
        set
    }

    /// The site's value maps.
    #[must_use]
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// One flow.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Flow>> {
        self.flows.get(name)
    }

    /// All flows by name.
    pub fn flows(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.values()
    }

    /// The flows that react to a type, each once.
    #[must_use]
    pub fn reacting_to(&self, kind: &str) -> Vec<Arc<Flow>> {
        let mut found: Vec<Arc<Flow>> = self.exact.get(kind).cloned().unwrap_or_default();
        for (prefix, flow) in &self.prefixes {
            if kind.starts_with(prefix.as_str())
                && !found.iter().any(|known| known.name == flow.name)
            {
                found.push(Arc::clone(flow));
            }
        }
        found
    }

    /// Whether any flow reacts to a type.
    #[must_use]
    pub fn reacts_to(&self, kind: &str) -> bool {
        self.exact.contains_key(kind)
            || self
                .prefixes
                .iter()
                .any(|(prefix, _)| kind.starts_with(prefix.as_str()))
    }

    /// Checks value maps against the site's, calls against the systems' offers, roles and kinds of entities against the
    /// site's, where it names any.
    #[must_use]
    pub fn check(
        &self,
        offers: &dyn Offers,
        roles: Option<&[String]>,
        kinds: Option<&[String]>,
    ) -> Vec<Problem> {
        let systems = offers.systems();
        let known = Known {
            systems: &systems,
            kinds,
        };
        let mut problems = Vec::new();
        for flow in self.flows.values() {
            let unknown = flow
                .named_tables
                .iter()
                .filter(|(name, _)| !self.tables.has(name));
            problems.extend(
                unknown.map(|(name, place)| {
                    Problem::new(&flow.file, *place, self.tables.unknown(name))
                }),
            );
            problems.extend(cross::check_named(flow, known));
            problems.extend(needs::check(flow, offers, &systems));
            for step in &flow.program {
                if let Kind::Link(link) = &step.kind {
                    let wrong = cross::check_link(link, known);
                    problems.extend(
                        wrong
                            .into_iter()
                            .map(|(place, message)| Problem::new(&flow.file, place, message)),
                    );
                }
                let wrong = match &step.kind {
                    Kind::Call(call) => check_call(call, offers, &systems)
                        .or_else(|| needs::check_call(flow, call))
                        .map(|message| (call.place, message)),
                    Kind::Flow(call) => {
                        check_flow_call(flow, call, self).map(|message| (call.place, message))
                    }
                    Kind::Ask(ask) => {
                        check_role("ask", &ask.role, roles).map(|message| (ask.place, message))
                    }
                    Kind::Link(link) => check_role("link", &link.role, roles)
                        .map(|message| (link.role_place, message)),
                    _ => None,
                };
                let undo = step.undo.as_ref().map(|undo| &undo.call);
                let wrong_undo = undo.and_then(|call| {
                    let message = check_call(call, offers, &systems)
                        .or_else(|| needs::check_call(flow, call))?;
                    Some((call.place, format!("undo: {message}")))
                });
                let wrong = wrong.into_iter().chain(wrong_undo);
                problems
                    .extend(wrong.map(|(place, message)| Problem::new(&flow.file, place, message)));
            }
        }
        problems.sort();
        problems
    }
}

fn check_role(step: &str, role: &str, roles: Option<&[String]>) -> Option<String> {
    let roles = roles?;
    if roles.iter().any(|known| known == role) {
        return None;
    }
    let near = did_you_mean(role, roles.iter().map(String::as_str));
    Some(format!(
        "{step}.role: found \"{role}\", expected one of the site's roles: {}{near}",
        roles.join(", ")
    ))
}

fn check_call(call: &super::Call, offers: &dyn Offers, systems: &[String]) -> Option<String> {
    let offer = offers.action(&call.system, &call.action);
    if offer.is_none() && !systems.contains(&call.system) {
        let near = did_you_mean(&call.system, systems.iter().map(String::as_str));
        let known = if systems.is_empty() {
            "the site has none".to_owned()
        } else {
            systems.join(", ")
        };
        return Some(format!(
            "call: there is no system \"{}\"; systems: {known}{near}",
            call.system
        ));
    }
    let Some(offer) = offer else {
        return Some(format!(
            "call: the system \"{}\" offers no action \"{}\"",
            call.system, call.action
        ));
    };
    let schema = match InputSchema::compile(&offer) {
        Ok(schema) => schema?,
        Err(message) => return Some(format!("call: {}.{}: {message}", call.system, call.action)),
    };
    if let Some(fixed) = call.with.fixed() {
        let problems = field_problems(&schema, fixed);
        let wrong: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect();
        return (!wrong.is_empty()).then(|| format!("with: {}", wrong.join("; ")));
    }
    check_fields(&call.with, &offer)
}

/// What can be said of an input with expressions in it: required fields are there, and no unknown ones where the
/// schema allows none.
fn check_fields(with: &Template, offer: &ActionOffer) -> Option<String> {
    let Template::Map(fields) = with else {
        return None;
    };
    let schema = offer.input.as_ref()?;
    let names: Vec<String> = fields
        .iter()
        .filter_map(|(key, _)| serde_json::from_str(key.trim_end_matches(':')).ok())
        .collect();
    let known: Vec<&str> = schema
        .get("properties")
        .and_then(|known| known.as_object())
        .map_or_else(Vec::new, |known| known.keys().map(String::as_str).collect());
    let required = schema
        .get("required")
        .and_then(|required| required.as_array());
    let missing: Vec<&str> = required
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str())
        .filter(|name| !names.iter().any(|given| given == name))
        .collect();
    if !missing.is_empty() {
        return Some(format!(
            "with: the input field \"{}\" is missing; fields: {}",
            missing.join("\", \""),
            known.join(", ")
        ));
    }
    let closed = schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false))
        && schema.get("patternProperties").is_none();
    let unknown = names
        .iter()
        .find(|name| closed && !known.contains(&name.as_str()))?;
    let near = did_you_mean(unknown, known.iter().copied());
    Some(format!(
        "with: found the unknown input field \"{unknown}\", expected {}{near}",
        known.join(", ")
    ))
}
