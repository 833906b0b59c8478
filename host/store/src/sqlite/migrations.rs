//! From an older format of the file to this host's: one migration per format, each in one transaction with the number it
//! leads to. A crash leaves the file at one format or the next, never between.
//!
//! A new file is made as format 1 and led through the same migrations, so that it has the tables of an upgraded one.

use super::audit::upgrade;
use rusqlite::{Connection, TransactionBehavior};

/// The format of [`super::schema`]'s own tables.
pub(crate) const FIRST: i32 = 1;

/// What leads from each format to the next, the first from [`FIRST`]. None is ever changed once a host that has it was
/// released: a change is another migration.
const MIGRATIONS: [Migration; 3] = [
    (CROSS_REFERENCES, None),
    (upgrade::TABLES, Some(upgrade::records)),
    (ROOTS, None),
];

/// Statements, and what SQL cannot say.
type Migration = (
    &'static str,
    Option<fn(&Connection) -> rusqlite::Result<()>>,
);

/// The format of this host's files.
pub(crate) const FORMAT: i32 = FIRST + MIGRATIONS.len() as i32;

/// An entity has a row per system; `made_by` to `reason` say who linked it. `cross_reference_change` is their history, with
/// a text of the others it was linked with. A task's `link` is what its answer does to links, JSON.
const CROSS_REFERENCES: &str = "
CREATE TABLE cross_reference (
  kind INTEGER NOT NULL, system INTEGER NOT NULL, id TEXT NOT NULL, entity INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, made_by TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (kind, system, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cross_reference_entity ON cross_reference (entity, system);
CREATE TABLE cross_reference_change (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind INTEGER NOT NULL, system INTEGER NOT NULL, id TEXT NOT NULL,
  linked INTEGER NOT NULL, others TEXT NOT NULL, made_by TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX cross_reference_change_id ON cross_reference_change (id);
ALTER TABLE task ADD COLUMN link TEXT;
CREATE INDEX task_alone ON task (asked_ms) WHERE run = '';
CREATE INDEX task_link ON task (json_extract(link, '$.link.kind'), json_extract(link, '$.link.ids'))
  WHERE run = '' AND closed_ms IS NULL;
CREATE VIEW cross_references AS SELECT entity, (SELECT text FROM name WHERE number = kind) AS kind,
  (SELECT text FROM name WHERE number = system) AS system, id, datetime(at_ms / 1000, 'unixepoch') AS linked,
  made_by, cause, reason FROM cross_reference;
";

/// An event's `root` is the one from outside that it came of; none where it came from outside, or an older host made it.
const ROOTS: &str = "
ALTER TABLE event ADD COLUMN root INTEGER;
CREATE INDEX event_root ON event (root) WHERE root IS NOT NULL;
DROP VIEW events;
CREATE VIEW events AS SELECT seq, datetime(stored_ms / 1000, 'unixepoch') AS stored,
  (SELECT text FROM name WHERE number = source) AS source, id,
  (SELECT text FROM name WHERE number = kind) AS type, subject, time, data, hops, cause, root FROM event;
";

/// Leads a file of an older format to this host's.
pub(crate) fn migrate(connection: &mut Connection, from: i32) -> rusqlite::Result<()> {
    for (format, (statements, then)) in (FIRST + 1..).zip(MIGRATIONS) {
        if format <= from {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(statements)?;
        if let Some(then) = then {
            then(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", format)?;
        transaction.commit()?;
    }
    Ok(())
}
