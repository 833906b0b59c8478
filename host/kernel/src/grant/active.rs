//! The check on every call. Made once per loaded system; the allowed path neither allocates nor parses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tombolo_manifest::pattern::{HttpPattern, TopicPattern, check_path};

use super::{Grant, Item, Uses, printable};
use crate::clock::Millis;
use crate::fields::{FieldFilter, FieldRules};

/// What the checker answers when it is no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

/// A grant made ready for checking on every call: no allocation on the allowed path.
#[derive(Debug, Clone)]
pub struct ActiveGrant {
    /// The grant as approved.
    pub grant: Grant,
    /// `sha256:...` over the grant's canonical JSON: names it in audit records.
    pub digest: String,
    /// How often each of its items allowed something.
    pub uses: Arc<Uses>,
    // Each with its item's place among those of `uses`.
    http: BTreeMap<String, Vec<(HttpPattern, usize)>>,
    sql: BTreeMap<String, BTreeMap<String, (String, usize)>>,
    topics: BTreeMap<String, Vec<(TopicPattern, usize)>>,
    keys: BTreeMap<String, BTreeMap<String, usize>>,
    emits: BTreeMap<String, usize>,
    store: Option<(u64, usize)>,
    actions: BTreeMap<String, BTreeMap<String, usize>>,
    /// What is kept back from it, if anything: by the grant, and by the system file, which may only add to it.
    pub fields: Option<Arc<FieldFilter>>,
    /// Hooks whose messages may be taken from a broker.
    subscriptions: BTreeSet<String>,
    expires_ms: Option<Millis>,
}

impl ActiveGrant {
    /// Allows exactly the items of a grant.
    ///
    /// # Errors
    /// An item that cannot be checked: a pattern that does not parse, a statement that is there with two texts.
    pub fn new(grant: &Grant) -> Result<Self, Denied> {
        Self::of_items(grant, &grant.items)
    }

    /// Allows exactly `items`, all of which the grant covers.
    pub(super) fn of_items(grant: &Grant, items: &[Item]) -> Result<Self, Denied> {
        let mut active = Self {
            digest: grant.digest()?,
            grant: grant.clone(),
            uses: Arc::new(Uses::none_of(items)),
            http: BTreeMap::new(),
            sql: BTreeMap::new(),
            topics: BTreeMap::new(),
            keys: BTreeMap::new(),
            emits: BTreeMap::new(),
            store: None,
            actions: BTreeMap::new(),
            fields: fields(grant.items.iter().chain(items))?,
            subscriptions: BTreeSet::new(),
            expires_ms: grant.expires_ms().map_err(Denied)?,
        };
        let mut places = items.iter().enumerate();
        places.try_for_each(|(place, item)| active.add(item, place))?;
        Ok(active)
    }

    fn add(&mut self, item: &Item, place: usize) -> Result<(), Denied> {
        match item {
            Item::Http {
                connection, allow, ..
            } => {
                let pattern = allow.parse::<HttpPattern>().map_err(|problem| {
                    Denied(format!(
                        "connection `{}` has a path that cannot be checked: {problem}",
                        printable(connection)
                    ))
                })?;
                self.http
                    .entry(connection.clone())
                    .or_default()
                    .push((pattern, place));
            }
            Item::Sql {
                connection,
                statement,
                text,
                ..
            } => {
                let statements = self.sql.entry(connection.clone()).or_default();
                if statements
                    .insert(statement.clone(), (text.clone(), place))
                    .is_some_and(|(other, _)| other != *text)
                {
                    let name = printable(statement);
                    return Err(Denied(format!(
                        "statement `{name}` is there with two texts: remove one"
                    )));
                }
            }
            Item::Key { key, r#use, .. } => {
                self.keys
                    .entry(key.clone())
                    .or_default()
                    .insert(r#use.clone(), place);
            }
            Item::Emit { event } => {
                self.emits.insert(event.clone(), place);
            }
            Item::Store { quota } => {
                let most = self.store.map_or(*quota, |(other, _)| other.max(*quota));
                self.store = Some((most, place));
            }
            Item::Action { system, action } => {
                self.actions
                    .entry(system.clone())
                    .or_default()
                    .insert(action.clone(), place);
            }
            Item::Publish {
                connection, topic, ..
            } => {
                let pattern = topic.parse::<TopicPattern>().map_err(|problem| {
                    Denied(format!(
                        "connection `{}` has a topic that cannot be checked: {problem}",
                        printable(connection)
                    ))
                })?;
                self.topics
                    .entry(connection.clone())
                    .or_default()
                    .push((pattern, place));
            }
            Item::Subscribe { hook, .. } => {
                self.subscriptions.insert(hook.clone());
            }
            // The sandbox has them from the system's spec; the system starts only if the grant covers them.
            Item::Limits { .. } => {}
            // Gathered beforehand, with what is in the grant alone.
            Item::Hide { .. } | Item::Mask { .. } | Item::MaskMatching { .. } => {}
        }
        Ok(())
    }

    /// Whether a request may leave. `path` is decoded nowhere: it is checked as it will be sent.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn http(&self, connection: &str, method: &str, path: &str) -> Result<(), Denied> {
        let Some(patterns) = self.http.get(connection) else {
            return Err(missing("connection", connection));
        };
        if let Err(problem) = check_path(path) {
            return Err(Denied(format!(
                "`{}` is refused: {problem}",
                printable(path)
            )));
        }
        let mut patterns = patterns.iter();
        if let Some((_, place)) = patterns.find(|(pattern, _)| pattern.allows_checked(method, path))
        {
            self.uses.count(*place);
            return Ok(());
        }
        Err(Denied(format!(
            "`{} {}` on connection `{}` is not in the grant",
            printable(method),
            printable(path),
            printable(connection)
        )))
    }

    /// Whether a statement with this text may run.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn sql(&self, connection: &str, statement: &str, text: &str) -> Result<(), Denied> {
        let Some(statements) = self.sql.get(connection) else {
            return Err(missing("connection", connection));
        };
        match statements.get(statement) {
            Some((granted, place)) if granted == text => {
                self.uses.count(*place);
                Ok(())
            }
            Some(_) => Err(Denied(format!(
                "statement `{}` is granted with another text",
                printable(statement)
            ))),
            None => Err(missing("statement", statement)),
        }
    }

    /// Whether a message to this topic may leave.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn publish(&self, connection: &str, topic: &str) -> Result<(), Denied> {
        let Some(patterns) = self.topics.get(connection) else {
            return Err(missing("connection", connection));
        };
        let mut patterns = patterns.iter();
        if let Some((_, place)) = patterns.find(|(pattern, _)| pattern.allows(topic)) {
            self.uses.count(*place);
            return Ok(());
        }
        Err(Denied(format!(
            "publishing to `{}` on connection `{}` is not in the grant",
            printable(topic),
            printable(connection)
        )))
    }

    /// Whether a key may be used so: `hmac-sha256`.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn key(&self, key: &str, key_use: &str) -> Result<(), Denied> {
        match self.keys.get(key).map(|uses| uses.get(key_use)) {
            Some(Some(place)) => {
                self.uses.count(*place);
                Ok(())
            }
            Some(None) => Err(Denied(format!(
                "the use `{}` of key `{}` is not in the grant",
                printable(key_use),
                printable(key)
            ))),
            None => Err(missing("key", key)),
        }
    }

    /// Whether it may make such an event.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn emit(&self, event: &str) -> Result<(), Denied> {
        match self.emits.get(event) {
            Some(place) => {
                self.uses.count(*place);
                Ok(())
            }
            None => Err(missing("event type", event)),
        }
    }

    /// Its quota of durable keys and values, bytes.
    ///
    /// # Errors
    /// That it has none.
    pub fn store(&self) -> Result<u64, Denied> {
        let Some((quota, place)) = self.store else {
            return Err(Denied(
                "durable keys and values are not in the grant".into(),
            ));
        };
        self.uses.count(place);
        Ok(quota)
    }

    /// Whether messages may be taken from a broker for this hook.
    #[must_use]
    pub fn subscribe(&self, hook: &str) -> bool {
        self.subscriptions.contains(hook)
    }

    /// The moment from which on it allows nothing.
    #[must_use]
    pub fn expires_ms(&self) -> Option<Millis> {
        self.expires_ms
    }

    /// Whether it may call another system's action.
    ///
    /// # Errors
    /// Which item is missing.
    pub fn action(&self, system: &str, action: &str) -> Result<(), Denied> {
        let actions = self.actions.get(system);
        if let Some(place) = actions.and_then(|actions| actions.get(action)) {
            self.uses.count(*place);
            return Ok(());
        }
        Err(Denied(format!(
            "action `{}` of system `{}` is not in the grant",
            printable(action),
            printable(system)
        )))
    }
}

fn missing(kind: &str, name: &str) -> Denied {
    Denied(format!("{kind} `{}` is not in the grant", printable(name)))
}

impl Grant {
    /// SHA-256 over its JSON with its items sorted, so that their order in the file does not matter: `sha256:...`.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn digest(&self) -> Result<String, Denied> {
        let mut canonical = self.clone();
        canonical.items.sort();
        canonical.items.dedup();
        canonical.refused.sort();
        canonical.refused.dedup();
        let json = serde_json::to_vec(&canonical)
            .map_err(|error| Denied(format!("the grant cannot be written as JSON: {error}")))?;
        Ok(format!("sha256:{}", hex::encode(Sha256::digest(&json))))
    }
}

/// What these items keep back.
fn fields<'i>(items: impl Iterator<Item = &'i Item>) -> Result<Option<Arc<FieldFilter>>, Denied> {
    let mut rules = FieldRules::default();
    for item in items {
        match item {
            Item::Hide { field } => {
                rules.hide.insert(field.clone());
            }
            Item::Mask { field, r#as } => rules.add_mask(field, *r#as),
            Item::MaskMatching { pattern } => {
                rules.mask_matching.insert(pattern.clone());
            }
            _ => {}
        }
    }
    if rules.is_empty() {
        return Ok(None);
    }
    match FieldFilter::new(&rules) {
        Ok(filter) => Ok(Some(Arc::new(filter))),
        Err(problem) => Err(Denied(format!("what is kept back from it: {problem}"))),
    }
}

#[cfg(test)]
mod tests;
