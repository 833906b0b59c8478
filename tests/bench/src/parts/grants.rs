//! What the check of a call against its grant costs.

use std::hint::black_box;
use std::time::Instant;

use tombolo_kernel::grant::{ActiveGrant, Approval, Grant, GrantedAdapter, Item};

use crate::figures::{Figures, percentile};

/// Items of one connection: far more than adapters ask for.
const ITEMS: usize = 64;

/// Measures requests that are allowed by the last of all items, and so looked for in each.
pub(crate) fn run(figures: &mut Figures, quick: bool, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    say("grants: the check of a request");
    let active = active()?;
    let path = format!("/part{}/1042/lines/7", ITEMS - 1);
    let rounds = if quick { 10_000 } else { 1_000_000 };
    let mut taken = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let allowed = active.http(black_box("api"), black_box("GET"), black_box(&path));
        taken.push(start.elapsed().as_secs_f64() * 1e6);
        black_box(allowed)?;
    }
    figures.note(
        "grant_check_p99_us",
        percentile(&mut taken, 0.99),
        "us to find a request in a grant of 64 items, the slowest in 100; at most 2",
    );
    Ok(())
}

fn active() -> anyhow::Result<ActiveGrant> {
    let item = |number| Item::Http {
        connection: "api".into(),
        place: "https://erp.example".into(),
        allow: format!("GET /part{number}/{{id}}/lines/*"),
        credential: "bearer".into(),
        private_network: false,
    };
    let adapter = GrantedAdapter {
        name: "bench/guest".into(),
        version: "1.0.0".into(),
        digest: "sha256:00".into(),
    };
    let approval = Approval {
        by: "bench".into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "benchmark".into(),
        signature: None,
    };
    let items = (0..ITEMS).map(item).collect();
    Ok(ActiveGrant::new(&Grant::of(
        "erp".into(),
        adapter,
        approval,
        items,
    ))?)
}
