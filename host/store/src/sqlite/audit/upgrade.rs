//! From format 2, where records were rows without a chain, to format 3: each old record becomes the chain's next one.

use std::sync::Arc;

use rusqlite::{Connection, Row};
use tombolo_kernel::audit::{AuditRecord, Bearer, Kind, Outcome};

use super::chain::{self, Chain};
use super::write;
use crate::sqlite::error::unsigned;
use crate::sqlite::names::Names;

/// The tables. `kind` and `outcome` are the numbers of [`Kind`] and [`Outcome`]; 32 is the first kind of decision.
pub(crate) const TABLES: &str = "
DROP VIEW audits;
DROP INDEX audit_denied;
ALTER TABLE audit RENAME TO audit_2;
CREATE TABLE audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind INTEGER NOT NULL, outcome INTEGER NOT NULL,
  system INTEGER, event INTEGER, record TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at_ms);
CREATE TABLE audit_block (system INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (system, block)) STRICT, WITHOUT ROWID;
CREATE INDEX audit_event ON audit (event) WHERE event IS NOT NULL;
CREATE INDEX audit_refused ON audit (at_ms) WHERE outcome > 0;
CREATE INDEX audit_decision ON audit (at_ms) WHERE kind >= 32;
CREATE VIEW audits AS SELECT number, datetime(at_ms / 1000, 'unixepoch') AS at, record ->> '$.kind' AS kind,
  record ->> '$.outcome' AS outcome, record ->> '$.status' AS status, record ->> '$.system' AS system,
  record ->> '$.adapter' AS adapter, record ->> '$.grant' AS approved_by_grant, record ->> '$.target' AS target,
  record ->> '$.what' AS what, record ->> '$.who' AS who, record ->> '$.why' AS why, record ->> '$.run' AS run,
  record ->> '$.step' AS step, record ->> '$.cause' AS cause, record ->> '$.micros' AS micros,
  record ->> '$.sent' AS sent, record ->> '$.received' AS received, hex(hash) AS hash FROM audit;
";

const OLD: &str = "
SELECT at_ms, (SELECT text FROM name WHERE name.number = system), (SELECT text FROM name WHERE name.number = digest),
  (SELECT text FROM name WHERE name.number = permit), (SELECT text FROM name WHERE name.number = capability),
  (SELECT text FROM name WHERE name.number = target), what, outcome, denied, micros, sent, received, cause
FROM audit_2 ORDER BY number";
/// Records that are chained at a time.
const CHUNK: usize = 1_024;

/// Chains what format 2 kept, in the running transaction.
pub(crate) fn records(connection: &Connection) -> rusqlite::Result<()> {
    let first = chain::first(connection)?;
    chain::set_base(connection, &first)?;
    chain::set_tip(connection, &first)?;
    let (mut chain, mut names) = (Chain::at(first), Names::default());
    let mut statement = connection.prepare(OLD)?;
    let mut rows = statement.query([])?;
    let mut chunk = Vec::with_capacity(CHUNK);
    while let Some(row) = rows.next()? {
        chunk.push(Arc::new(record(row)?));
        if chunk.len() == CHUNK {
            write::insert(connection, &mut names, &mut chain, &chunk)?;
            chunk.clear();
        }
    }
    write::insert(connection, &mut names, &mut chain, &chunk)?;
    drop(rows);
    drop(statement);
    connection.execute_batch("DROP TABLE audit_2")
}

fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let text = |column: usize| -> rusqlite::Result<String> {
        Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
    };
    let status = text(7)?;
    Ok(AuditRecord {
        at_ms: unsigned(row.get(0)?),
        kind: Kind::named(&text(4)?).unwrap_or(Kind::Http),
        outcome: Outcome::of_call(row.get(8)?, &status),
        status,
        bearer: Bearer {
            system: text(1)?.into(),
            adapter: text(2)?.into(),
            grant: text(3)?.into(),
        },
        target: text(5)?,
        what: text(6)?,
        who: String::new(),
        token: String::new(),
        why: String::new(),
        cause: text(12)?,
        micros: unsigned(row.get(9)?),
        sent: unsigned(row.get(10)?),
        received: unsigned(row.get(11)?),
    })
}
