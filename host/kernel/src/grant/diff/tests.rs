//! What a reviewer is told at an upgrade.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use tombolo_manifest::Effect;

use super::super::{Approval, GrantedAdapter};
use super::*;

fn wishes(items: Vec<Item>) -> Wishes {
    let mut items = items;
    items.sort();
    Wishes {
        system: "plant".into(),
        adapter: GrantedAdapter {
            name: "x/y".into(),
            version: "1.0.0".into(),
            digest: "sha256:0".into(),
        },
        items,
        reasons: BTreeMap::new(),
    }
}

fn grant(items: Vec<Item>) -> Grant {
    let approval = Approval {
        by: "r".into(),
        at: "t".into(),
        reason: "w".into(),
        signature: None,
    };
    Grant::whole(wishes(items), approval)
}

fn emit(event: &str) -> Item {
    Item::Emit {
        event: event.into(),
    }
}

fn http(place: &str, allow: &str) -> Item {
    Item::Http {
        connection: "api".into(),
        place: place.into(),
        allow: allow.into(),
        credential: "bearer".into(),
        private_network: false,
    }
}

fn sql(text: &str) -> Item {
    Item::Sql {
        connection: "db".into(),
        place: "sqlite:a".into(),
        statement: "stock".into(),
        effect: Effect::Read,
        text: text.into(),
    }
}

fn limits(memory: u64, cpu_ms: u64) -> Item {
    Item::Limits {
        memory,
        cpu_ms,
        deadline_ms: 1,
    }
}

#[track_caller]
fn told(given: Vec<Item>, asked: Vec<Item>, expected: &[(&str, Option<Item>)]) {
    let standings = standings(&wishes(asked), Some(&grant(given)));
    let found: Vec<(&str, Option<Item>)> = standings
        .iter()
        .map(|(standing, _)| (standing.word(), standing.was().cloned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_wider_is_told_with_what_was_given() {
    let (all, one) = (
        http("https://a.example", "GET /orders/*"),
        http("https://a.example", "GET /orders/{id}"),
    );
    told(
        vec![one.clone()],
        vec![all.clone()],
        &[("widened", Some(one.clone()))],
    );
    told(vec![all.clone()], vec![one], &[("narrowed", Some(all))]);
    told(
        vec![Item::Store { quota: 1 }],
        vec![Item::Store { quota: 2 }],
        &[("widened", Some(Item::Store { quota: 1 }))],
    );
    told(
        vec![limits(2, 1)],
        vec![limits(1, 2)],
        &[("widened", Some(limits(2, 1)))],
    );
}

#[test]
fn the_same_name_at_another_place_or_with_another_text_is_told_as_changed_and_not_twice() {
    let (here, there) = (
        http("https://a.example", "GET /a"),
        http("https://b.example", "GET /a"),
    );
    told(vec![here.clone()], vec![there], &[("changed", Some(here))]);
    told(
        vec![sql("SELECT 1")],
        vec![sql("SELECT 2")],
        &[("changed", Some(sql("SELECT 1")))],
    );
}

#[test]
fn what_is_new_refused_or_gone_is_told_so() {
    let mut present = grant(vec![emit("b"), emit("c")]);
    present.refused = vec![emit("d")];
    let asked = wishes(vec![emit("a"), emit("b"), emit("d")]);
    let words = |present| -> Vec<&str> {
        let standings = standings(&asked, present);
        standings
            .iter()
            .map(|(standing, _)| standing.word())
            .collect()
    };
    assert_eq!(
        words(Some(&present)),
        ["new", "granted", "refused", "no-longer-asked"]
    );
    assert_eq!(words(None), ["new", "new", "new"]);
}

#[test]
fn new_code_with_the_same_wishes_differs_in_nothing_else() {
    let asked = wishes(vec![emit("a")]);
    let mut present = grant(vec![emit("a")]);
    present.adapter.digest = "sha256:1".into();
    let difference = diff(&present, &asked);
    assert!(difference.is_same_wishes() && difference.code_changed && !difference.is_empty());
}
