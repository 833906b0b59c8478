//! [`CrossReferences`] by the store's file: links go to the writer, listings to the readers of people, and what expressions
//! look up to readers of their own.

use super::command::Command;
use super::store::listing;
use super::{SqliteStore, link_lists, links};
use crate::{
    ChangeFilter, CrossReferences, Entity, EntityFilter, LinkChange, LinkOrder, LinkOutcome,
    StoreError, Unlink,
};
use futures_util::future::BoxFuture;

impl CrossReferences for SqliteStore {
    fn link(&self, orders: Vec<LinkOrder>) -> BoxFuture<'_, Result<Vec<LinkOutcome>, StoreError>> {
        Box::pin(self.ask(Command::link(orders)))
    }

    fn unlink(&self, unlink: Unlink) -> BoxFuture<'_, Result<Entity, StoreError>> {
        Box::pin(self.ask(Command::unlink(unlink)))
    }

    fn entities(&self, filter: EntityFilter) -> BoxFuture<'_, Result<Vec<Entity>, StoreError>> {
        let limit = listing(filter.limit);
        Box::pin(
            self.people
                .read(move |connection| link_lists::entities(connection, &filter, limit)),
        )
    }

    fn link_changes(
        &self,
        filter: ChangeFilter,
    ) -> BoxFuture<'_, Result<Vec<LinkChange>, StoreError>> {
        let limit = listing(filter.limit);
        Box::pin(
            self.people
                .read(move |connection| link_lists::changes(connection, &filter, limit)),
        )
    }

    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, StoreError> {
        self.lookups
            .read_here(|connection| links::counterpart(connection, (kind, system, id, other)))
    }
}
