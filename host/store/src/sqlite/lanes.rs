//! Lanes for people: how many unfinished runs each has, and its head. Counted over one index, without touching states.

use super::error::unsigned;
use super::runs;
use crate::LaneRow;
use rusqlite::Connection;

/// A bare column beside one min() is of the row that has the minimum (sqlite.org/lang_select.html, 2.5).
pub(super) const OLDEST: &str =
    "SELECT flow, lane, min(seq) AS seq, replay, count(*) AS runs FROM run INDEXED BY run_lane
    WHERE status < 3 AND lane <> '' GROUP BY flow, lane ORDER BY 3 LIMIT ?1";

/// Those whose head is oldest.
pub(crate) fn list(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<LaneRow>> {
    let mut statement = connection.prepare(&format!(
        "SELECT seq, (SELECT text FROM name WHERE number = flow), replay, runs FROM ({OLDEST})"
    ))?;
    let heads: Vec<(String, i64)> = statement
        .query_map([limit], |row| {
            let flow: String = row.get(1)?;
            Ok((runs::id(row.get(0)?, &flow, row.get(2)?), row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut lanes = Vec::with_capacity(heads.len());
    for (id, length) in heads {
        if let Some(head) = runs::one(connection, &id)? {
            lanes.push(LaneRow {
                head,
                length: unsigned(length),
            });
        }
    }
    Ok(lanes)
}
