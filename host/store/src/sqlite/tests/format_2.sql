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
