//! What stands in the place of the outside: a store in memory, brokers that take nothing over, and who listens to what a
//! system would reach, item by item.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use serde::Serialize;
use tombolo_kernel::audit::{AuditRecord, AuditSink, Kind};
use tombolo_kernel::capability::NOT_REACHED;
use tombolo_kernel::capability::broker::{BrokerError, BrokerLink, Brokers, Message};
use tombolo_kernel::capability::store::{KeyValueError, KeyValues};
use tombolo_kernel::grant::{Item, Uses};
use tombolo_kernel::system::BrokerPlace;

/// Something that a call would reach, or was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Reach {
    /// `http`, `sql`, `broker`, `keys`, `store`, `actions`, `emit`.
    pub capability: &'static str,
    /// Connection, key or system; empty where there is only one.
    pub target: String,
    /// `GET /orders/7`, a statement's name, a topic.
    pub what: String,
    /// The item that allows it.
    pub item: Option<String>,
    /// Why it was refused.
    pub refused: Option<String>,
    /// How often in a row, where that is all that is known of it.
    pub times: u64,
    /// It would have left; the adapter was told that nothing is reached.
    pub unanswered: bool,
}

/// Listens, from one call to the next.
#[derive(Default)]
pub(super) struct Listener {
    uses: OnceLock<Arc<Uses>>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    counts: Vec<u64>,
    reaches: Vec<Reach>,
}

impl Listener {
    /// Whose uses tell which item allowed what.
    pub(super) fn listen(&self, uses: Arc<Uses>) {
        let _ = self.uses.set(uses);
    }

    /// What was reached for since this was asked last.
    pub(super) fn take(&self) -> Vec<Reach> {
        let mut heard = self.heard.lock();
        let used = self.used(&mut heard.counts);
        heard
            .reaches
            .extend(used.iter().map(|(item, times)| in_host(item, *times)));
        std::mem::take(&mut heard.reaches)
    }

    /// Items that allowed something since this was asked last.
    fn used(&self, before: &mut Vec<u64>) -> Vec<(Item, u64)> {
        let Some(uses) = self.uses.get() else {
            return Vec::new();
        };
        let now: Vec<(&Item, u64)> = uses.counts().collect();
        before.resize(now.len(), 0);
        let mut used = Vec::new();
        for ((item, count), before) in now.into_iter().zip(before) {
            if count > *before {
                used.push((item.clone(), count - *before));
                *before = count;
            }
        }
        used
    }
}

impl AuditSink for Listener {
    fn record(&self, record: Arc<AuditRecord>) {
        if record.kind.is_decision() {
            return;
        }
        let mut heard = self.heard.lock();
        let mut own = None;
        for (item, times) in self.used(&mut heard.counts) {
            if kind(&item) == Some(record.kind) {
                own = Some(item.id());
            } else {
                heard.reaches.push(in_host(&item, times));
            }
        }
        let refused = record.is_denied();
        let why = record.status.strip_prefix("denied: ");
        let asked = record.kind == Kind::Actions && record.status == "unavailable";
        heard.reaches.push(Reach {
            capability: record.kind.name(),
            target: record.target.clone(),
            what: record.what.clone(),
            item: own.filter(|_| !refused),
            refused: refused.then(|| why.unwrap_or(&record.status).to_owned()),
            times: 1,
            unanswered: asked || record.status.contains(NOT_REACHED),
        });
    }
}

/// What leaves no record: it happens inside of the host.
fn in_host(item: &Item, times: u64) -> Reach {
    let (target, what) = match item {
        Item::Key { key, r#use, .. } => (key.clone(), r#use.clone()),
        Item::Emit { event } => (String::new(), event.clone()),
        _ => (String::new(), String::new()),
    };
    Reach {
        capability: kind(item).map_or(item.kind(), Kind::name),
        target,
        what,
        item: Some(item.id()),
        refused: None,
        times,
        unanswered: false,
    }
}

/// What a record of such a use is of.
fn kind(item: &Item) -> Option<Kind> {
    match item {
        Item::Http { .. } => Some(Kind::Http),
        Item::Sql { .. } => Some(Kind::Sql),
        Item::Publish { .. } => Some(Kind::Broker),
        Item::Key { .. } => Some(Kind::Keys),
        Item::Store { .. } => Some(Kind::Store),
        Item::Action { .. } => Some(Kind::Actions),
        Item::Emit { .. } => Some(Kind::Emit),
        _ => None,
    }
}

/// Brokers to which nothing goes.
pub(super) struct NoBrokers;

impl Brokers for NoBrokers {
    fn link(&self, _place: &BrokerPlace) -> Arc<dyn BrokerLink> {
        Arc::new(Self)
    }
}

impl BrokerLink for NoBrokers {
    fn publish(&self, _message: Message) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(ready(Err(BrokerError::Unreachable(NOT_REACHED.into()))))
    }
}

/// Keys and values of the one system, empty at first.
#[derive(Default)]
pub(crate) struct Values(Mutex<BTreeMap<String, Vec<u8>>>);

impl Values {
    fn put(
        &self,
        key: &str,
        value: Vec<u8>,
        expected: Option<Option<Vec<u8>>>,
        quota: u64,
    ) -> Result<(), KeyValueError> {
        let mut values = self.0.lock();
        if expected.is_some_and(|expected| expected.as_ref() != values.get(key)) {
            return Err(KeyValueError::Conflict);
        }
        let others = values.iter().filter(|(other, _)| *other != key);
        let bytes: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if (bytes + key.len() + value.len()) as u64 > quota {
            return Err(KeyValueError::Quota(quota));
        }
        values.insert(key.to_owned(), value);
        Ok(())
    }
}

impl KeyValues for Values {
    fn get<'a>(
        &'a self,
        _system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(ready(Ok(self.0.lock().get(key).cloned())))
    }

    fn set<'a>(
        &'a self,
        _system: &'a str,
        key: &'a str,
        value: Vec<u8>,
        expected: Option<Option<Vec<u8>>>,
        quota: u64,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(ready(self.put(key, value, expected, quota)))
    }

    fn delete<'a>(
        &'a self,
        _system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        self.0.lock().remove(key);
        Box::pin(ready(Ok(())))
    }

    fn keys<'a>(
        &'a self,
        _system: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        let values = self.0.lock();
        let wanted = values.keys().filter(|key| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let found = wanted.take(limit as usize).cloned().collect();
        Box::pin(ready(Ok(found)))
    }
}
