-- What can be asked: views over the rows of schema.sql, so that nothing that changes with time is ever stored.
--
-- Two layers. The first (seconds, every decision) is for the program. The second, public_*, is all that `placard query`
-- and `placard export` read: times as text, and only what is disclosed. A delayed or sealed decision appears in no
-- public_* view, nor do its rules, texts and transitions; public_log shows its entries as salted digests, so that the
-- chain can be checked and the decision counted. Once it is disclosed, public_log gives the text the digest was of.
-- Left out for everyone: who typed a command (log.author; the entry holds a salted digest), clients of a view.
--
-- Three periods, each closed at its start and open at its end ("never" sorts behind every date):
--   valid_from    .. valid_to      when it holds
--   recorded_from .. recorded_to   when this was what the record said
--   enforced_from .. enforced_to   when this node answered by it
-- "What was in force on day D, as known on day K":
--   SELECT * FROM public_rule_history WHERE valid_from <= D AND D < valid_to AND recorded_from <= K AND K < recorded_to

-- Of the transitions known at some moment, the one recorded last among those whose valid_from has come decides: so each
-- later one cuts the valid time of those before it. One row for each transition and each stand of the record.
CREATE VIEW decision_history AS
WITH stand AS NOT MATERIALIZED (
  SELECT decision_id, sequence, recorded_at AS recorded_from,
         coalesce((SELECT next.recorded_at FROM transition AS next
                   WHERE next.decision_id = transition.decision_id AND next.sequence > transition.sequence
                   ORDER BY next.sequence LIMIT 1), 9223372036854775807) AS recorded_to
  FROM transition
), cut AS NOT MATERIALIZED (
  SELECT t.decision_id, t.sequence, t.state, t.valid_from, t.reason, stand.recorded_from, stand.recorded_to, d.expires_at,
         min(CASE WHEN t.state IN ('lifted', 'annulled') THEN 9223372036854775807 ELSE d.expires_at END,
             coalesce((SELECT min(later.valid_from) FROM transition AS later
                       WHERE later.decision_id = t.decision_id AND later.sequence > t.sequence
                         AND later.sequence <= stand.sequence), 9223372036854775807)) AS valid_to
  FROM transition AS t
  JOIN stand ON stand.decision_id = t.decision_id AND stand.sequence >= t.sequence
  JOIN decision AS d ON d.decision_id = t.decision_id
)
SELECT decision_id, state, valid_from, valid_to, recorded_from, recorded_to, sequence, reason
FROM cut WHERE valid_from < valid_to AND recorded_from < recorded_to
UNION ALL
SELECT decision_id, 'expired', expires_at, 9223372036854775807, recorded_from, recorded_to, sequence, ''
FROM cut
WHERE valid_to = expires_at AND expires_at < 9223372036854775807 AND recorded_from < recorded_to
  AND valid_from < valid_to AND state NOT IN ('lifted', 'annulled');

-- A decision's active time as each node knew it: it begins when it holds and the node has heard of it, and ends when it
-- ends and the node has heard of that.
CREATE VIEW decision_enforcement AS
WITH published AS NOT MATERIALIZED (
  SELECT t.sequence, t.decision_id, t.state, t.valid_from, node.node,
         (SELECT min(e.enforced_from) FROM enforcement AS e
          WHERE e.node = node.node AND e.last_sequence >= t.sequence) AS heard_at
  FROM transition AS t JOIN (SELECT DISTINCT node FROM enforcement) AS node
), period AS NOT MATERIALIZED (
  SELECT p.decision_id, p.node, p.sequence, max(p.valid_from, p.heard_at) AS enforced_from,
         min(d.expires_at, coalesce((SELECT min(max(later.valid_from, later.heard_at)) FROM published AS later
                                     WHERE later.decision_id = p.decision_id AND later.node = p.node
                                       AND later.sequence > p.sequence AND later.heard_at IS NOT NULL),
                                    9223372036854775807)) AS enforced_to
  FROM published AS p JOIN decision AS d ON d.decision_id = p.decision_id
  WHERE p.state = 'active' AND p.heard_at IS NOT NULL
)
SELECT decision_id, node, enforced_from, enforced_to, sequence FROM period WHERE enforced_from < enforced_to;

CREATE VIEW disclosed_decision AS
SELECT d.* FROM decision AS d
WHERE d.disclosure = 'public' OR EXISTS (SELECT 1 FROM disclosure WHERE disclosure.decision_id = d.decision_id);

CREATE VIEW view_history AS
SELECT v.sequence, v.position, v.name, v.clients, v.jurisdictions, v.sources, log.recorded_at AS recorded_from,
       coalesce((SELECT min(later.recorded_at) FROM log AS later WHERE later.kind = 'views' AND later.sequence > v.sequence),
                9223372036854775807) AS recorded_to
FROM view AS v JOIN log ON log.sequence = v.sequence;

-- Every version of every authority; the largest is in force.
CREATE VIEW authority_stand AS
SELECT authority_id, sequence, 1 AS version, kind, jurisdiction, contact, public_key, external, mandate FROM authority
UNION ALL
SELECT authority_id, sequence, version, kind, jurisdiction, contact, public_key, external, mandate FROM authority_version;

CREATE VIEW public_authority_history AS
SELECT a.authority_id, a.version, a.kind,
       coalesce(CASE a.version WHEN 1
                  THEN (SELECT name FROM authority_name AS n WHERE n.authority_id = a.authority_id AND language = 'en')
                  ELSE (SELECT name FROM authority_version_name AS n WHERE n.sequence = a.sequence AND language = 'en') END,
                a.authority_id) AS name,
       a.jurisdiction, a.contact, a.public_key, a.external, a.mandate,
       strftime('%Y-%m-%dT%H:%M:%SZ', log.recorded_at, 'unixepoch') AS recorded_from,
       coalesce((SELECT strftime('%Y-%m-%dT%H:%M:%SZ', later.recorded_at, 'unixepoch') FROM authority_version AS next
                 JOIN log AS later ON later.sequence = next.sequence
                 WHERE next.authority_id = a.authority_id AND next.version = a.version + 1), 'never') AS recorded_to,
       a.sequence
FROM authority_stand AS a JOIN log ON log.sequence = a.sequence;

CREATE VIEW public_authority AS
SELECT authority_id, kind, name, jurisdiction, contact, public_key, external, recorded_from, sequence, version, mandate
FROM public_authority_history WHERE recorded_to = 'never';

CREATE VIEW public_authority_name AS
SELECT authority_id, language, name FROM authority_name AS n
WHERE NOT EXISTS (SELECT 1 FROM authority_version AS v WHERE v.authority_id = n.authority_id)
UNION ALL
SELECT v.authority_id, n.language, n.name FROM authority_version AS v
JOIN authority_version_name AS n ON n.sequence = v.sequence
WHERE v.version = (SELECT max(version) FROM authority_version AS w WHERE w.authority_id = v.authority_id);

CREATE VIEW public_decision AS
SELECT d.decision_id, d.decision_type, d.authority_id, a.name AS authority_name, a.external AS authority_external,
       d.applicant, d.reference, d.legal_basis,
       (SELECT text FROM decision_text AS t WHERE t.decision_id = d.decision_id AND field = 'statement_of_reasons'
          AND language = 'en') AS statement_of_reasons,
       (SELECT text FROM decision_text AS t WHERE t.decision_id = d.decision_id AND field = 'redress'
          AND language = 'en') AS redress,
       d.document_url, d.document_sha256,
       coalesce((SELECT group_concat(code, ' ') FROM decision_scope AS s WHERE s.decision_id = d.decision_id), '')
         AS territorial_scope,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.received_at, 'unixepoch') AS received_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.comply_by, 'unixepoch') AS comply_by,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.review_at, 'unixepoch') AS review_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', d.effective_from, 'unixepoch') AS effective_from,
       CASE d.expires_at WHEN 9223372036854775807 THEN 'never'
         ELSE strftime('%Y-%m-%dT%H:%M:%SZ', d.expires_at, 'unixepoch') END AS expires_at,
       d.supersedes, d.reverses, d.disclosure, d.demonstration,
       strftime('%Y-%m-%dT%H:%M:%SZ', log.recorded_at, 'unixepoch') AS recorded_from, d.sequence, d.list, d.overrides
FROM disclosed_decision AS d
JOIN log ON log.sequence = d.sequence
JOIN public_authority AS a ON a.authority_id = d.authority_id;

CREATE VIEW public_decision_text AS
SELECT t.decision_id, t.field, t.language, t.text
FROM decision_text AS t JOIN disclosed_decision AS d ON d.decision_id = t.decision_id;

CREATE VIEW public_rule AS
SELECT r.rule_id, r.decision_id, d.authority_id, r.trigger, r.match, r.name, r.prefix, r.action, r.ttl, r.target,
       coalesce((SELECT group_concat(text, '; ') FROM rule_record WHERE rule_record.rule_id = r.rule_id), '') AS records
FROM rule AS r JOIN disclosed_decision AS d ON d.decision_id = r.decision_id;

CREATE VIEW public_transition AS
SELECT t.decision_id, t.state, strftime('%Y-%m-%dT%H:%M:%SZ', t.valid_from, 'unixepoch') AS valid_from,
       strftime('%Y-%m-%dT%H:%M:%SZ', t.recorded_at, 'unixepoch') AS recorded_at, t.reason, t.sequence
FROM transition AS t JOIN disclosed_decision AS d ON d.decision_id = t.decision_id;

CREATE VIEW public_decision_history AS
SELECT h.decision_id, d.decision_type, d.authority_id, h.state,
       strftime('%Y-%m-%dT%H:%M:%SZ', h.valid_from, 'unixepoch') AS valid_from,
       CASE h.valid_to WHEN 9223372036854775807 THEN 'never'
         ELSE strftime('%Y-%m-%dT%H:%M:%SZ', h.valid_to, 'unixepoch') END AS valid_to,
       strftime('%Y-%m-%dT%H:%M:%SZ', h.recorded_from, 'unixepoch') AS recorded_from,
       CASE h.recorded_to WHEN 9223372036854775807 THEN 'never'
         ELSE strftime('%Y-%m-%dT%H:%M:%SZ', h.recorded_to, 'unixepoch') END AS recorded_to,
       h.reason
FROM decision_history AS h JOIN disclosed_decision AS d ON d.decision_id = h.decision_id;

CREATE VIEW public_rule_history AS
SELECT r.name, r.match, r.trigger, r.prefix, r.action, r.rule_id, h.*
FROM public_decision_history AS h JOIN rule AS r ON r.decision_id = h.decision_id;

CREATE VIEW public_decision_enforcement AS
SELECT e.decision_id, e.node, strftime('%Y-%m-%dT%H:%M:%SZ', e.enforced_from, 'unixepoch') AS enforced_from,
       CASE e.enforced_to WHEN 9223372036854775807 THEN 'never'
         ELSE strftime('%Y-%m-%dT%H:%M:%SZ', e.enforced_to, 'unixepoch') END AS enforced_to
FROM decision_enforcement AS e JOIN disclosed_decision AS d ON d.decision_id = e.decision_id;

CREATE VIEW public_event AS
SELECT e.event_id, e.name, strftime('%Y-%m-%dT%H:%M:%SZ', e.occurred_at, 'unixepoch') AS occurred_at, e.actor, e.act,
       (SELECT text FROM event_text AS t WHERE t.event_id = e.event_id AND language = 'en') AS statement, e.source,
       strftime('%Y-%m-%dT%H:%M:%SZ', log.recorded_at, 'unixepoch') AS recorded_from, e.sequence
FROM event AS e JOIN log ON log.sequence = e.sequence;

CREATE VIEW public_event_text AS SELECT event_id, language, text FROM event_text;

CREATE VIEW public_view AS
SELECT name, position, jurisdictions, sources, strftime('%Y-%m-%dT%H:%M:%SZ', recorded_from, 'unixepoch') AS recorded_from,
       CASE recorded_to WHEN 9223372036854775807 THEN 'never'
         ELSE strftime('%Y-%m-%dT%H:%M:%SZ', recorded_to, 'unixepoch') END AS recorded_to
FROM view_history;

CREATE VIEW public_enforcement AS
SELECT snapshot, node, first_sequence, last_sequence,
       strftime('%Y-%m-%dT%H:%M:%SZ', enforced_from, 'unixepoch') AS enforced_from
FROM enforcement;

CREATE VIEW public_log AS
SELECT log.sequence, strftime('%Y-%m-%dT%H:%M:%SZ', log.recorded_at, 'unixepoch') AS recorded_at, log.kind, log.entry,
       CASE WHEN log.kind <> 'views' AND EXISTS (SELECT 1 FROM disclosed_decision AS d WHERE d.decision_id = log.subject)
         THEN log.withheld END AS disclosed_text,
       lower(hex(log.hash)) AS hash
FROM log;
