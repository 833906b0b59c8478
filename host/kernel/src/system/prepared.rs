//! A system made ready: its grant, its capabilities, its limits. What every instance of it shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use super::{ActionOffer, Actor, Binding, Subscribed, Surroundings, SystemLimits, SystemSpec};
use crate::audit::{self, AuditRecord, Bearer, Kind, SharedAudit};
use crate::capability::broker::Broker;
use crate::capability::http::{Http, HttpClients};
use crate::capability::keys::Keys;
use crate::capability::settings::Settings;
use crate::capability::sql::Sql;
use crate::capability::store::Store;
use crate::capability::{PrepareError, Record};
use crate::clock::SharedClock;
use crate::grant::ActiveGrant;

/// One version of one system.
pub(crate) struct Prepared {
    pub(crate) name: Arc<str>,
    /// `acme/shop 0.3.0`, for messages.
    pub(crate) adapter: String,
    /// Name and digests, for records.
    bearer: Bearer,
    pub(crate) grant: ActiveGrant,
    pub(crate) limits: SystemLimits,
    pub(crate) settings: Settings,
    pub(crate) http: Http,
    pub(crate) sql: Sql,
    pub(crate) broker: Broker,
    pub(crate) keys: Keys,
    pub(crate) store: Store,
    pub(crate) actor: Weak<dyn Actor>,
    pub(crate) clock: SharedClock,
    pub(crate) audit: SharedAudit,
    pub(super) actions: BTreeMap<String, Arc<ActionOffer>>,
    pub(super) hooks: BTreeSet<String>,
    pub(super) subscribed: Vec<Arc<Subscribed>>,
    pub(super) feeds: BTreeSet<String>,
}

impl Prepared {
    /// Makes the capabilities of a granted system ready. Connects nowhere.
    pub(super) fn new(
        spec: SystemSpec,
        grant: ActiveGrant,
        clients: Option<&HttpClients>,
        surroundings: &Surroundings,
        actor: Weak<dyn Actor>,
    ) -> Result<Self, PrepareError> {
        let subscribed = subscribed(&spec, &grant);
        // A hook whose messages were refused is not open to posts instead.
        let mut hooks = spec.hooks;
        hooks.retain(|hook| !spec.subscriptions.contains_key(hook) || grant.subscribe(hook));
        let name: Arc<str> = spec.name.into();
        let identity = &spec.package.manifest.adapter;
        Ok(Self {
            adapter: format!("{} {}", identity.name, identity.version),
            bearer: Bearer {
                system: Arc::clone(&name),
                adapter: spec.package.digest.as_str().into(),
                grant: grant.digest.as_str().into(),
            },
            http: Http::prepare(clients, &spec.connections)?,
            sql: Sql::prepare(&spec.connections, !surroundings.only_tried)?,
            broker: Broker::prepare(&*surroundings.brokers, &spec.connections),
            keys: Keys::prepare(&spec.keys, !surroundings.only_tried)?,
            store: Store::prepare(Arc::clone(&name), Arc::clone(&surroundings.key_values)),
            settings: Settings::prepare(spec.settings),
            limits: spec.limits,
            actions: spec
                .actions
                .into_iter()
                .map(|(name, offer)| (name, Arc::new(offer)))
                .collect(),
            hooks,
            subscribed,
            feeds: spec.feeds,
            clock: Arc::clone(&surroundings.clock),
            audit: Arc::clone(&surroundings.audit),
            grant,
            actor,
            name,
        })
    }

    /// A record of what became of this version: loaded, swapped, stopped, gone.
    pub(super) fn record(&self, kind: Kind, what: String) -> AuditRecord {
        AuditRecord {
            bearer: self.bearer.clone(),
            ..AuditRecord::new(kind, self.clock.now_ms()).about(what)
        }
    }

    /// A capability's record as the audit keeps it: by whose leave, for which reason.
    pub(crate) fn outward(
        &self,
        kind: Kind,
        at_ms: u64,
        record: Record,
        cause: String,
    ) -> AuditRecord {
        AuditRecord {
            at_ms,
            kind,
            outcome: audit::Outcome::of_call(record.denied, &record.outcome),
            status: record.outcome,
            bearer: self.bearer.clone(),
            target: record.target,
            what: record.what,
            who: String::new(),
            token: String::new(),
            why: String::new(),
            cause,
            micros: record.micros,
            sent: record.sent,
            received: record.received,
        }
    }
}

/// What the host is to fetch from brokers for this system.
fn subscribed(spec: &SystemSpec, grant: &ActiveGrant) -> Vec<Arc<Subscribed>> {
    let place = |connection: &str| match spec.connections.get(connection) {
        Some(Binding::Broker(broker)) => Some(broker.place.clone()),
        _ => None,
    };
    let subscribed = |(hook, subscription): (&String, &super::Subscription)| {
        Some(Arc::new(Subscribed {
            system: spec.name.clone(),
            hook: hook.clone(),
            place: place(&subscription.connection)?,
            from: subscription.from.clone(),
        }))
    };
    let granted = |(hook, _): &(&String, &super::Subscription)| grant.subscribe(hook);
    let subscriptions = spec.subscriptions.iter().filter(granted);
    subscriptions.filter_map(subscribed).collect()
}
