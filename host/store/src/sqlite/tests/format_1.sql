CREATE TABLE site (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE name (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, stored_ms INTEGER NOT NULL, source INTEGER NOT NULL, id TEXT NOT NULL,
  kind INTEGER NOT NULL, subject TEXT, time TEXT NOT NULL, data TEXT NOT NULL, hops INTEGER NOT NULL, cause TEXT
) STRICT;
CREATE INDEX event_kind ON event (kind, seq);
CREATE TABLE listen (
  kind INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL,
  path TEXT NOT NULL, PRIMARY KEY (kind, key, seq, flow, replay)
) STRICT, WITHOUT ROWID;
CREATE INDEX listen_run ON listen (seq, flow, replay);
CREATE TABLE heard (
  seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL, event INTEGER NOT NULL,
  PRIMARY KEY (seq, flow, replay, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE identity (hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (hash, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE run (
  seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL, version INTEGER NOT NULL, lane TEXT NOT NULL,
  needs INTEGER, status INTEGER NOT NULL, wake_ms INTEGER, started_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, state TEXT NOT NULL, trace TEXT NOT NULL,
  PRIMARY KEY (seq, flow, replay)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_lane ON run (flow, lane, seq, replay, status) WHERE status < 3;
CREATE INDEX run_wake ON run (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX run_needs ON run (needs, seq, flow, replay) WHERE needs IS NOT NULL;
CREATE INDEX run_replay ON run (replay) WHERE replay > 0;
CREATE INDEX run_status ON run (status, seq) WHERE status <> 3;
CREATE TABLE task (
  id TEXT PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, question TEXT NOT NULL,
  options TEXT NOT NULL, asked_ms INTEGER NOT NULL, until_ms INTEGER,
  answer TEXT, answered_by TEXT, comment TEXT, closed_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX task_run ON task (run);
CREATE INDEX task_asked ON task (asked_ms);
CREATE INDEX task_open ON task (asked_ms) WHERE closed_ms IS NULL;
CREATE TABLE pair (
  system INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (system, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE pair_usage (system INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
CREATE TABLE cursor (
  owner INTEGER NOT NULL, name TEXT NOT NULL, cursor TEXT, read_ms INTEGER NOT NULL, events INTEGER NOT NULL,
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, system INTEGER NOT NULL, digest INTEGER NOT NULL,
  permit INTEGER NOT NULL, capability INTEGER NOT NULL, target INTEGER NOT NULL, what TEXT NOT NULL,
  outcome TEXT NOT NULL, denied INTEGER NOT NULL, micros INTEGER NOT NULL, sent INTEGER NOT NULL,
  received INTEGER NOT NULL, cause TEXT NOT NULL
) STRICT;
CREATE INDEX audit_denied ON audit (number) WHERE denied = 1;
CREATE VIEW events AS SELECT seq, datetime(stored_ms / 1000, 'unixepoch') AS stored,
  (SELECT text FROM name WHERE number = source) AS source, id,
  (SELECT text FROM name WHERE number = kind) AS type, subject, time, data, hops, cause FROM event;
CREATE VIEW runs AS SELECT seq || '.' || (SELECT text FROM name WHERE number = flow) ||
  CASE replay WHEN 0 THEN '' ELSE '.replay-' || replay END AS id, lane,
  CASE status WHEN 0 THEN 'queued' WHEN 1 THEN 'active' WHEN 2 THEN 'waiting' WHEN 3 THEN 'done' WHEN 4 THEN 'dead'
  ELSE 'discarded' END AS status, (SELECT text FROM name WHERE number = needs) AS needs,
  datetime(wake_ms / 1000, 'unixepoch') AS wake, datetime(started_ms / 1000, 'unixepoch') AS started,
  datetime(updated_ms / 1000, 'unixepoch') AS updated, (SELECT text FROM name WHERE number = version) AS flow_version,
  state, trace FROM run;
CREATE VIEW cursors AS SELECT (SELECT text FROM name WHERE number = owner) AS owner, name, cursor,
  datetime(read_ms / 1000, 'unixepoch') AS read, events FROM cursor;
CREATE VIEW audits AS SELECT datetime(at_ms / 1000, 'unixepoch') AS at,
  (SELECT text FROM name WHERE name.number = system) AS system, (SELECT text FROM name WHERE name.number = digest) AS digest,
  (SELECT text FROM name WHERE name.number = permit) AS approved_by_grant,
  (SELECT text FROM name WHERE name.number = capability) AS capability, (SELECT text FROM name WHERE name.number = target) AS target,
  what, outcome, denied, micros, sent, received, cause FROM audit;
