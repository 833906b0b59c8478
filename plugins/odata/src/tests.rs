#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod changes;
mod feeds;
mod reads;
mod refusals;

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};

use crate::Odata;

/// A system with the entity `order` in V2 or V4, and one action, `it`.
fn host(version: &str, settings: Value, action: Value) -> Host {
    let mut all = json!({
        "version": version,
        "entities": {
            "order": {
                "service": "S",
                "set": "Orders",
                "key": ["No"],
                "types": { "Sum": "Decimal", "Day": "Date", "Changed": "DateTimeOffset", "Count": "Int64", "Id": "Guid" },
                "fields": {
                    "no": "No",
                    "sum": { "amount": "Sum", "currency": "Currency" },
                    "day": "Day",
                    "changed": "Changed",
                    "state": { "property": "State", "values": { "A": "open", "C": "done" } },
                    "lines": { "each": "to_Line", "fields": { "sku": "Item", "count": { "property": "Sum", "as": "number" } } },
                    "etag": "@etag",
                },
            },
            "account": { "set": "accounts", "key": ["accountid"], "types": { "accountid": "Guid" } },
        },
    });
    let merged = all.as_object_mut().unwrap();
    merged.extend(settings.as_object().unwrap().clone());
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["* /*"] } },
        "settings": all,
        "actions": { "it": { "effect": "write", "do": action } },
        "emits": ["order.changed"],
    }))
}

/// What each request was: `GET /S/Orders?$top=1`.
fn sent(host: &Host) -> Vec<String> {
    let requests = host.requests();
    let one = requests.iter().map(|sent| {
        let query: Vec<_> = sent
            .query
            .iter()
            .filter(|(name, _)| name != "$select" && name != "$expand")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", sent.method, sent.path, query.join("&"))
    });
    one.collect()
}

fn v2_order(no: &str) -> Value {
    json!({
        "__metadata": { "uri": "x", "etag": "W/\"7\"" },
        "No": no, "Sum": "12345678901234567890.10", "Currency": "EUR", "Day": "/Date(1767225600000)/",
        "Changed": "/Date(1767225600500+0000)/", "State": "A",
        "to_Line": { "results": [{ "Item": "x", "Sum": "3.000" }] },
        "to_Other": { "__deferred": { "uri": "x" } },
    })
}

fn v4_order(no: &str) -> Value {
    json!({
        "@odata.context": "$metadata#Orders/$entity", "@odata.etag": "W/\"7\"",
        "No": no, "Sum": "12345678901234567890.10", "Currency": "EUR", "Day": "2026-01-01",
        "Changed": "2026-01-01T00:00:00.5Z", "State": "A", "to_Line": [{ "Item": "x", "Sum": "3.000" }],
    })
}

fn list(version: &str, orders: &[Value], next: Option<&str>) -> Reply {
    let body = match (version, next) {
        ("v2", None) => json!({ "d": { "results": orders } }),
        ("v2", Some(link)) => json!({ "d": { "results": orders, "__next": link } }),
        (_, None) => json!({ "value": orders }),
        (_, Some(link)) => json!({ "value": orders, "@odata.nextLink": link }),
    };
    Reply::json(200, body)
}

fn one(version: &str, order: &Value) -> Reply {
    let body = if version == "v2" {
        json!({ "d": order })
    } else {
        order.clone()
    };
    Reply::json(200, body)
}

fn order(version: &str, no: &str) -> Value {
    if version == "v2" {
        v2_order(no)
    } else {
        v4_order(no)
    }
}

fn run(host: &Host, input: Value) -> Result<Value, tombolo_sdk::Failure> {
    host.start::<Odata>().act("it", input)
}
