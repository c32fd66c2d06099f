-- Version 2: the rules of lists, and views by listener and key.
--
--   list          list_number; list_id unique     a list, from its first entry in the log on
--     list_change sequence                        one entry of the log about a list: what it added and took away
--     list_form   (list_number, form)             what rules of the list have in common: trigger, match, action, data
--     list_rule   (list_number, trigger, key, match, sequence)   in the order of keys; the row with the largest sequence
--                                                 says what holds, form 0 that nothing does
--
-- A list of ten million rules is one entry of the log with the digest of its rows in order, and so is each difference to
-- it. list_rule has about forty octets a row for that reason: words are numbers (trigger: client-ip 0, qname 1,
-- response-ip 2, nsdname 3, nsip 4; match: exact 0, subdomains 1, both 2) and nothing is checked row by row that the
-- digest covers.

-- The log learns the kind 'list'. A CHECK cannot be changed in place.
CREATE TEMP TABLE log_kept AS SELECT * FROM log;
DROP TABLE log;
CREATE TABLE log (
  sequence     INTEGER PRIMARY KEY CHECK (sequence > 0),
  recorded_at  INTEGER NOT NULL,
  kind         TEXT NOT NULL
    CHECK (kind IN ('authority', 'decision', 'transition', 'disclosure', 'event', 'views', 'list')),
  subject      TEXT NOT NULL,
  author       TEXT NOT NULL,
  author_salt  BLOB NOT NULL CHECK (length(author_salt) = 16),
  entry        TEXT NOT NULL,
  withheld     TEXT,
  hash         BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO log (sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash)
  SELECT sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash FROM log_kept ORDER BY sequence;
DROP TABLE log_kept;
CREATE TRIGGER log_update BEFORE UPDATE ON log BEGIN SELECT raise(ABORT, 'insert-only: log'); END;
CREATE TRIGGER log_delete BEFORE DELETE ON log BEGIN SELECT raise(ABORT, 'insert-only: log'); END;
CREATE TRIGGER log_key BEFORE INSERT ON log
  WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM log)
  BEGIN SELECT raise(ABORT, 'insert-only: not the next sequence number of the log'); END;
CREATE TRIGGER log_entry BEFORE INSERT ON log
  WHEN NEW.recorded_at < (SELECT recorded_at FROM log ORDER BY sequence DESC LIMIT 1)
  BEGIN SELECT raise(ABORT, 'insert-only: the log goes forward in time'); END;

ALTER TABLE view ADD COLUMN listeners TEXT NOT NULL DEFAULT '[]';
ALTER TABLE view ADD COLUMN keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE view ADD COLUMN opted_in INTEGER NOT NULL DEFAULT 0 CHECK (opted_in IN (0, 1));

CREATE TABLE list (
  list_number  INTEGER PRIMARY KEY,
  list_id      TEXT NOT NULL UNIQUE CHECK (length(list_id) BETWEEN 1 AND 64),
  sequence     INTEGER NOT NULL REFERENCES log (sequence)
) STRICT;

CREATE TABLE list_change (
  sequence     INTEGER PRIMARY KEY REFERENCES log (sequence),
  list_number  INTEGER NOT NULL REFERENCES list (list_number),
  added        INTEGER NOT NULL CHECK (added >= 0),
  removed      INTEGER NOT NULL CHECK (removed >= 0),
  rules        INTEGER NOT NULL CHECK (rules >= 0),     -- of the list from here on
  digest       BLOB NOT NULL CHECK (length(digest) = 32),
  meta         TEXT NOT NULL                            -- canonical JSON: where it came from, what was rejected
) STRICT;
CREATE INDEX list_change_by_list ON list_change (list_number);

CREATE TABLE list_form (
  list_number  INTEGER NOT NULL REFERENCES list (list_number),
  form         INTEGER NOT NULL CHECK (form > 0),
  sequence     INTEGER NOT NULL REFERENCES log (sequence),
  content      TEXT NOT NULL,                           -- canonical JSON of a rule without name and prefix
  PRIMARY KEY (list_number, form)
) STRICT, WITHOUT ROWID;

CREATE TABLE list_rule (
  list_number  INTEGER NOT NULL,
  trigger      INTEGER NOT NULL,
  key          TEXT NOT NULL,                           -- labels in reverse, or a prefix
  match        INTEGER NOT NULL,
  sequence     INTEGER NOT NULL,
  form         INTEGER NOT NULL,
  line         INTEGER NOT NULL,                        -- in its source, from 1; 0: nowhere
  difference   INTEGER NOT NULL,                        -- 0: it came with the first entry about its list
  PRIMARY KEY (list_number, trigger, key, match, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_rule_by_difference ON list_rule (sequence) WHERE difference = 1;

CREATE TRIGGER list_update BEFORE UPDATE ON list BEGIN SELECT raise(ABORT, 'insert-only: list'); END;
CREATE TRIGGER list_change_update BEFORE UPDATE ON list_change BEGIN SELECT raise(ABORT, 'insert-only: list_change'); END;
CREATE TRIGGER list_form_update BEFORE UPDATE ON list_form BEGIN SELECT raise(ABORT, 'insert-only: list_form'); END;
CREATE TRIGGER list_rule_update BEFORE UPDATE ON list_rule BEGIN SELECT raise(ABORT, 'insert-only: list_rule'); END;
CREATE TRIGGER list_delete BEFORE DELETE ON list BEGIN SELECT raise(ABORT, 'insert-only: list'); END;
CREATE TRIGGER list_change_delete BEFORE DELETE ON list_change BEGIN SELECT raise(ABORT, 'insert-only: list_change'); END;
CREATE TRIGGER list_form_delete BEFORE DELETE ON list_form BEGIN SELECT raise(ABORT, 'insert-only: list_form'); END;
CREATE TRIGGER list_rule_delete BEFORE DELETE ON list_rule BEGIN SELECT raise(ABORT, 'insert-only: list_rule'); END;
CREATE TRIGGER list_key BEFORE INSERT ON list
  WHEN EXISTS (SELECT 1 FROM list WHERE list_number = NEW.list_number OR list_id = NEW.list_id)
    OR NOT EXISTS (SELECT 1 FROM log WHERE sequence = NEW.sequence AND sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'list' AND subject = NEW.list_id)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that list, or there is one'); END;
CREATE TRIGGER list_change_key BEFORE INSERT ON list_change
  WHEN EXISTS (SELECT 1 FROM list_change WHERE sequence = NEW.sequence)
    OR NOT EXISTS (SELECT 1 FROM log JOIN list ON list.list_id = log.subject
                   WHERE log.sequence = NEW.sequence AND log.sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'list' AND list.list_number = NEW.list_number)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that list'); END;
-- The rows of a change come before the change itself, which closes it. The store takes these two down, within its own
-- transaction, while it writes the rows of a change: ten million rows are not asked one by one.
CREATE TRIGGER list_form_key BEFORE INSERT ON list_form
  WHEN EXISTS (SELECT 1 FROM list_form WHERE list_number = NEW.list_number AND form = NEW.form)
    OR NEW.sequence <> (SELECT max(sequence) FROM log) OR EXISTS (SELECT 1 FROM list_change WHERE sequence = NEW.sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: list_form comes with a change of its list'); END;
CREATE TRIGGER list_rule_key BEFORE INSERT ON list_rule
  WHEN EXISTS (SELECT 1 FROM list_rule WHERE list_number = NEW.list_number AND trigger = NEW.trigger AND key = NEW.key
               AND match = NEW.match AND sequence = NEW.sequence)
    OR NEW.sequence <> (SELECT max(sequence) FROM log) OR EXISTS (SELECT 1 FROM list_change WHERE sequence = NEW.sequence)
  BEGIN SELECT raise(ABORT, 'insert-only: list_rule comes with a change of its list'); END;
