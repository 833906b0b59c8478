//! What the tests of all capabilities share: a grant of just these items.

use crate::grant::{ActiveGrant, Approval, Grant, GrantedAdapter, Item};

pub(super) fn granted(items: Vec<Item>) -> ActiveGrant {
    let grant = Grant::of(
        "erp".into(),
        GrantedAdapter {
            name: "acme/erp".into(),
            version: "1.0.0".into(),
            digest: "sha256:00".into(),
        },
        Approval {
            by: "ada".into(),
            at: "2026-11-22T00:00:00Z".into(),
            reason: "test".into(),
            signature: None,
        },
        items,
    );
    match ActiveGrant::new(&grant) {
        Ok(active) => active,
        Err(denied) => unreachable!("the test's grant does not stand: {denied}"),
    }
}
