//! Cross-references of the fake store.

use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use tombolo_store::{
    ChangeFilter, CrossReferences, Entity, EntityFilter, LinkChange, LinkOrder, LinkOutcome,
    StoreError, Unlink,
};

use super::fake_store::FakeStore;

impl CrossReferences for FakeStore {
    fn link(&self, orders: Vec<LinkOrder>) -> BoxFuture<'_, Result<Vec<LinkOutcome>, StoreError>> {
        let now = self.now();
        self.write(|kept| {
            let mut link = |order: &LinkOrder| kept.links.link(&order.link, now);
            Ok(orders.iter().map(&mut link).collect())
        })
    }

    fn unlink(&self, _unlink: Unlink) -> BoxFuture<'_, Result<Entity, StoreError>> {
        self.write(|_| Err(StoreError::NotFound("nothing is linked".into())))
    }

    fn entities(&self, _filter: EntityFilter) -> BoxFuture<'_, Result<Vec<Entity>, StoreError>> {
        self.read(|kept| kept.links.entities().cloned().collect())
    }

    fn link_changes(
        &self,
        _filter: ChangeFilter,
    ) -> BoxFuture<'_, Result<Vec<LinkChange>, StoreError>> {
        self.read(|_| Vec::new())
    }

    /// The only read that can be made to fail.
    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("no space left".into()));
        }
        Ok(self.kept.lock().links.counterpart(kind, system, id, other))
    }
}
