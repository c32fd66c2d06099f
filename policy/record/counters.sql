-- The second file beside the store: what may be counted again, changed and forgotten, so that nothing of it is in the
-- record. It is made anew when it is gone.
CREATE TABLE IF NOT EXISTS hit (
  hour         INTEGER NOT NULL,   -- its first second
  decision_id  TEXT NOT NULL,
  list_id      TEXT NOT NULL,      -- or empty
  trigger      TEXT NOT NULL,
  name         TEXT NOT NULL,      -- of the rule, or its prefix; empty: of the decision beside its rules
  rule_id      INTEGER NOT NULL,   -- 0: of a list
  view         TEXT NOT NULL,
  shadow       INTEGER NOT NULL,
  hits         INTEGER NOT NULL,
  PRIMARY KEY (hour, decision_id, list_id, trigger, name, rule_id, view, shadow)
) STRICT, WITHOUT ROWID;
