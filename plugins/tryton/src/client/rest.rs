//! Tryton's REST interface, which stands below the database's own address: `/rest/model/MODEL/ID/ACTION`
//! (<https://docs.tryton.org/latest/server/topics/rest.html>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value, json};
use tombolo_sdk::http::{self, Request, Response};
use tombolo_sdk::{Failure, to_json};

use super::{Ask, Transport, What, order};
use crate::failure::refused;

const CONNECTION: &str = "api";

/// REST, in the name of a key.
pub(super) struct Rest;

impl Transport for Rest {
    fn ask(&self, ask: &Ask<'_>) -> Result<Value, Failure> {
        let context = URL_SAFE.encode(to_json(&ask.context)?);
        let response = request(ask)?.header("x-tryton-context", context).send()?;
        match response.status {
            // A record that the user may make but not see.
            204 => Ok(Value::Null),
            _ => answer(&response, &ask.words()),
        }
    }

    fn preferences(&self) -> Result<Map<String, Value>, Failure> {
        let request = post(&["res.user", "get_preferences"])?;
        let response = request.json(&json!({ "context_only": true }))?.send()?;
        if response.status == 404 {
            return Err(Failure::internal(
                "Tryton has no such database, or serves no REST there; bind the connection to `https://SERVER/DATABASE`, and for a server that is older than REST see `protocol` in README.md",
            ));
        }
        answer(&response, "the user's preferences")
    }

    fn rights(&self, model: &str) -> Result<Value, Failure> {
        post(&["ir.model.access", "get_access"])?
            .json(&json!({ "models": [model] }))?
            .call()?
            .json()
    }
}

fn request(ask: &Ask<'_>) -> Result<Request, Failure> {
    let model = ask.model;
    let fields = |request: Request| {
        let fields = ask.fields.iter();
        fields.fold(request, |request, field| request.query("f", *field))
    };
    Ok(match &ask.what {
        What::Search(domain, search) => {
            let domain = URL_SAFE.encode(to_json(&domain.value())?);
            let mut request = get(&[model])?.query("d", domain);
            if !search.by.is_empty() {
                request = request.query("o", URL_SAFE.encode(to_json(&order(search))?));
            }
            if let Some(limit) = search.limit {
                request = request.query("s", limit.to_string());
            }
            fields(request)
        }
        What::Get(id) => fields(get(&[model, id])?),
        What::Create(values) => fields(post(&[model])?).json(values)?,
        What::Write(id, values) => {
            fields(http::put(CONNECTION, path(&[model, id])?)).json(values)?
        }
        What::Press(id, button) => fields(post(&[model, id, button])?).json(&json!({}))?,
        What::Suggest(id, field) => {
            post(&[model, id, "on_change"])?.json(&json!({ "fieldnames": [field] }))?
        }
    })
}

fn answer<T: serde::de::DeserializeOwned>(response: &Response, what: &str) -> Result<T, Failure> {
    if response.is_success() {
        response.json()
    } else {
        Err(refused(response, what))
    }
}

fn get(parts: &[&str]) -> Result<Request, Failure> {
    Ok(http::get(CONNECTION, path(parts)?))
}

fn post(parts: &[&str]) -> Result<Request, Failure> {
    Ok(http::post(CONNECTION, path(parts)?))
}

fn path(parts: &[&str]) -> Result<String, Failure> {
    Ok(format!("/rest/model{}", http::path(parts)?))
}
