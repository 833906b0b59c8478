//! What a system asks for, with the real places it is bound to and without any secret.

use std::collections::BTreeMap;

use url::Url;

use super::{GrantedAdapter, Item, Wishes};
use crate::fields::FieldRules;
use crate::system::{
    Binding, BrokerBinding, BrokerPlace, Credential, HttpBinding, SqlBinding, SqlPlace,
    Subscription, SystemLimits, SystemSpec,
};

/// Everything a system asks for, as its spec binds it.
#[must_use]
pub fn wishes(spec: &SystemSpec) -> Wishes {
    let mut items = Vec::new();
    for (connection, binding) in &spec.connections {
        match binding {
            Binding::Http(http) => http_items(connection, http, &mut items),
            Binding::Sql(sql) => sql_items(connection, sql, &mut items),
            Binding::Broker(broker) => broker_items(connection, broker, spec, &mut items),
        }
    }
    for (key, binding) in &spec.keys {
        items.extend(binding.uses.iter().map(|key_use| Item::Key {
            key: key.clone(),
            r#use: key_use.clone(),
            derive: binding.derive.clone(),
        }));
    }
    items.extend(spec.emits.iter().map(|event| Item::Emit {
        event: event.clone(),
    }));
    items.extend(spec.store_quota.map(|quota| Item::Store { quota }));
    let calls = spec.calls.iter().cloned();
    items.extend(calls.map(|(system, action)| Item::Action { system, action }));
    items.push(limits_item(&spec.limits));
    items.extend(field_items(&spec.fields));
    items.sort();
    items.dedup();
    let identity = &spec.package.manifest.adapter;
    Wishes {
        system: spec.name.clone(),
        adapter: GrantedAdapter {
            name: identity.name.clone(),
            version: identity.version.clone(),
            digest: spec.package.digest.clone(),
        },
        items,
        reasons: reasons(spec),
    }
}

fn http_items(connection: &str, http: &HttpBinding, items: &mut Vec<Item>) {
    items.extend(http.allow.iter().map(|allow| Item::Http {
        connection: connection.to_owned(),
        place: http_place(&http.base),
        allow: allow.clone(),
        credential: held(http),
        private_network: http.private_network,
    }));
}

fn sql_items(connection: &str, sql: &SqlBinding, items: &mut Vec<Item>) {
    items.extend(sql.statements.iter().map(|(name, statement)| Item::Sql {
        connection: connection.to_owned(),
        place: sql_place(&sql.place),
        statement: name.clone(),
        effect: statement.effect,
        text: statement.text.clone(),
    }));
}

fn broker_items(
    connection: &str,
    broker: &BrokerBinding,
    spec: &SystemSpec,
    items: &mut Vec<Item>,
) {
    let BrokerPlace { url, user, .. } = &broker.place;
    let place = match user {
        Some(user) => format!("{} as {user}", http_place(url)),
        None => http_place(url),
    };
    items.extend(broker.publish.iter().map(|topic| Item::Publish {
        connection: connection.to_owned(),
        place: place.clone(),
        topic: topic.clone(),
    }));
    let here = |(_, subscription): &(&String, &Subscription)| subscription.connection == connection;
    let subscriptions = spec.subscriptions.iter().filter(here);
    items.extend(subscriptions.map(|(hook, subscription)| Item::Subscribe {
        connection: connection.to_owned(),
        place: place.clone(),
        from: subscription.from.to_string(),
        hook: hook.clone(),
    }));
}

fn limits_item(limits: &SystemLimits) -> Item {
    let whole = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Item::Limits {
        memory: limits.memory,
        cpu_ms: whole(limits.cpu),
        deadline_ms: whole(limits.deadline),
    }
}

/// Scheme, host, port and base path, whatever else the address may hold.
fn http_place(url: &Url) -> String {
    format!(
        "{}://{}{}",
        url.scheme(),
        authority(url),
        url.path().trim_end_matches('/')
    )
}

/// Host and, where it is not the scheme's own, port.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn sql_place(place: &SqlPlace) -> String {
    match place {
        SqlPlace::Postgres { url, .. } | SqlPlace::MySql { url, .. } => {
            let user = if url.username().is_empty() {
                String::new()
            } else {
                format!(" as {}", url.username())
            };
            format!("{}{user}", http_place(url))
        }
        SqlPlace::Sqlite { path } => format!("sqlite:{}", path.display()),
    }
}

/// What the host attaches: the credential, and the session that a server's kept cookies are.
fn held(http: &HttpBinding) -> String {
    match (credential(&http.credential), http.keeps_cookies) {
        (credential, false) => credential,
        (credential, true) if credential == "none" => "the server's cookies".into(),
        (credential, true) => format!("{credential}, and the server's cookies"),
    }
}

/// The kind of credential and all of it that is not secret: another user or scope is another authority.
fn credential(credential: &Credential) -> String {
    match credential {
        Credential::None => "none".into(),
        Credential::Basic { user, .. } => format!("basic as {user}"),
        Credential::Bearer { .. } => "bearer".into(),
        Credential::Header { name, .. } => format!("header {name}"),
        Credential::Query { name, .. } => format!("query {name}"),
        Credential::OAuth2ClientCredentials {
            token_url,
            client_id,
            scope,
            audience,
            ..
        } => {
            let scope = if scope.is_empty() {
                String::new()
            } else {
                format!(", scope {scope}")
            };
            let audience = audience
                .as_ref()
                .map_or_else(String::new, |audience| format!(", audience {audience}"));
            format!(
                "oauth2 {} as {client_id}{scope}{audience}",
                http_place(token_url)
            )
        }
    }
}

fn reasons(spec: &SystemSpec) -> BTreeMap<String, String> {
    let manifest = &spec.package.manifest;
    let mut reasons = BTreeMap::new();
    let mut give = |name: &str, reason: &str| {
        reasons.insert(name.to_owned(), reason.to_owned());
    };
    for (name, connection) in &manifest.connections {
        give(name, &connection.reason);
    }
    for (name, key) in &manifest.keys {
        give(name, &key.reason);
    }
    for (event, summary) in &manifest.events.emits {
        give(event, summary);
    }
    for (call, reason) in &manifest.calls {
        give(call, reason);
    }
    if let Some(store) = &manifest.store {
        give("store", &store.reason);
    }
    reasons
}

fn field_items(rules: &FieldRules) -> impl Iterator<Item = Item> {
    let hide = rules.hide.iter().map(|field| Item::Hide {
        field: field.clone(),
    });
    let mask = rules.mask.iter().map(|(field, mask)| Item::Mask {
        field: field.clone(),
        r#as: *mask,
    });
    let matching = rules
        .mask_matching
        .iter()
        .map(|pattern| Item::MaskMatching {
            pattern: pattern.clone(),
        });
    hide.chain(mask).chain(matching)
}
