//! Requests to Tryton's REST interface, which stands below the database's own address: `/rest/model/MODEL/ID/ACTION`
//! (<https://docs.tryton.org/latest/server/topics/rest.html>).
//!
//! Whoever calls over REST has no context of their own, so that companies, languages and warehouses have no default. The
//! user's own preferences are asked for once per instance and go along with each request.

use std::cell::OnceCell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value, json};
use tombolo_sdk::http::{self, Request, Response};
use tombolo_sdk::{Failure, log, to_json};

use crate::domain::Domain;
use crate::failure::failure;

const CONNECTION: &str = "api";

/// Who is asked, in whose name.
#[derive(Default)]
pub(crate) struct Client {
    context: OnceCell<Map<String, Value>>,
}

/// What of a model is read: fields, dotted through records (`party.name`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields(pub(crate) &'static [&'static str]);

/// What a search asks for beside its conditions.
#[derive(Debug, Default)]
pub(crate) struct Search<'a> {
    /// Fields by which the records are sorted, upwards.
    pub(crate) by: &'a [&'a str],
    /// Records at most; all without it.
    pub(crate) limit: Option<usize>,
    /// Goes into the context of this request.
    pub(crate) context: Value,
}

impl Client {
    /// Records that meet a domain.
    pub(crate) fn search(
        &self,
        model: &str,
        domain: &Domain,
        fields: Fields,
        search: &Search<'_>,
    ) -> Result<Vec<Value>, Failure> {
        self.search_for(model, domain, fields.0, search)
    }

    /// The same for fields that are not known beforehand.
    pub(crate) fn search_for(
        &self,
        model: &str,
        domain: &Domain,
        fields: &[&str],
        search: &Search<'_>,
    ) -> Result<Vec<Value>, Failure> {
        let domain = URL_SAFE.encode(domain.text());
        let mut request = http::get(CONNECTION, path(&[model])?).query("d", domain);
        if !search.by.is_empty() {
            let order: Vec<_> = search
                .by
                .iter()
                .map(|field| json!([field, "ASC"]))
                .collect();
            request = request.query("o", URL_SAFE.encode(to_json(&order)?));
        }
        if let Some(limit) = search.limit {
            request = request.query("s", limit.to_string());
        }
        let request = self.with_context(with_fields(request, fields), &search.context)?;
        self.send(&request, &[model], "read")?.json()
    }

    /// The only record that meets a domain, if there is one; with several the first that was made.
    pub(crate) fn first(
        &self,
        model: &str,
        domain: &Domain,
        fields: Fields,
    ) -> Result<Option<Value>, Failure> {
        let search = Search {
            by: &["id"],
            limit: Some(1),
            ..Search::default()
        };
        let found = self.search(model, domain, fields, &search)?;
        Ok(found.into_iter().next())
    }

    /// A record by its id.
    ///
    /// # Errors
    /// `not-found` if there is none, or none that the user may see.
    pub(crate) fn get(&self, model: &str, id: &str, fields: Fields) -> Result<Value, Failure> {
        let parts = [model, known(model, id)?];
        let request = fields.of(http::get(CONNECTION, path(&parts)?));
        let request = self.with_context(request, &Value::Null)?;
        self.send(&request, &parts, "read")?.json()
    }

    /// Makes a record.
    pub(crate) fn create(
        &self,
        model: &str,
        values: &Value,
        fields: Fields,
    ) -> Result<Value, Failure> {
        let request = fields
            .of(http::post(CONNECTION, path(&[model])?))
            .json(values)?;
        let request = self.with_context(request, &Value::Null)?;
        made(&self.send(&request, &[model], "create")?)
    }

    /// Changes a record.
    pub(crate) fn write(
        &self,
        model: &str,
        id: &str,
        values: &Value,
        fields: Fields,
    ) -> Result<Value, Failure> {
        let parts = [model, known(model, id)?];
        let request = fields
            .of(http::put(CONNECTION, path(&parts)?))
            .json(values)?;
        let request = self.with_context(request, &Value::Null)?;
        made(&self.send(&request, &parts, "write")?)
    }

    /// Presses a record's button: `quote`, `confirm`.
    pub(crate) fn press(
        &self,
        model: &str,
        id: &str,
        button: &str,
        fields: Fields,
    ) -> Result<Value, Failure> {
        let parts = [model, known(model, id)?, button];
        let request = fields
            .of(http::post(CONNECTION, path(&parts)?))
            .json(&json!({}))?;
        let request = self.with_context(request, &Value::Null)?;
        self.send(&request, &parts, "write")?.json()
    }

    /// What Tryton itself would fill in when a person chose `field` in a form; changes nothing.
    pub(crate) fn suggested(&self, model: &str, id: &str, field: &str) -> Result<Value, Failure> {
        let parts = [model, known(model, id)?, "on_change"];
        let request =
            http::post(CONNECTION, path(&parts)?).json(&json!({ "fieldnames": [field] }))?;
        let request = self.with_context(request, &Value::Null)?;
        self.send(&request, &parts, "read")?.json()
    }

    /// A value of the user's preferences, such as `company`.
    ///
    /// # Errors
    /// `internal` if the user has none: nothing can be made without.
    pub(crate) fn preference(&self, name: &str) -> Result<u64, Failure> {
        self.context()?
            .get(name)
            .and_then(Value::as_u64)
            .ok_or_else(|| {
                Failure::internal(format!(
                    "the user whose key this is has no {name} in Tryton; set one in the user's preferences"
                ))
            })
    }

    fn context(&self) -> Result<&Map<String, Value>, Failure> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let parts = ["res.user", "get_preferences"];
        let request =
            http::post(CONNECTION, path(&parts)?).json(&json!({ "context_only": true }))?;
        let response = request.send()?;
        if response.status == 404 {
            return Err(Failure::internal(
                "Tryton has no such database, or serves no REST there; bind the connection to `https://SERVER/DATABASE`",
            ));
        }
        if !response.is_success() {
            return Err(failure(&response, "the user's preferences"));
        }
        let mut context: Map<String, Value> = response.json()?;
        // What only a screen needs; some of it no header would take.
        context
            .retain(|name, _| !name.contains('.') && !matches!(name.as_str(), "locale" | "groups"));
        Ok(self.context.get_or_init(|| context))
    }

    fn with_context(&self, request: Request, more: &Value) -> Result<Request, Failure> {
        let mut context = self.context()?.clone();
        if let Value::Object(more) = more {
            context.extend(more.clone());
        }
        Ok(request.header("x-tryton-context", URL_SAFE.encode(to_json(&context)?)))
    }

    fn send(&self, request: &Request, parts: &[&str], right: &str) -> Result<Response, Failure> {
        let response = request.send()?;
        if response.is_success() {
            return Ok(response);
        }
        let failure = failure(&response, &parts.join(" "));
        let words = match &failure {
            Failure::Rejected(rejection) => rejection.message.clone(),
            // A record by its id is not there, too, for whom may read none of its kind.
            Failure::NotFound(_) => format!(
                "Tryton shows the user no {}; the user's groups lack the right",
                parts.join(" ")
            ),
            _ => return Err(failure),
        };
        match parts.first() {
            Some(model) if !self.may(model, right) => Err(Failure::unauthorized(words)),
            _ => Err(failure),
        }
    }

    /// Whether the user's groups have a right on a model. Words of a refusal are in the user's language, so they do not
    /// tell; this does.
    fn may(&self, model: &str, right: &str) -> bool {
        let asked = || -> Result<Value, Failure> {
            http::post(CONNECTION, path(&["ir.model.access", "get_access"])?)
                .json(&json!({ "models": [model] }))?
                .call()?
                .json()
        };
        match asked() {
            Ok(access) => access[model][right] != json!(0) && access[model][right] != json!(false),
            Err(failure) => {
                log::debug(&format!(
                    "rights on {model} are not known: {}",
                    failure.message()
                ));
                true
            }
        }
    }
}

impl Fields {
    fn of(self, request: Request) -> Request {
        with_fields(request, self.0)
    }
}

fn with_fields(mut request: Request, fields: &[&str]) -> Request {
    for field in fields {
        request = request.query("f", *field);
    }
    request
}

/// A record that the user may make but not see is answered with 204.
fn made(response: &Response) -> Result<Value, Failure> {
    if response.status == 204 {
        return Err(Failure::unauthorized(
            "Tryton made or changed the record and does not show it to the user; give the user's groups the right to read it",
        ));
    }
    response.json()
}

fn path(parts: &[&str]) -> Result<String, Failure> {
    Ok(format!("/rest/model{}", http::path(parts)?))
}

/// Ids are numbers; what is none was never an id of Tryton's.
fn known<'a>(model: &str, id: &'a str) -> Result<&'a str, Failure> {
    let is_id = !id.is_empty() && id.len() <= 18 && id.bytes().all(|byte| byte.is_ascii_digit());
    if is_id {
        Ok(id)
    } else {
        Err(Failure::not_found(format!(
            "Tryton has no {model} `{id}`: its ids are numbers"
        )))
    }
}
