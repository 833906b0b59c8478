//! What is asked of Tryton, whichever way it is asked: over REST ([`rest`]), or over JSON-RPC ([`rpc`]) where a server is
//! older than that.
//!
//! Neither way gives a caller a context of its own, so that companies, languages and warehouses have no default. The user's
//! own preferences are asked for once per instance and go along with each request.

mod rest;
mod rpc;

use std::cell::OnceCell;

use serde_json::{Map, Value, json};
use tombolo_sdk::{Failure, log};

use crate::domain::Domain;
use crate::settings::Protocol;

/// Who is asked, in whose name.
pub(crate) struct Client {
    transport: Box<dyn Transport>,
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

/// A request about the records of one model.
struct Ask<'a> {
    model: &'a str,
    what: What<'a>,
    /// What is read of the records that come back.
    fields: &'a [&'a str],
    context: Map<String, Value>,
}

enum What<'a> {
    /// The records that meet a domain, as a list.
    Search(&'a Domain, &'a Search<'a>),
    /// One record by its id.
    Get(&'a str),
    Create(&'a Value),
    Write(&'a str, &'a Value),
    /// A button of a record, and the record after it.
    Press(&'a str, &'a str),
    /// What Tryton would fill in for a field that was chosen; changes nothing.
    Suggest(&'a str, &'a str),
}

/// A way to ask.
trait Transport {
    /// What came back: a list for a search, what is suggested for that, else the record, null where the user may not see it.
    ///
    /// # Errors
    /// `not-found` for a record that the user does not see; `rejected` with Tryton's words, also where a right is missing.
    fn ask(&self, ask: &Ask<'_>) -> Result<Value, Failure>;

    /// The user's preferences, as far as they are for contexts.
    ///
    /// # Errors
    /// `internal` where the server answers and has no such database.
    fn preferences(&self) -> Result<Map<String, Value>, Failure>;

    /// The rights of the user's groups on a model.
    fn rights(&self, model: &str) -> Result<Value, Failure>;
}

impl Client {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            transport: match protocol {
                Protocol::Rest => Box::new(rest::Rest),
                Protocol::JsonRpc => Box::new(rpc::Rpc::default()),
            },
            context: OnceCell::new(),
        }
    }

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
        let mut context = self.context()?.clone();
        if let Value::Object(more) = &search.context {
            context.extend(more.clone());
        }
        let what = What::Search(domain, search);
        match self.send(&Ask {
            model,
            what,
            fields,
            context,
        })? {
            Value::Array(records) => Ok(records),
            other => Err(Failure::unavailable(
                format!("Tryton answered a search of {model} with {other}, expected a list"),
                None,
            )),
        }
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
        self.record(model, What::Get(known(model, id)?), fields)
    }

    /// Makes a record.
    pub(crate) fn create(
        &self,
        model: &str,
        values: &Value,
        fields: Fields,
    ) -> Result<Value, Failure> {
        self.record(model, What::Create(values), fields)
    }

    /// Changes a record.
    pub(crate) fn write(
        &self,
        model: &str,
        id: &str,
        values: &Value,
        fields: Fields,
    ) -> Result<Value, Failure> {
        self.record(model, What::Write(known(model, id)?, values), fields)
    }

    /// Presses a record's button: `quote`, `confirm`.
    pub(crate) fn press(
        &self,
        model: &str,
        id: &str,
        button: &str,
        fields: Fields,
    ) -> Result<Value, Failure> {
        self.record(model, What::Press(known(model, id)?, button), fields)
    }

    /// What Tryton itself would fill in when a person chose `field` in a form; changes nothing.
    pub(crate) fn suggested(&self, model: &str, id: &str, field: &str) -> Result<Value, Failure> {
        self.record(model, What::Suggest(known(model, id)?, field), Fields(&[]))
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
                    "the user in whose name this is has no {name} in Tryton; set one in the user's preferences"
                ))
            })
    }

    fn context(&self) -> Result<&Map<String, Value>, Failure> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let mut context = self.transport.preferences()?;
        // What only a screen needs; some of it no header would take.
        context
            .retain(|name, _| !name.contains('.') && !matches!(name.as_str(), "locale" | "groups"));
        Ok(self.context.get_or_init(|| context))
    }

    fn record(&self, model: &str, what: What<'_>, fields: Fields) -> Result<Value, Failure> {
        let context = self.context()?.clone();
        let fields = fields.0;
        match self.send(&Ask {
            model,
            what,
            fields,
            context,
        })? {
            Value::Null => Err(Failure::unauthorized(
                "Tryton made or changed the record and does not show it to the user; give the user's groups the right to read it",
            )),
            record => Ok(record),
        }
    }

    fn send(&self, ask: &Ask<'_>) -> Result<Value, Failure> {
        let failure = match self.transport.ask(ask) {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let words = match &failure {
            Failure::Rejected(rejection) => rejection.message.clone(),
            // A record by its id is not there, too, for whom may read none of its kind.
            Failure::NotFound(_) => format!(
                "Tryton shows the user no {}; the user's groups lack the right",
                ask.words()
            ),
            _ => return Err(failure),
        };
        if self.may(ask.model, ask.right()) {
            Err(failure)
        } else {
            Err(Failure::unauthorized(words))
        }
    }

    /// Whether the user's groups have a right on a model. Words of a refusal are in the user's language, so they do not
    /// tell; this does.
    fn may(&self, model: &str, right: &str) -> bool {
        match self.transport.rights(model) {
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

impl Ask<'_> {
    /// What people read of it: `sale.sale 7 confirm`.
    fn words(&self) -> String {
        let model = self.model;
        match &self.what {
            What::Search(..) | What::Create(_) => model.to_owned(),
            What::Get(id) | What::Write(id, _) => format!("{model} {id}"),
            What::Press(id, button) => format!("{model} {id} {button}"),
            What::Suggest(id, _) => format!("{model} {id} on_change"),
        }
    }

    /// The right that it needs.
    fn right(&self) -> &'static str {
        match self.what {
            What::Search(..) | What::Get(_) | What::Suggest(..) => "read",
            What::Create(_) => "create",
            What::Write(..) | What::Press(..) => "write",
        }
    }
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

/// Fields by which records are sorted, as Tryton takes them.
fn order(search: &Search<'_>) -> Value {
    let by = search.by.iter();
    by.map(|field| json!([field, "ASC"])).collect()
}
