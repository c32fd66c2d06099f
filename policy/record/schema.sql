-- The policy store: every row that is ever written, and the triggers that keep it so.
--
-- The key space. Everything hangs on `log`: each change of policy is one entry with the next sequence number, and the
-- rows it brings carry that number, so that sequence = order of recording and log.recorded_at = recorded_from.
--
--   schema_version        version                         how far this file has been brought
--   log                   sequence                        hash-chained entries, canonical JSON (ledger.hpp)
--   authority             authority_id                    who may decide;  authority_name (authority_id, language)
--   decision              sequence; decision_id unique    what was decided; "newer" is the larger sequence
--     decision_text       (decision_id, field, language)  statement_of_reasons and redress
--     decision_scope      (decision_id, position)         ISO 3166 codes; no row: everywhere
--     rule                rule_id                         names and what happens to them, by decision_id and position
--     rule_record         (rule_id, position)             records of an action local-data
--     transition          sequence                        state of a decision from valid_from on; the first one shares
--                                                         the decision's own sequence
--     disclosure          decision_id                     a delayed or sealed decision was made public
--   event                 sequence; event_id unique       what others did; event_text (event_id, language)
--   view                  (sequence, position)            the views as configured; the largest sequence is in force
--   enforcement           snapshot                        one row for each snapshot this node published: which entries
--                                                         of the log it brought, and when it began to answer by them
--
-- Insert-only. No row is updated or deleted, by anyone: triggers refuse UPDATE and DELETE, and a BEFORE INSERT trigger
-- refuses an existing key, because INSERT OR REPLACE (with recursive_triggers off, as every plain shell has it) and
-- UPSERT pass the other two; another one lets a row in only together with the newest entry of the log, so that no plain
-- INSERT can add to what was recorded. Every table is either WITHOUT ROWID or has an INTEGER PRIMARY KEY, so that no hidden
-- rowid is a second way in. What looks like a changing column elsewhere (state, recorded_to, enforced_to) is a view
-- over later rows: research.sql. No default reads a clock: every time is given, in seconds since 1970, UTC;
-- 9223372036854775807 stands for "never".
--
-- Names are A-labels in lower case without the last dot; name_key has the labels in reverse ("net.kiwifarms"), so that
-- a name and everything below it is one range.

CREATE TABLE schema_version (
  version      INTEGER PRIMARY KEY,
  recorded_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE log (
  sequence     INTEGER PRIMARY KEY CHECK (sequence > 0),
  recorded_at  INTEGER NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('authority', 'decision', 'transition', 'disclosure', 'event', 'views')),
  subject      TEXT NOT NULL,                          -- id of what the entry is about
  author       TEXT NOT NULL,                          -- who gave the command; the entry holds a salted digest of it
  author_salt  BLOB NOT NULL CHECK (length(author_salt) = 16),
  entry        TEXT NOT NULL,                          -- canonical JSON, fit to be public
  withheld     TEXT,                                   -- canonical JSON of what a sealed entry holds only a digest of
  hash         BLOB NOT NULL CHECK (length(hash) = 32) -- SHA-256(hash of the entry before, or nothing; entry)
) STRICT;

CREATE TABLE authority (
  authority_id  TEXT PRIMARY KEY CHECK (length(authority_id) BETWEEN 1 AND 64),
  sequence      INTEGER NOT NULL REFERENCES log (sequence),
  kind          TEXT NOT NULL CHECK (kind IN ('court', 'regulator', 'provider', 'operator')),
  jurisdiction  TEXT NOT NULL,
  contact       TEXT NOT NULL,
  public_key    TEXT NOT NULL,
  external      INTEGER NOT NULL CHECK (external IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE authority_name (
  authority_id  TEXT NOT NULL REFERENCES authority (authority_id),
  language      TEXT NOT NULL,
  name          TEXT NOT NULL,
  PRIMARY KEY (authority_id, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
  sequence              INTEGER PRIMARY KEY REFERENCES log (sequence),
  decision_id           TEXT NOT NULL UNIQUE CHECK (length(decision_id) BETWEEN 1 AND 80),
  decision_type         TEXT NOT NULL
    CHECK (decision_type IN ('court_order', 'administrative_order', 'agreement', 'voluntary', 'emergency')),
  authority_id          TEXT NOT NULL REFERENCES authority (authority_id),
  applicant             TEXT NOT NULL,
  reference             TEXT NOT NULL,
  legal_basis           TEXT NOT NULL,
  document_url          TEXT NOT NULL,
  document_sha256       TEXT NOT NULL,
  received_at           INTEGER,
  comply_by             INTEGER,
  review_at             INTEGER,
  effective_from        INTEGER NOT NULL,
  effective_from_given  INTEGER NOT NULL CHECK (effective_from_given IN (0, 1)),  -- 0: it began when it was recorded
  expires_at            INTEGER NOT NULL CHECK (expires_at > effective_from),
  expires_after         INTEGER,                       -- seconds, where the end was written as a length of time
  supersedes            TEXT NOT NULL,                 -- decision_id, or empty
  reverses              TEXT NOT NULL,
  disclosure            TEXT NOT NULL CHECK (disclosure IN ('public', 'delayed', 'sealed')),
  demonstration         INTEGER NOT NULL CHECK (demonstration IN (0, 1)),
  initial_state         TEXT NOT NULL CHECK (initial_state IN ('proposed', 'shadow', 'active'))
) STRICT;

CREATE TABLE decision_text (
  decision_id  TEXT NOT NULL REFERENCES decision (decision_id),
  field        TEXT NOT NULL CHECK (field IN ('statement_of_reasons', 'redress')),
  language     TEXT NOT NULL,
  text         TEXT NOT NULL,
  PRIMARY KEY (decision_id, field, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision_scope (
  decision_id  TEXT NOT NULL REFERENCES decision (decision_id),
  position     INTEGER NOT NULL,
  code         TEXT NOT NULL,
  PRIMARY KEY (decision_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
  rule_id        INTEGER PRIMARY KEY,                  -- given once, never again
  decision_id    TEXT NOT NULL REFERENCES decision (decision_id),
  position       INTEGER NOT NULL,                     -- within the decision, from 0
  trigger        TEXT NOT NULL CHECK (trigger IN ('client-ip', 'qname', 'response-ip', 'nsdname', 'nsip')),
  match          TEXT NOT NULL CHECK (match IN ('exact', 'subdomains', 'both')),
  name           TEXT NOT NULL,
  name_key       TEXT NOT NULL,
  prefix         TEXT NOT NULL,
  action         TEXT NOT NULL CHECK (action IN ('sinkhole', 'nxdomain', 'nodata', 'refused', 'drop', 'truncate',
                                                 'passthru', 'local-data', 'cname')),
  ttl            INTEGER CHECK (ttl BETWEEN 0 AND 2147483647),
  target         TEXT NOT NULL,                        -- of an action cname
  UNIQUE (decision_id, position)
) STRICT;
CREATE INDEX rule_by_name ON rule (name_key);

CREATE TABLE rule_record (
  rule_id   INTEGER NOT NULL REFERENCES rule (rule_id),
  position  INTEGER NOT NULL,
  type      INTEGER NOT NULL CHECK (type BETWEEN 0 AND 65535),
  rdata     BLOB NOT NULL,                             -- wire form, names uncompressed
  text      TEXT NOT NULL,                             -- the same for people: "A 192.0.2.1"
  PRIMARY KEY (rule_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE transition (
  sequence     INTEGER PRIMARY KEY REFERENCES log (sequence),
  decision_id  TEXT NOT NULL REFERENCES decision (decision_id),
  state        TEXT NOT NULL CHECK (state IN ('proposed', 'shadow', 'active', 'suspended', 'lifted', 'annulled')),
  valid_from   INTEGER NOT NULL,
  recorded_at  INTEGER NOT NULL,
  author       TEXT NOT NULL,
  reason       TEXT NOT NULL
) STRICT;
CREATE INDEX transition_by_decision ON transition (decision_id);

CREATE TABLE disclosure (
  decision_id  TEXT PRIMARY KEY REFERENCES decision (decision_id),
  sequence     INTEGER NOT NULL REFERENCES log (sequence),
  recorded_at  INTEGER NOT NULL,
  reason       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  sequence     INTEGER PRIMARY KEY REFERENCES log (sequence),
  event_id     TEXT NOT NULL UNIQUE CHECK (length(event_id) BETWEEN 1 AND 80),
  name         TEXT NOT NULL,
  name_key     TEXT NOT NULL,
  occurred_at  INTEGER NOT NULL,                       -- valid_from of what others did
  actor        TEXT NOT NULL,
  act          TEXT NOT NULL,
  source       TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_name ON event (name_key, occurred_at);

CREATE TABLE event_text (
  event_id  TEXT NOT NULL REFERENCES event (event_id),
  language  TEXT NOT NULL,
  text      TEXT NOT NULL,
  PRIMARY KEY (event_id, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE view (
  sequence       INTEGER NOT NULL REFERENCES log (sequence),
  position       INTEGER NOT NULL,
  name           TEXT NOT NULL,
  clients        TEXT NOT NULL,                        -- JSON arrays
  jurisdictions  TEXT NOT NULL,
  sources        TEXT NOT NULL,
  PRIMARY KEY (sequence, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE enforcement (
  snapshot        INTEGER PRIMARY KEY,
  node            TEXT NOT NULL,
  first_sequence  INTEGER NOT NULL,                    -- entries of the log that this snapshot was the first to hold
  last_sequence   INTEGER NOT NULL CHECK (last_sequence >= first_sequence - 1),
  enforced_from   INTEGER NOT NULL
) STRICT;
CREATE INDEX enforcement_by_sequence ON enforcement (node, last_sequence, enforced_from);

-- Nothing is changed ...
CREATE TRIGGER schema_version_update BEFORE UPDATE ON schema_version BEGIN SELECT raise(ABORT, 'insert-only: schema_version'); END;
CREATE TRIGGER log_update BEFORE UPDATE ON log BEGIN SELECT raise(ABORT, 'insert-only: log'); END;
CREATE TRIGGER authority_update BEFORE UPDATE ON authority BEGIN SELECT raise(ABORT, 'insert-only: authority'); END;
CREATE TRIGGER authority_name_update BEFORE UPDATE ON authority_name BEGIN SELECT raise(ABORT, 'insert-only: authority_name'); END;
CREATE TRIGGER decision_update BEFORE UPDATE ON decision BEGIN SELECT raise(ABORT, 'insert-only: decision'); END;
CREATE TRIGGER decision_text_update BEFORE UPDATE ON decision_text BEGIN SELECT raise(ABORT, 'insert-only: decision_text'); END;
CREATE TRIGGER decision_scope_update BEFORE UPDATE ON decision_scope BEGIN SELECT raise(ABORT, 'insert-only: decision_scope'); END;
CREATE TRIGGER rule_update BEFORE UPDATE ON rule BEGIN SELECT raise(ABORT, 'insert-only: rule'); END;
CREATE TRIGGER rule_record_update BEFORE UPDATE ON rule_record BEGIN SELECT raise(ABORT, 'insert-only: rule_record'); END;
CREATE TRIGGER transition_update BEFORE UPDATE ON transition BEGIN SELECT raise(ABORT, 'insert-only: transition'); END;
CREATE TRIGGER disclosure_update BEFORE UPDATE ON disclosure BEGIN SELECT raise(ABORT, 'insert-only: disclosure'); END;
CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN SELECT raise(ABORT, 'insert-only: event'); END;
CREATE TRIGGER event_text_update BEFORE UPDATE ON event_text BEGIN SELECT raise(ABORT, 'insert-only: event_text'); END;
CREATE TRIGGER view_update BEFORE UPDATE ON view BEGIN SELECT raise(ABORT, 'insert-only: view'); END;
CREATE TRIGGER enforcement_update BEFORE UPDATE ON enforcement BEGIN SELECT raise(ABORT, 'insert-only: enforcement'); END;

-- ... nothing is removed ...
CREATE TRIGGER schema_version_delete BEFORE DELETE ON schema_version BEGIN SELECT raise(ABORT, 'insert-only: schema_version'); END;
CREATE TRIGGER log_delete BEFORE DELETE ON log BEGIN SELECT raise(ABORT, 'insert-only: log'); END;
CREATE TRIGGER authority_delete BEFORE DELETE ON authority BEGIN SELECT raise(ABORT, 'insert-only: authority'); END;
CREATE TRIGGER authority_name_delete BEFORE DELETE ON authority_name BEGIN SELECT raise(ABORT, 'insert-only: authority_name'); END;
CREATE TRIGGER decision_delete BEFORE DELETE ON decision BEGIN SELECT raise(ABORT, 'insert-only: decision'); END;
CREATE TRIGGER decision_text_delete BEFORE DELETE ON decision_text BEGIN SELECT raise(ABORT, 'insert-only: decision_text'); END;
CREATE TRIGGER decision_scope_delete BEFORE DELETE ON decision_scope BEGIN SELECT raise(ABORT, 'insert-only: decision_scope'); END;
CREATE TRIGGER rule_delete BEFORE DELETE ON rule BEGIN SELECT raise(ABORT, 'insert-only: rule'); END;
CREATE TRIGGER rule_record_delete BEFORE DELETE ON rule_record BEGIN SELECT raise(ABORT, 'insert-only: rule_record'); END;
CREATE TRIGGER transition_delete BEFORE DELETE ON transition BEGIN SELECT raise(ABORT, 'insert-only: transition'); END;
CREATE TRIGGER disclosure_delete BEFORE DELETE ON disclosure BEGIN SELECT raise(ABORT, 'insert-only: disclosure'); END;
CREATE TRIGGER event_delete BEFORE DELETE ON event BEGIN SELECT raise(ABORT, 'insert-only: event'); END;
CREATE TRIGGER event_text_delete BEFORE DELETE ON event_text BEGIN SELECT raise(ABORT, 'insert-only: event_text'); END;
CREATE TRIGGER view_delete BEFORE DELETE ON view BEGIN SELECT raise(ABORT, 'insert-only: view'); END;
CREATE TRIGGER enforcement_delete BEFORE DELETE ON enforcement BEGIN SELECT raise(ABORT, 'insert-only: enforcement'); END;

-- ... and nothing is written over. The log also takes its entries in order only, and without a gap.
CREATE TRIGGER schema_version_key BEFORE INSERT ON schema_version
  WHEN EXISTS (SELECT 1 FROM schema_version WHERE version = NEW.version)
  BEGIN SELECT raise(ABORT, 'insert-only: schema_version has that key'); END;
CREATE TRIGGER log_key BEFORE INSERT ON log
  WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM log)
  BEGIN SELECT raise(ABORT, 'insert-only: not the next sequence number of the log'); END;
CREATE TRIGGER authority_key BEFORE INSERT ON authority
  WHEN EXISTS (SELECT 1 FROM authority WHERE authority_id = NEW.authority_id)
  BEGIN SELECT raise(ABORT, 'insert-only: authority has that key'); END;
CREATE TRIGGER authority_name_key BEFORE INSERT ON authority_name
  WHEN EXISTS (SELECT 1 FROM authority_name WHERE authority_id = NEW.authority_id AND language = NEW.language)
  BEGIN SELECT raise(ABORT, 'insert-only: authority_name has that key'); END;
CREATE TRIGGER decision_key BEFORE INSERT ON decision
  WHEN EXISTS (SELECT 1 FROM decision WHERE decision_id = NEW.decision_id OR sequence = NEW.sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: decision has that key'); END;
CREATE TRIGGER decision_text_key BEFORE INSERT ON decision_text
  WHEN EXISTS (SELECT 1 FROM decision_text
               WHERE decision_id = NEW.decision_id AND field = NEW.field AND language = NEW.language)
  BEGIN SELECT raise(ABORT, 'insert-only: decision_text has that key'); END;
CREATE TRIGGER decision_scope_key BEFORE INSERT ON decision_scope
  WHEN EXISTS (SELECT 1 FROM decision_scope WHERE decision_id = NEW.decision_id AND position = NEW.position)
  BEGIN SELECT raise(ABORT, 'insert-only: decision_scope has that key'); END;
CREATE TRIGGER rule_key BEFORE INSERT ON rule
  WHEN EXISTS (SELECT 1 FROM rule WHERE rule_id = NEW.rule_id)
    OR EXISTS (SELECT 1 FROM rule WHERE decision_id = NEW.decision_id AND position = NEW.position)
  BEGIN SELECT raise(ABORT, 'insert-only: rule has that key'); END;
CREATE TRIGGER rule_record_key BEFORE INSERT ON rule_record
  WHEN EXISTS (SELECT 1 FROM rule_record WHERE rule_id = NEW.rule_id AND position = NEW.position)
  BEGIN SELECT raise(ABORT, 'insert-only: rule_record has that key'); END;
CREATE TRIGGER transition_key BEFORE INSERT ON transition
  WHEN EXISTS (SELECT 1 FROM transition WHERE sequence = NEW.sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: transition has that key'); END;
CREATE TRIGGER disclosure_key BEFORE INSERT ON disclosure
  WHEN EXISTS (SELECT 1 FROM disclosure WHERE decision_id = NEW.decision_id)
  BEGIN SELECT raise(ABORT, 'insert-only: disclosure has that key'); END;
CREATE TRIGGER event_key BEFORE INSERT ON event
  WHEN EXISTS (SELECT 1 FROM event WHERE event_id = NEW.event_id OR sequence = NEW.sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: event has that key'); END;
CREATE TRIGGER event_text_key BEFORE INSERT ON event_text
  WHEN EXISTS (SELECT 1 FROM event_text WHERE event_id = NEW.event_id AND language = NEW.language)
  BEGIN SELECT raise(ABORT, 'insert-only: event_text has that key'); END;
CREATE TRIGGER view_key BEFORE INSERT ON view
  WHEN EXISTS (SELECT 1 FROM view WHERE sequence = NEW.sequence AND position = NEW.position)
  BEGIN SELECT raise(ABORT, 'insert-only: view has that key'); END;
CREATE TRIGGER enforcement_key BEFORE INSERT ON enforcement
  WHEN EXISTS (SELECT 1 FROM enforcement WHERE snapshot = NEW.snapshot)
  BEGIN SELECT raise(ABORT, 'insert-only: enforcement has that key'); END;

-- ... and nothing is added to what was recorded. A row comes in with the newest entry of the log and says what that
-- entry is about. Of a decision's rows the first transition is the last to come: it closes the decision. An authority,
-- an event and the views have no such row, so their parts must stand in the entry itself. (Of SQLite's JSON only
-- json_each is let into triggers on a connection that trusts no schema.)
CREATE TRIGGER schema_version_entry BEFORE INSERT ON schema_version
  WHEN NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM schema_version)
  BEGIN SELECT raise(ABORT, 'insert-only: schema_version goes up by one'); END;
CREATE TRIGGER log_entry BEFORE INSERT ON log
  WHEN NEW.recorded_at < (SELECT recorded_at FROM log ORDER BY sequence DESC LIMIT 1)
  BEGIN SELECT raise(ABORT, 'insert-only: the log goes forward in time'); END;
CREATE TRIGGER authority_entry BEFORE INSERT ON authority
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'authority' AND subject = NEW.authority_id)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that authority'); END;
CREATE TRIGGER authority_name_entry BEFORE INSERT ON authority_name
  WHEN NOT EXISTS (SELECT 1 FROM log, json_each(coalesce(log.withheld, log.entry), '$.content.name') AS said
                   WHERE log.sequence = (SELECT max(sequence) FROM log) AND kind = 'authority'
                   AND subject = NEW.authority_id AND said.key = NEW.language AND said.value = NEW.name)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log has no such name'); END;
CREATE TRIGGER decision_entry BEFORE INSERT ON decision
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'decision' AND subject = NEW.decision_id)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that decision'); END;
CREATE TRIGGER decision_text_entry BEFORE INSERT ON decision_text
  WHEN NOT EXISTS (SELECT 1 FROM decision WHERE decision_id = NEW.decision_id AND sequence = (SELECT max(sequence) FROM log)
                   AND NOT EXISTS (SELECT 1 FROM transition WHERE transition.sequence = decision.sequence))
  BEGIN SELECT raise(ABORT, 'insert-only: decision_text comes with its decision'); END;
CREATE TRIGGER decision_scope_entry BEFORE INSERT ON decision_scope
  WHEN NOT EXISTS (SELECT 1 FROM decision WHERE decision_id = NEW.decision_id AND sequence = (SELECT max(sequence) FROM log)
                   AND NOT EXISTS (SELECT 1 FROM transition WHERE transition.sequence = decision.sequence))
  BEGIN SELECT raise(ABORT, 'insert-only: decision_scope comes with its decision'); END;
CREATE TRIGGER rule_entry BEFORE INSERT ON rule
  WHEN NEW.rule_id <> (SELECT coalesce(max(rule_id), 0) + 1 FROM rule)
    OR NOT EXISTS (SELECT 1 FROM decision WHERE decision_id = NEW.decision_id AND sequence = (SELECT max(sequence) FROM log)
                   AND NOT EXISTS (SELECT 1 FROM transition WHERE transition.sequence = decision.sequence))
  BEGIN SELECT raise(ABORT, 'insert-only: rule comes with its decision'); END;
CREATE TRIGGER rule_record_entry BEFORE INSERT ON rule_record
  WHEN NOT EXISTS (SELECT 1 FROM rule JOIN decision ON decision.decision_id = rule.decision_id
                   WHERE rule.rule_id = NEW.rule_id AND decision.sequence = (SELECT max(sequence) FROM log)
                   AND NOT EXISTS (SELECT 1 FROM transition WHERE transition.sequence = decision.sequence))
  BEGIN SELECT raise(ABORT, 'insert-only: rule_record comes with its decision'); END;
CREATE TRIGGER transition_entry BEFORE INSERT ON transition
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND subject = NEW.decision_id AND recorded_at = NEW.recorded_at AND author = NEW.author
                   AND (kind = 'transition' OR EXISTS (SELECT 1 FROM decision
                          WHERE decision.sequence = NEW.sequence AND decision.decision_id = NEW.decision_id
                          AND initial_state = NEW.state AND effective_from = NEW.valid_from)
                        AND kind = 'decision'))
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that transition'); END;
CREATE TRIGGER disclosure_entry BEFORE INSERT ON disclosure
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'disclosure' AND subject = NEW.decision_id AND recorded_at = NEW.recorded_at)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that disclosure'); END;
CREATE TRIGGER event_entry BEFORE INSERT ON event
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'event' AND subject = NEW.event_id)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that event'); END;
CREATE TRIGGER event_text_entry BEFORE INSERT ON event_text
  WHEN NOT EXISTS (SELECT 1 FROM log, json_each(coalesce(log.withheld, log.entry), '$.content.statement') AS said
                   WHERE log.sequence = (SELECT max(sequence) FROM log) AND kind = 'event'
                   AND subject = NEW.event_id AND said.key = NEW.language AND said.value = NEW.text)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log has no such text'); END;
CREATE TRIGGER view_entry BEFORE INSERT ON view
  WHEN NOT EXISTS (SELECT 1 FROM log, json_each(coalesce(log.withheld, log.entry), '$.content.views') AS said,
                     json_each(said.value) AS field
                   WHERE log.sequence = NEW.sequence AND log.sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'views' AND said.key = NEW.position AND field.key = 'name' AND field.value = NEW.name)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log has no such view'); END;
-- What a node answered by: after what it answered by before, and not before that was recorded.
CREATE TRIGGER enforcement_entry BEFORE INSERT ON enforcement
  WHEN NEW.snapshot <> (SELECT coalesce(max(snapshot), 0) + 1 FROM enforcement)
    OR NEW.last_sequence > (SELECT coalesce(max(sequence), 0) FROM log)
    OR NEW.enforced_from < (SELECT max(enforced_from) FROM enforcement WHERE node = NEW.node)
    OR NEW.enforced_from < (SELECT recorded_at FROM log WHERE sequence = NEW.last_sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: an enforcement follows the one before and what it enforces'); END;
