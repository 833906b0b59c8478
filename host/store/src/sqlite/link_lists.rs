//! What people see of cross-references: entities, and the history of their ids.

use super::error::unsigned;
use super::links;
use super::names::look_up;
use crate::{ChangeFilter, Entity, EntityFilter, LinkChange, SystemId};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Conditions with their values; `None`: a name is not known to the store, so nothing is meant.
fn conditions(
    connection: &Connection,
    [kind, system, id]: [&Option<String>; 3],
) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
    let (mut text, mut values) = (String::new(), Vec::new());
    for (column, wanted) in [("kind", kind), ("system", system)] {
        if let Some(name) = wanted {
            let Some(number) = look_up(connection, name)? else {
                return Ok(None);
            };
            text.push_str(&format!(" AND {column} = ?"));
            values.push(Value::Integer(number));
        }
    }
    if let Some(id) = id {
        text.push_str(" AND id = ?");
        values.push(Value::Text(id.clone()));
    }
    Ok(Some((text, values)))
}

/// By number, ascending.
pub(crate) fn entities(
    connection: &Connection,
    filter: &EntityFilter,
    limit: u32,
) -> rusqlite::Result<Vec<Entity>> {
    let of = [&filter.kind, &filter.system, &filter.id];
    let Some((wanted, mut values)) = conditions(connection, of)? else {
        return Ok(Vec::new());
    };
    values.extend([filter.after.into(), i64::from(limit).into()]);
    // One snapshot for all of them.
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT DISTINCT entity FROM cross_reference WHERE true{wanted} AND entity > ? ORDER BY entity LIMIT ?"
    ))?;
    let numbers: Vec<i64> = statement
        .query_map(params_from_iter(values), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    numbers
        .into_iter()
        .map(|number| links::entity(&snapshot, number))
        .collect()
}

/// The newest first.
pub(crate) fn changes(
    connection: &Connection,
    filter: &ChangeFilter,
    limit: u32,
) -> rusqlite::Result<Vec<LinkChange>> {
    let of = [&filter.kind, &filter.system, &filter.id];
    let Some((wanted, mut values)) = conditions(connection, of)? else {
        return Ok(Vec::new());
    };
    values.extend([
        filter.before.unwrap_or(i64::MAX).into(),
        i64::from(limit).into(),
    ]);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT number, at_ms, (SELECT text FROM name WHERE name.number = kind),
           (SELECT text FROM name WHERE name.number = system), id, linked, others, made_by, cause, reason
         FROM cross_reference_change WHERE true{wanted} AND number < ? ORDER BY number DESC LIMIT ?"
    ))?;
    statement
        .query_map(params_from_iter(values), |row| {
            Ok(LinkChange {
                number: row.get(0)?,
                at_ms: unsigned(row.get(1)?),
                kind: row.get(2)?,
                id: SystemId {
                    system: row.get(3)?,
                    id: row.get(4)?,
                },
                linked: row.get(5)?,
                with: row.get(6)?,
                maker: links::maker(row, 7)?,
            })
        })?
        .collect()
}
