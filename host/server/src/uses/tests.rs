//! Counts over grants that come and go, and over restarts.
#![allow(clippy::unwrap_used, reason = "tests")]

use tombolo_kernel::grant::{ActiveGrant, Approval, Grant, GrantedAdapter};

use super::*;

fn emit(event: &str) -> Item {
    Item::Emit {
        event: event.into(),
    }
}

fn grant(items: &[Item]) -> ActiveGrant {
    let adapter = GrantedAdapter {
        name: "x/y".into(),
        version: "1.0.0".into(),
        digest: "sha256:00".into(),
    };
    let approval = Approval {
        by: "rita".into(),
        at: "2026-11-26T10:00:00Z".into(),
        reason: "test".into(),
        signature: None,
    };
    ActiveGrant::new(&Grant::of(
        "plant".into(),
        adapter,
        approval,
        items.to_vec(),
    ))
    .unwrap()
}

fn running(grant: &ActiveGrant) -> Vec<(String, Arc<Uses>)> {
    vec![("plant".into(), Arc::clone(&grant.uses))]
}

fn used(since_ms: u64, count: u64, last_ms: Option<u64>) -> Option<Used> {
    Some(Used {
        since_ms,
        count,
        last_ms,
    })
}

#[test]
fn uses_are_counted_over_new_grants_and_what_an_old_one_still_does() {
    let uses = GrantUses::default();
    let items = [emit("a"), emit("b")];
    let old = grant(&items);
    uses.gather(running(&old), 10);
    old.emit("a").unwrap();
    old.emit("a").unwrap();
    old.emit("c").unwrap_err();
    uses.gather(running(&old), 20);
    let new = grant(&[emit("b"), emit("c")]);
    old.emit("a").unwrap(); // its last call ends
    new.emit("b").unwrap();
    uses.gather(running(&new), 30);
    drop(old);
    uses.gather(running(&new), 40);
    assert_eq!(
        uses.of_items("plant", &[emit("a"), emit("b"), emit("c"), emit("d")]),
        [
            used(10, 3, Some(30)),
            used(10, 1, Some(30)),
            used(30, 0, None),
            None
        ]
    );
    assert_eq!(uses.inner.lock().read.len(), 1, "the old one is let go");
}

#[test]
fn counts_are_there_again_after_a_restart_and_what_cannot_be_read_is_begun_anew() {
    let data = tempfile::tempdir().unwrap();
    let uses = GrantUses::of(data.path());
    let active = grant(&[emit("a")]);
    uses.gather(running(&active), 10);
    active.emit("a").unwrap();
    uses.gather(running(&active), 20);
    let text = uses.changed(&["plant".into()]).unwrap();
    assert_eq!(uses.changed(&["plant".into()]), None);
    book::write(data.path(), &text).unwrap();
    let again = GrantUses::of(data.path());
    let active = grant(&[emit("a")]);
    active.emit("a").unwrap();
    again.gather(running(&active), 30);
    let counted = again.of_items("plant", &[emit("a")]);
    assert_eq!(counted, [used(10, 2, Some(30))]);
    assert!(again.changed(&[]).is_some(), "a system that is gone");
    assert_eq!(again.of_items("plant", &[emit("a")]), [None]);
    std::fs::write(data.path().join("grant-uses.json"), "{\"systems\":").unwrap();
    let anew = GrantUses::of(data.path());
    assert_eq!(anew.of_items("plant", &[emit("a")]), [None]);
}

#[test]
fn what_is_granted_no_more_is_forgotten_when_there_is_too_much_of_it() {
    let uses = GrantUses::default();
    let many = tombolo_kernel::limits::COUNTED_ITEMS + 5;
    for n in 0..many {
        let active = grant(&[emit(&format!("e{n}"))]);
        uses.gather(running(&active), n as u64);
    }
    let (first, last) = (emit("e0"), emit(&format!("e{}", many - 1)));
    let counted = uses.of_items("plant", &[first, last]);
    assert_eq!(counted, [None, used(many as u64 - 1, 0, None)]);
}
