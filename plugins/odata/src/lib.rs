//! OData V2 and V4 by entities and actions that the operator declares: which properties are which fields, what an action
//! asks for in which order, and what makes it harmless to ask twice.
//!
//! Values become literals and JSON of their property's type; names are the operator's alone, so nothing that comes in can
//! widen a filter or leave its entity. Everything is made ready once per instance.

mod action;
mod batch;
mod body;
mod client;
mod context;
mod edm;
mod entity;
mod feed;
mod fields;
mod filter;
mod list;
mod metadata;
mod once;
mod options;
mod properties;
mod step;

use std::collections::BTreeMap;
use std::rc::Rc;

use tombolo_sdk::settings::Offers;
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, Page, Settings};

use action::Action;
use client::Client;
use entity::Entity;
use feed::Feed;
use options::{FeedOptions, StepOptions, SystemOptions};

/// The actions and feeds of one system. One that cannot work leaves the others alone.
pub struct Odata {
    actions: Offers<Action>,
    feeds: Offers<Feed>,
}

/// The entities of the settings, by name.
type Entities = BTreeMap<String, Rc<Entity>>;

impl Adapter for Odata {
    fn start() -> Result<Self, Failure> {
        let settings = Settings::read()?;
        let options: SystemOptions = settings.parse()?;
        let client = Rc::new(Client::new(&options).map_err(Failure::internal)?);
        let mut entities = Entities::new();
        for (name, entity) in &options.entities {
            let entity = Entity::compile(name, entity, options.version).map_err(|problem| {
                Failure::internal(format!(
                    "settings.entities.{name} in the system file: {problem}"
                ))
            })?;
            entities.insert(name.clone(), Rc::new(entity));
        }
        let action = |options: StepOptions| Action::compile(options, &client, &entities);
        let feed = |options: FeedOptions| {
            let entity = entity_of(&entities, &options.entity)?;
            Feed::compile(&options, client.clone(), entity)
        };
        Ok(Self {
            actions: Offers::compile("action", &settings.actions, action),
            feeds: Offers::compile("feed", &settings.feeds, feed),
        })
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        self.actions.get(&call.action)?.run(&call)
    }

    fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        self.feeds.get(feed)?.read(cursor, limit)
    }
}

fn entity_of(entities: &Entities, name: &str) -> Result<Rc<Entity>, String> {
    entities.get(name).cloned().ok_or_else(|| {
        let known: Vec<_> = entities.keys().map(String::as_str).collect();
        format!(
            "found the entity `{name}`, expected one of `settings.entities`: {}",
            known.join(", ")
        )
    })
}

tombolo_sdk::export!(Odata);

#[cfg(test)]
mod tests;
