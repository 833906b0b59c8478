//! What a link changes, decided without touching anything: its ids and the entities they are of go in.

use super::{Conflict, Entity, Link, SystemId};
use std::collections::BTreeMap;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing: all of it is there.
    Known,
    /// This.
    Change(Changes),
    /// Nothing: it contradicts what is there.
    Conflict(Conflict),
}

/// Changes, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The entity that the ids are of afterwards; `None`: a new one.
    pub(crate) base: Option<i64>,
    /// Ids that are of no entity afterwards.
    pub(crate) removes: Vec<SystemId>,
    /// Ids that come to the entity: new ones, and those of entities that become one with it.
    pub(crate) puts: Vec<SystemId>,
}

/// Decides. `entities`: all that one of the link's ids is of. With `replace` there is no conflict.
pub(crate) fn plan(link: &Link, entities: &[Entity], replace: bool) -> Plan {
    let of = |id: &SystemId| entities.iter().find(|entity| entity.has(id));
    let Some(base) = link.ids.iter().find_map(of) else {
        return Plan::Change(Changes {
            puts: link.ids.clone(),
            ..Changes::default()
        });
    };
    if contradicts(link, entities) {
        let changes = replacing(link, base, entities);
        if replace {
            return Plan::Change(changes);
        }
        return Plan::Conflict(Conflict {
            stands: entities.to_vec(),
            displaced: changes.removes,
            task: None,
        });
    }
    let new = link.ids.iter().filter(|id| of(id).is_none()).cloned();
    let merged = entities.iter().filter(|one| one.number != base.number);
    let merged = merged.flat_map(ids_of).cloned();
    let puts: Vec<SystemId> = new.chain(merged).collect();
    if puts.is_empty() {
        return Plan::Known;
    }
    Plan::Change(Changes {
        base: Some(base.number),
        removes: Vec::new(),
        puts,
    })
}

fn ids_of(entity: &Entity) -> impl Iterator<Item = &SystemId> {
    entity.ids.iter().map(|linked| &linked.id)
}

/// Whether one entity would have two ids in one system.
fn contradicts(link: &Link, entities: &[Entity]) -> bool {
    let mut held: BTreeMap<&str, &str> = BTreeMap::new();
    let all = entities.iter().flat_map(ids_of).chain(&link.ids);
    all.into_iter()
        .any(|id| *held.entry(&id.system).or_insert(&id.id) != id.id)
}

/// The entity of the first id wins: it keeps its ids in systems that the link does not name. Another entity comes to it
/// whole where it does not contradict, else only with the ids that the link names.
fn replacing(link: &Link, base: &Entity, entities: &[Entity]) -> Changes {
    let named = |id: &SystemId| link.ids.contains(id);
    let is_named = |system: &str| link.ids.iter().any(|id| id.system == system);
    let mut changes = Changes {
        base: Some(base.number),
        ..Changes::default()
    };
    let mut held: BTreeMap<&str, &str> = BTreeMap::new();
    for id in &link.ids {
        held.insert(&id.system, &id.id);
        if !base.has(id) {
            changes.puts.push(id.clone());
        }
    }
    for id in ids_of(base).filter(|id| !named(id)) {
        if is_named(&id.system) {
            changes.removes.push(id.clone());
        } else {
            held.insert(&id.system, &id.id);
        }
    }
    for other in entities.iter().filter(|one| one.number != base.number) {
        let left: Vec<&SystemId> = ids_of(other).filter(|id| !named(id)).collect();
        if left.iter().all(|id| !held.contains_key(id.system.as_str())) {
            held.extend(left.iter().map(|id| (id.system.as_str(), id.id.as_str())));
            changes.puts.extend(left.into_iter().cloned());
        } else if let [last] = left.as_slice() {
            // One id alone is linked with nothing.
            changes.removes.push((*last).clone());
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;
    use crate::{LinkedId, Maker};

    fn ids(text: &str) -> Vec<SystemId> {
        let one = |part: &str| {
            let (system, id) = part.split_once(' ').unwrap_or((part, ""));
            SystemId {
                system: system.into(),
                id: id.into(),
            }
        };
        text.split(", ")
            .filter(|part| !part.is_empty())
            .map(one)
            .collect()
    }

    fn entity(number: i64, text: &str) -> Entity {
        let linked = |id| LinkedId {
            id,
            at_ms: 0,
            maker: Maker::default(),
        };
        Entity {
            number,
            kind: "customer".into(),
            ids: ids(text).into_iter().map(linked).collect(),
        }
    }

    fn link(text: &str) -> Link {
        Link {
            kind: "customer".into(),
            ids: ids(text),
            maker: Maker::default(),
        }
    }

    #[test]
    fn links_that_do_not_contradict_join_what_there_is() {
        let table: [(&str, &[&str], Option<i64>, &str); 5] = [
            ("crm 7, erp 1", &[], None, "crm 7, erp 1"),
            ("crm 7, erp 1", &["crm 7, shop 3"], Some(1), "erp 1"),
            (
                "crm 7, erp 1",
                &["crm 7, shop 3", "erp 1, pos 9"],
                Some(1),
                "erp 1, pos 9",
            ),
            (
                "erp 1, crm 7",
                &["crm 7, shop 3", "erp 1, pos 9"],
                Some(2),
                "crm 7, shop 3",
            ),
            ("crm 7, erp 1", &["crm 7, erp 1, shop 3"], Some(1), ""),
        ];
        for (asked, there, base, puts) in table {
            let there: Vec<Entity> = (1..).zip(there).map(|(n, one)| entity(n, one)).collect();
            let expected = match puts {
                "" => Plan::Known,
                puts => Plan::Change(Changes {
                    base,
                    removes: Vec::new(),
                    puts: ids(puts),
                }),
            };
            assert_eq!(plan(&link(asked), &there, false), expected, "{asked}");
        }
    }

    #[test]
    fn what_contradicts_is_told_with_what_replacing_would_displace() {
        let table: [(&str, &[&str], &str, &str); 5] = [
            // The id has another one in a system that is named.
            ("crm 7, erp 2", &["crm 7, erp 1"], "erp 1", "erp 2"),
            // Its other ids stay with the first named.
            ("crm 7, erp 2", &["crm 7, erp 1, shop 3"], "erp 1", "erp 2"),
            // Both are somebody else's: what is left of the second stands alone.
            (
                "crm 7, erp 2",
                &["crm 7, erp 1", "crm 8, erp 2"],
                "erp 1, crm 8",
                "erp 2",
            ),
            // They agree on what is named and not on the rest.
            (
                "crm 7, erp 2",
                &["crm 7, shop 3", "erp 2, shop 4, pos 5"],
                "",
                "erp 2",
            ),
            // The second does not contradict and comes whole.
            (
                "crm 7, erp 2, pos 5",
                &["crm 7, erp 1", "pos 5, shop 4"],
                "erp 1",
                "erp 2, pos 5, shop 4",
            ),
        ];
        for (asked, there, displaced, puts) in table {
            let there: Vec<Entity> = (1..).zip(there).map(|(n, one)| entity(n, one)).collect();
            let Plan::Conflict(conflict) = plan(&link(asked), &there, false) else {
                panic!("{asked} does not contradict {there:?}");
            };
            assert_eq!(
                (&conflict.stands, conflict.displaced),
                (&there, ids(displaced))
            );
            let changes = Changes {
                base: Some(1),
                removes: ids(displaced),
                puts: ids(puts),
            };
            assert_eq!(plan(&link(asked), &there, true), Plan::Change(changes));
        }
    }
}
