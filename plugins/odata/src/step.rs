//! One step of an action: whether it is taken, what is asked, and what it gives to the steps after it.

use std::rc::Rc;

use tombolo_sdk::Failure;
use tombolo_sdk::http::{Method, Response};
use tombolo_sdk::json::elements;

use crate::batch::{self, Change};
use crate::body::Body;
use crate::client::{self, Client};
use crate::context::{Condition, Context, Hole};
use crate::entity::Entity;
use crate::filter::{Filled, Filter};
use crate::list::{self, Order, Wanted};
use crate::metadata;
use crate::options::{OnceOptions, StepOptions, Version};
use crate::{Entities, entity_of, once};

mod call;
mod compile;
mod listing;

/// A step made ready.
pub(crate) struct Step {
    /// By which later steps know it.
    pub(crate) name: Option<String>,
    when: Option<Condition>,
    unless: Option<Condition>,
    each: Option<Hole>,
    together: bool,
    /// Nothing found is no failure.
    optional: bool,
    client: Rc<Client>,
    operation: Operation,
}

enum Operation {
    List(listing::Listing),
    Get(Rc<Entity>, Which, Order),
    Change(Changing),
    Function(Rc<Entity>, String, Body),
    /// Entities against `$metadata`.
    Check(Vec<Rc<Entity>>),
}

/// Which one.
enum Which {
    Key(Body),
    /// The only one that fits.
    Filter(Filter),
}

/// What changes something.
struct Changing {
    entity: Rc<Entity>,
    verb: Verb,
    key: Option<Body>,
    body: Option<Body>,
    etag: Etag,
    once: Option<(OnceOptions, Order)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
    Upsert,
    Delete,
    /// By its name.
    Action(String),
}

/// Which version of an entity may be changed.
enum Etag {
    /// The one that is there when the step begins.
    Read,
    Any,
    /// The service asks for none.
    None,
    Given(Hole),
}

impl Step {
    /// What it gives; `None` if it was not taken, or gives nothing.
    pub(crate) fn run(&self, context: &Context) -> Result<Option<String>, Failure> {
        let taken = match &self.when {
            Some(condition) => condition.holds(context)?,
            None => true,
        };
        let spared = match &self.unless {
            Some(condition) => condition.holds(context)?,
            None => false,
        };
        if !taken || spared {
            return Ok(None);
        }
        let Some(each) = &self.each else {
            return self.one(context);
        };
        let Some(raw) = each.raw(context)? else {
            return Ok(None);
        };
        let items = elements(&raw).unwrap_or_else(|| vec![&raw]);
        let contexts: Vec<_> = items.iter().map(|item| context.of(item)).collect();
        let results = match &self.operation {
            Operation::Change(changing) if self.together => self.together(changing, &contexts)?,
            _ => contexts
                .iter()
                .map(|context| self.one(context))
                .collect::<Result<_, _>>()?,
        };
        let results: Vec<_> = results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| "null".to_owned()))
            .collect();
        Ok(Some(format!("[{}]", results.join(","))))
    }

    fn one(&self, context: &Context) -> Result<Option<String>, Failure> {
        let result = match &self.operation {
            Operation::List(listing) => listing.run(&self.client, context).map(Some),
            Operation::Get(entity, which, order) => self.get(entity, which, order, context),
            Operation::Change(changing) => changing.run(&self.client, context),
            Operation::Function(entity, name, parameters) => {
                call::function(&self.client, entity, name, parameters, context)
            }
            Operation::Check(entities) => metadata::check(&self.client, entities).map(Some),
        };
        match result {
            Err(Failure::NotFound(_)) if self.optional => Ok(None),
            other => other,
        }
    }

    fn get(
        &self,
        entity: &Entity,
        which: &Which,
        order: &Order,
        context: &Context,
    ) -> Result<Option<String>, Failure> {
        let row = match which {
            Which::Key(key) => {
                let path = path_of(entity, key, context)?;
                let request = self
                    .client
                    .request(Method::Get, format!("{}/{path}", entity.service))
                    .with_query(entity.used.query(entity.version));
                let response = self.client.read(&request)?;
                client::entity(entity.version, &response)?
            }
            Which::Filter(filter) => {
                let Filled::Some(filter) = filter.fill(entity, context)? else {
                    return Err(none(entity));
                };
                if filter.is_empty() {
                    return Err(Failure::invalid_input(
                        "",
                        format!("says nothing of which `{}` is meant", entity.name),
                    ));
                }
                let wanted = Wanted {
                    filter,
                    count: Some(1),
                };
                let mut found = list::read(&self.client, entity, order, &wanted)?;
                if found.more {
                    return Err(Failure::conflict(format!(
                        "more than one `{}` fits",
                        entity.name
                    )));
                }
                found.rows.pop()
            }
        };
        let row = row.ok_or_else(|| none(entity))?;
        entity.tell(&row).map(Some)
    }

    fn together(
        &self,
        changing: &Changing,
        contexts: &[Context],
    ) -> Result<Vec<Option<String>>, Failure> {
        let mut changes = Vec::new();
        for context in contexts {
            changes.push(changing.change(&self.client, context)?);
        }
        let responses = batch::send(&self.client, &changing.entity.service, &changes)?;
        responses
            .iter()
            .map(|response| changing.told(response))
            .collect()
    }
}

impl Changing {
    fn run(&self, client: &Client, context: &Context) -> Result<Option<String>, Failure> {
        if let Some((once, order)) = &self.once {
            let wanted = Wanted {
                filter: vec![self.made_by(once, context)?],
                count: Some(1),
            };
            let found = list::read(client, &self.entity, order, &wanted)?;
            if let Some(row) = found.rows.first() {
                return self.entity.tell(row).map(Some);
            }
        }
        let change = self.change(client, context)?;
        let service = &self.entity.service;
        let response = client.change(service, change.alone(client, service))?;
        self.told(&response)
    }

    fn made_by(&self, once: &OnceOptions, context: &Context) -> Result<String, Failure> {
        let text = once::text(context.key(), once.length);
        let kind = self.entity.kind(&once.property);
        let literal = kind
            .literal(self.entity.version, &text)
            .map_err(Failure::internal)?;
        Ok(format!("{} eq {literal}", once.property))
    }

    fn change(&self, client: &Client, context: &Context) -> Result<Change, Failure> {
        let entity = &*self.entity;
        if let Verb::Action(name) = &self.verb {
            let mut change =
                call::action(entity, name, self.key.as_ref(), self.body.as_ref(), context)?;
            change.headers.extend(self.precondition(client, context)?);
            return Ok(change);
        }
        let set = entity.set().map_err(Failure::internal)?;
        let path = match &self.key {
            Some(key) => path_of(entity, key, context)?,
            None => set.to_owned(),
        };
        let body = match &self.body {
            Some(body) => {
                let key = self.once.as_ref().map(|(once, _)| {
                    (
                        once.property.as_str(),
                        once::text(context.key(), once.length),
                    )
                });
                let key = key
                    .as_ref()
                    .map(|(property, text)| (*property, text.as_str()));
                let mut out = String::new();
                body.fill(entity, context, key.as_slice(), &mut out)?;
                Some(out)
            }
            None => None,
        };
        let mut headers = Vec::new();
        if entity.version == Version::V4 && self.verb != Verb::Delete {
            headers.push(("prefer".to_owned(), "return=representation".to_owned()));
        }
        headers.extend(self.precondition(client, context)?);
        Ok(Change {
            method: match self.verb {
                Verb::Update | Verb::Upsert => Method::Patch,
                Verb::Delete => Method::Delete,
                Verb::Create | Verb::Action(_) => Method::Post,
            },
            path,
            query: Vec::new(),
            headers,
            body,
        })
    }

    fn precondition(
        &self,
        client: &Client,
        context: &Context,
    ) -> Result<Option<(String, String)>, Failure> {
        let etag = match &self.etag {
            Etag::None => return Ok(None),
            Etag::Any => Some("*".to_owned()),
            Etag::Given(hole) => match hole.text(context)? {
                Some(etag) if etag.chars().any(char::is_control) => {
                    return Err(Failure::invalid_input(
                        "",
                        "is no ETag: it has a control character",
                    ));
                }
                etag => etag,
            },
            Etag::Read => self.present(client, context)?,
        };
        Ok(etag.map(|etag| ("if-match".to_owned(), etag)))
    }

    fn present(&self, client: &Client, context: &Context) -> Result<Option<String>, Failure> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let entity = &*self.entity;
        let path = path_of(entity, key, context)?;
        let mut request = client.request(Method::Get, format!("{}/{path}", entity.service));
        if !entity.key.is_empty() {
            request = request.query("$select", entity.key.join(","));
        }
        let response = client.read(&request)?;
        let own = client::entity(entity.version, &response)?;
        let etag = own.and_then(|row| entity.etag(&row));
        Ok(etag.or_else(|| response.header("etag").map(str::to_owned)))
    }

    fn told(&self, response: &Response) -> Result<Option<String>, Failure> {
        let entity = &*self.entity;
        match (&self.verb, client::entity(entity.version, response)?) {
            (_, None) | (Verb::Delete, _) => Ok(None),
            (Verb::Action(name), Some(raw)) => call::result(entity, name, &raw),
            (_, Some(raw)) => entity.tell(&raw).map(Some),
        }
    }
}

/// `Orders(1)`.
fn path_of(entity: &Entity, key: &Body, context: &Context) -> Result<String, Failure> {
    let set = entity.set().map_err(Failure::internal)?;
    let key = key.texts(context)?;
    if key.is_empty() || key.iter().any(|(_, text)| text.is_empty()) {
        return Err(Failure::invalid_input(
            "",
            format!("says nothing of which `{}` is meant", entity.name),
        ));
    }
    entity.one(set, &key)
}

fn none(entity: &Entity) -> Failure {
    Failure::not_found(format!("there is no such `{}`", entity.name))
}
