-- Version 3: authorities that change, their mandates, decisions that carry a list, overrides of guards.
--
--   authority_version   sequence; (authority_id, version) unique   what replaces the authority's row from there on;
--                       authority_version_name (sequence, language)
-- `mandate` and `overrides` hold canonical JSON, or nothing. `list` is the id of the list whose rules apply under the
-- decision.

ALTER TABLE authority ADD COLUMN mandate TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN list TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN overrides TEXT NOT NULL DEFAULT '';

CREATE TABLE authority_version (
  sequence      INTEGER PRIMARY KEY REFERENCES log (sequence),
  authority_id  TEXT NOT NULL REFERENCES authority (authority_id),
  version       INTEGER NOT NULL CHECK (version > 1),
  kind          TEXT NOT NULL CHECK (kind IN ('court', 'regulator', 'provider', 'operator')),
  jurisdiction  TEXT NOT NULL,
  contact       TEXT NOT NULL,
  public_key    TEXT NOT NULL,
  external      INTEGER NOT NULL CHECK (external IN (0, 1)),
  mandate       TEXT NOT NULL,
  UNIQUE (authority_id, version)
) STRICT;

CREATE TABLE authority_version_name (
  sequence  INTEGER NOT NULL REFERENCES authority_version (sequence),
  language  TEXT NOT NULL,
  name      TEXT NOT NULL,
  PRIMARY KEY (sequence, language)
) STRICT, WITHOUT ROWID;

CREATE INDEX decision_by_list ON decision (list) WHERE list <> '';

CREATE TRIGGER authority_version_update BEFORE UPDATE ON authority_version BEGIN SELECT raise(ABORT, 'insert-only: authority_version'); END;
CREATE TRIGGER authority_version_name_update BEFORE UPDATE ON authority_version_name BEGIN SELECT raise(ABORT, 'insert-only: authority_version_name'); END;
CREATE TRIGGER authority_version_delete BEFORE DELETE ON authority_version BEGIN SELECT raise(ABORT, 'insert-only: authority_version'); END;
CREATE TRIGGER authority_version_name_delete BEFORE DELETE ON authority_version_name BEGIN SELECT raise(ABORT, 'insert-only: authority_version_name'); END;
CREATE TRIGGER authority_version_key BEFORE INSERT ON authority_version
  WHEN EXISTS (SELECT 1 FROM authority_version WHERE sequence = NEW.sequence)
    OR NEW.version <> (SELECT coalesce(max(version), 1) + 1 FROM authority_version WHERE authority_id = NEW.authority_id)
  BEGIN SELECT raise(ABORT, 'insert-only: not the next version of that authority'); END;
CREATE TRIGGER authority_version_name_key BEFORE INSERT ON authority_version_name
  WHEN EXISTS (SELECT 1 FROM authority_version_name WHERE sequence = NEW.sequence AND language = NEW.language)
  BEGIN SELECT raise(ABORT, 'insert-only: authority_version_name has that key'); END;
CREATE TRIGGER authority_version_entry BEFORE INSERT ON authority_version
  WHEN NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'authority' AND subject = NEW.authority_id)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that authority'); END;
CREATE TRIGGER authority_version_name_entry BEFORE INSERT ON authority_version_name
  WHEN NOT EXISTS (SELECT 1 FROM log, json_each(coalesce(log.withheld, log.entry), '$.content.name') AS said
                   WHERE log.sequence = NEW.sequence AND log.sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'authority' AND said.key = NEW.language AND said.value = NEW.name)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log has no such name'); END;
