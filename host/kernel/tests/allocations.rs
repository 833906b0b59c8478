//! A call that is allowed allocates nothing on its way through the check. A test binary of its own: its allocator counts.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tombolo_kernel::grant::{ActiveGrant, Approval, Grant, GrantedAdapter, Item};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; counting on the side touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no counter any more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn active() -> ActiveGrant {
    let text = |text: &str| text.to_owned();
    let mut items: Vec<Item> = (0..56)
        .map(|number| Item::Http {
            connection: text("api"),
            place: text("https://erp.example"),
            allow: format!("GET /part{number}/{{id}}/lines/*"),
            credential: text("bearer"),
            private_network: false,
        })
        .collect();
    items.extend([
        Item::Sql {
            connection: text("db"),
            place: text("sqlite:erp.db"),
            statement: text("stock"),
            effect: tombolo_manifest::Effect::Read,
            text: text("SELECT 1"),
        },
        Item::Publish {
            connection: text("bus"),
            place: text("mqtts://bus.example"),
            topic: text("plant/*/command"),
        },
        Item::Key {
            key: text("signing"),
            r#use: text("hmac-sha256"),
            derive: Vec::new(),
        },
        Item::Emit {
            event: text("order.placed"),
        },
        Item::Store { quota: 1 },
        Item::Action {
            system: text("crm"),
            action: text("note.add"),
        },
    ]);
    let adapter = GrantedAdapter {
        name: text("acme/erp"),
        version: text("1.0.0"),
        digest: text("sha256:00"),
    };
    let approval = Approval {
        by: text("rita"),
        at: text("2026-11-22T00:00:00Z"),
        reason: text("test"),
        signature: None,
    };
    ActiveGrant::new(&Grant::of(text("erp"), adapter, approval, items)).unwrap()
}

#[test]
fn a_call_that_is_allowed_allocates_nothing() {
    let active = active();
    type Check = fn(&ActiveGrant) -> bool;
    let checks: [(&str, Check); 7] = [
        ("http", |active| {
            active.http("api", "GET", "/part55/7/lines/1").is_ok()
        }),
        ("sql", |active| {
            active.sql("db", "stock", "SELECT 1").is_ok()
        }),
        ("publish", |active| {
            active.publish("bus", "plant/p4/command").is_ok()
        }),
        ("key", |active| active.key("signing", "hmac-sha256").is_ok()),
        ("emit", |active| active.emit("order.placed").is_ok()),
        ("store", |active| active.store().is_ok()),
        ("action", |active| active.action("crm", "note.add").is_ok()),
    ];
    for (what, check) in checks {
        let mut allowed = false;
        let count = allocations(|| allowed = check(&active));
        assert!(allowed, "{what}");
        assert_eq!(count, 0, "{what}");
    }
    // The counter counts.
    assert!(allocations(|| drop(active.http("api", "GET", "/nowhere"))) > 0);
}
