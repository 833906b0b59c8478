//! Tryton's JSON-RPC, which its own clients speak: every method of every model by a POST to one path, `/rpc/` below the
//! database's address, or, before Tryton 8, that address itself.
//!
//! A request asks for one thing, so that a record that was made or changed is read by a second one.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::http::{self, Response};

use super::{Ask, Transport, What, order};
use crate::failure::{fault, turned_away};

const CONNECTION: &str = "rpc";
/// Where the newest serve it comes first.
const PATHS: [&str; 2] = ["/rpc/", "/"];

/// JSON-RPC, in the name of a user with a password.
#[derive(Default)]
pub(super) struct Rpc {
    /// Where this server serves it.
    path: OnceCell<&'static str>,
}

/// The answer, at status 200 also where it is none.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    /// An exception's name with what it says, or the words of one that is a fault of Tryton's, with a traceback.
    error: Option<Value>,
}

impl Transport for Rpc {
    fn ask(&self, ask: &Ask<'_>) -> Result<Value, Failure> {
        match &ask.what {
            What::Search(domain, search) => {
                let (limit, order) = (search.limit, order(search));
                let order = if search.by.is_empty() {
                    Value::Null
                } else {
                    order
                };
                let of = json!([
                    domain.value(),
                    0,
                    limit,
                    order,
                    read(ask.fields),
                    ask.context
                ]);
                self.call(ask, "search_read", of).map(undotted)
            }
            What::Get(id) => self
                .record(ask, number(id))?
                .ok_or_else(|| Failure::not_found(format!("Tryton has no {}", ask.words()))),
            What::Create(values) => {
                let made = self.call(ask, "create", json!([[values], ask.context]))?;
                self.after(ask, made[0].clone())
            }
            What::Write(id, values) => {
                self.call(ask, "write", json!([[number(id)], values, ask.context]))?;
                self.after(ask, number(id))
            }
            What::Press(id, button) => {
                self.call(ask, button, json!([[number(id)], ask.context]))?;
                self.after(ask, number(id))
            }
            What::Suggest(id, field) => {
                self.call(ask, "on_change", json!([number(id), [field], ask.context]))
            }
        }
    }

    fn preferences(&self) -> Result<Map<String, Value>, Failure> {
        let of = json!([true, {}]);
        let answer = self.method(
            "model.res.user.get_preferences",
            of,
            "the user's preferences",
        )?;
        serde_json::from_value(answer).map_err(|error| {
            Failure::unavailable(format!("Tryton's answer is no preferences: {error}"), None)
        })
    }

    fn rights(&self, model: &str) -> Result<Value, Failure> {
        self.method(
            "model.ir.model.access.get_access",
            json!([[model], {}]),
            model,
        )
    }
}

impl Rpc {
    /// A record by its id, if the user sees it; put out of use or not, as over REST.
    fn record(&self, ask: &Ask<'_>, id: Value) -> Result<Option<Value>, Failure> {
        let mut context = ask.context.clone();
        context.insert("active_test".to_owned(), false.into());
        let same = json!([["id", "=", id]]);
        let of = json!([same, 0, 1, null, read(ask.fields), context]);
        let found = self.call(ask, "search_read", of).map(undotted)?;
        Ok(found.get(0).cloned())
    }

    /// The record that was made or changed; null where the user may not see it, or not all that is read of it.
    fn after(&self, ask: &Ask<'_>, id: Value) -> Result<Value, Failure> {
        match self.record(ask, id) {
            Err(Failure::Rejected(_)) | Ok(None) => Ok(Value::Null),
            Ok(Some(record)) => Ok(record),
            Err(failure) => Err(failure),
        }
    }

    fn call(&self, ask: &Ask<'_>, method: &str, of: Value) -> Result<Value, Failure> {
        self.method(&format!("model.{}.{method}", ask.model), of, &ask.words())
    }

    fn method(&self, method: &str, of: Value, what: &str) -> Result<Value, Failure> {
        let response = self.send(&json!({ "id": 0, "method": method, "params": of }))?;
        if !response.is_success() {
            return Err(turned_away(&response, what));
        }
        let answer: Answer = response.json()?;
        match answer.error {
            Some(error) => Err(fault(&error, what)),
            None => Ok(answer.result),
        }
    }

    /// Sends it to where this server serves JSON-RPC, which the first request finds out. A reviewer may have granted one of
    /// the places alone.
    fn send(&self, body: &Value) -> Result<Response, Failure> {
        if let Some(path) = self.path.get() {
            return Ok(http::post(CONNECTION, *path).json(body)?.send()?);
        }
        let mut denied = None;
        for path in PATHS {
            match http::post(CONNECTION, path).json(body)?.send() {
                Ok(response) if matches!(response.status, 404 | 405) => {}
                Ok(response) => {
                    self.path.get_or_init(|| path);
                    return Ok(response);
                }
                Err(error @ http::Error::Denied(_)) => denied = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(denied.map_or_else(
            || {
                Failure::internal(
                    "Tryton has no such database, or answers no JSON-RPC there; bind the connection `rpc` to `https://SERVER/DATABASE`",
                )
            },
            Failure::from,
        ))
    }
}

/// Ids were looked at before: they are numbers.
fn number(id: &str) -> Value {
    id.parse::<u64>().unwrap_or_default().into()
}

/// The fields as Tryton reads them, with the id of each record on the way.
fn read(fields: &[&str]) -> BTreeSet<String> {
    let ids = fields.iter().flat_map(|field| {
        let dots = field.match_indices('.');
        dots.map(|(dot, _)| format!("{}.id", &field[..dot]))
    });
    let own = fields.iter().map(|field| (*field).to_owned());
    own.chain(ids).collect()
}

/// Records behind fields stand beside the field's own id, under its name and a dot; here, as over REST, in its place.
fn undotted(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(undotted).collect(),
        Value::Object(record) if record.keys().any(|name| name.ends_with('.')) => {
            let (dotted, mut plain): (Map<_, _>, Map<_, _>) = record
                .into_iter()
                .partition(|(name, _)| name.ends_with('.'));
            for (name, behind) in dotted {
                plain.insert(name.trim_end_matches('.').to_owned(), undotted(behind));
            }
            plain.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_behind_a_field_stand_in_its_place() {
        let answered = json!([{ "id": 7, "party": 3, "party.": { "id": 3, "name": "Nord AG" }, "lines": [4],
            "lines.": [{ "id": 4, "product": 2, "product.": { "id": 2, "code": "WID-1" } }], "currency.": null }]);
        let expected = json!([{ "id": 7, "party": { "id": 3, "name": "Nord AG" },
            "lines": [{ "id": 4, "product": { "id": 2, "code": "WID-1" } }], "currency": null }]);
        assert_eq!(undotted(answered), expected);
    }

    #[test]
    fn the_records_on_the_way_are_read_with_their_ids() {
        let read: Vec<String> = read(&["state", "lines.product.code"]).into_iter().collect();
        assert_eq!(
            read,
            [
                "lines.id",
                "lines.product.code",
                "lines.product.id",
                "state"
            ]
        );
    }
}
