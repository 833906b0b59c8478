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
