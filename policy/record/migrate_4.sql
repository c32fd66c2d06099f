-- Version 4: the rows of a change of a list are written in many short transactions, before the change itself.
--
--   list_change.rows                                the number that its rows in list_rule have as their `sequence`: above
--                                                   that of every earlier change of the list
--   list_pending  list_number                       work in hand, no part of the record: rows of a change that is not
--                                                   there (yet). They are seen by nobody, and go when they were left behind
--
-- Up to version 3 that number was the change's own sequence in the log.
ALTER TABLE list_change ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER list_change_update;
UPDATE list_change SET rows = sequence;
CREATE TRIGGER list_change_update BEFORE UPDATE ON list_change BEGIN SELECT raise(ABORT, 'insert-only: list_change'); END;

CREATE TABLE list_pending (
  list_number  INTEGER PRIMARY KEY,
  rows         INTEGER NOT NULL
) STRICT;

DROP TRIGGER list_change_key;
CREATE TRIGGER list_change_key BEFORE INSERT ON list_change
  WHEN EXISTS (SELECT 1 FROM list_change WHERE sequence = NEW.sequence)
    OR NEW.rows <= (SELECT coalesce(max(rows), 0) FROM list_change WHERE list_number = NEW.list_number)
    OR NOT EXISTS (SELECT 1 FROM log JOIN list ON list.list_id = log.subject
                   WHERE log.sequence = NEW.sequence AND log.sequence = (SELECT max(sequence) FROM log)
                   AND kind = 'list' AND list.list_number = NEW.list_number)
  BEGIN SELECT raise(ABORT, 'insert-only: the newest entry of the log is not about that list'); END;
-- The store writes rows with its own triggers off: ten million rows are not asked one by one.
DROP TRIGGER list_rule_key;
CREATE TRIGGER list_rule_key BEFORE INSERT ON list_rule
  WHEN EXISTS (SELECT 1 FROM list_rule WHERE list_number = NEW.list_number AND trigger = NEW.trigger AND key = NEW.key
               AND match = NEW.match AND sequence = NEW.sequence)
    OR NOT EXISTS (SELECT 1 FROM list_pending WHERE list_number = NEW.list_number AND rows = NEW.sequence)
    OR NEW.sequence <= (SELECT max(rows) FROM list_change WHERE list_number = NEW.list_number)
  BEGIN SELECT raise(ABORT, 'insert-only: list_rule comes with a change of its list'); END;
