//! A feed: entities in the order in which they change, from a place on. What changes while it is read comes again behind.

use std::rc::Rc;

use tombolo_sdk::feed::EventTemplate;
use tombolo_sdk::{Failure, Page};

use crate::client::Client;
use crate::context::Context;
use crate::entity::Entity;
use crate::filter::{Filled, Filter};
use crate::list::{self, Order, Wanted};
use crate::options::FeedOptions;

/// A feed's `do`, made ready.
pub(crate) struct Feed {
    client: Rc<Client>,
    entity: Rc<Entity>,
    filter: Filter,
    order: Order,
    event: EventTemplate,
}

impl Feed {
    pub(crate) fn compile(
        options: &FeedOptions,
        client: Rc<Client>,
        entity: Rc<Entity>,
    ) -> Result<Self, String> {
        if options.order.is_empty() {
            return Err(
                "order: is empty; expected what a change moves forward, then the key".to_owned(),
            );
        }
        entity.set()?;
        let filter = Filter::compile(options.filter.as_ref())
            .map_err(|problem| format!("filter: {problem}"))?;
        Ok(Self {
            order: Order::new(&entity, &options.order)
                .map_err(|problem| format!("order: {problem}"))?,
            event: EventTemplate::compile(&options.event)?,
            client,
            entity,
            filter,
        })
    }

    pub(crate) fn read(&self, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        let context = Context::new("{}", "");
        let mut filter = match self.filter.fill(&self.entity, &context)? {
            Filled::Some(parts) => parts,
            Filled::Nothing => return Ok(Page::last(Vec::new(), None)),
        };
        match cursor.filter(|cursor| !cursor.is_empty()) {
            // The operator's own beginning: a value of the first property.
            Some(from) if !from.starts_with('[') => {
                let first = &self.order.names[..1];
                filter.push(crate::filter::behind(
                    &self.entity,
                    first,
                    &[from.to_owned()],
                )?);
            }
            Some(place) => filter.push(self.order.behind(&self.entity, place)?),
            None => {}
        }
        let wanted = Wanted {
            filter,
            count: Some(limit as usize),
        };
        let found = list::read(&self.client, &self.entity, &self.order, &wanted)?;
        let mut told = Vec::with_capacity(found.rows.len());
        for row in &found.rows {
            told.push(self.entity.tell(row)?);
        }
        let events = self.event.events(told.iter().map(String::as_str))?;
        let place = found
            .rows
            .last()
            .map(|row| self.order.place(&self.entity, row))
            .transpose()?;
        if found.more && place.as_deref() == cursor {
            return Err(Failure::internal(format!(
                "a page of {limit} ends where it began: more than that many of `{}` have one value of `{}`; give `order` the key too, and a page more items",
                self.entity.name,
                self.order.names.join(", ")
            )));
        }
        Ok(Page {
            events,
            cursor: place,
            more: found.more,
        })
    }
}
