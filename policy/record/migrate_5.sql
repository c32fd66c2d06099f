-- Version 5: the rows that a list begins with (the first that it has) stand in blocks of some hundreds, as the text that
-- the log's digest is of.
--
--   list_block    (list_number, trigger, key, match, sequence)   the place of its first row; rows follow one another, and
--                 blocks do, in the order of list_rule. All rows of a block have its trigger, and those of one key stand in
--                 one block. `sequence` is what it is in list_rule.
--     rows        a row a line: "1 net.example 2 1 17": trigger, key, match, form, line. SHA-256 over the rows of all blocks
--                 in order, and the list's new forms behind them, is list_change.digest.
--
-- Ten million rows are a matter of seconds so. What changes later stands in list_rule, row by row, and so do lists that
-- began before version 5; a row there says what holds, whatever a block says.
CREATE TABLE list_block (
  list_number  INTEGER NOT NULL,
  trigger      INTEGER NOT NULL,
  key          TEXT NOT NULL,
  match        INTEGER NOT NULL,
  sequence     INTEGER NOT NULL,
  rows         TEXT NOT NULL,
  PRIMARY KEY (list_number, trigger, key, match, sequence)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER list_block_update BEFORE UPDATE ON list_block BEGIN SELECT raise(ABORT, 'insert-only: list_block'); END;
CREATE TRIGGER list_block_delete BEFORE DELETE ON list_block BEGIN SELECT raise(ABORT, 'insert-only: list_block'); END;
CREATE TRIGGER list_block_key BEFORE INSERT ON list_block
  WHEN EXISTS (SELECT 1 FROM list_block WHERE list_number = NEW.list_number AND trigger = NEW.trigger AND key = NEW.key
               AND match = NEW.match AND sequence = NEW.sequence)
    OR NOT EXISTS (SELECT 1 FROM list_pending WHERE list_number = NEW.list_number AND rows = NEW.sequence)
    OR EXISTS (SELECT 1 FROM list_change WHERE list_number = NEW.list_number AND added > 0)
  BEGIN SELECT raise(ABORT, 'insert-only: list_block comes with the first rows of its list'); END;
