-- SPDX-License-Identifier: Apache-2.0
-- Rounds: their rows, how far they are, how they move on.

-- name: round_row :one
SELECT * FROM round_view WHERE ctx = $1

-- name: round_share :one
SELECT * FROM round_view WHERE ctx = $1 FOR SHARE

-- name: round_lock :one
SELECT * FROM round_view WHERE ctx = $1 FOR UPDATE

-- name: round_claim :maybe
SELECT * FROM round_view WHERE ctx = $1 FOR UPDATE SKIP LOCKED

-- name: round_newest :maybe
SELECT v.* FROM models m JOIN round_view v ON v.ctx = m.current_ctx WHERE m.slug = $1

-- name: round_list :many
SELECT * FROM round_view
WHERE model = $1 AND (round, attempt) < ($2::bigint, $3::bigint)
ORDER BY round DESC, attempt DESC LIMIT $4::bigint

-- name: round_counts :one
SELECT (SELECT count(*) FROM joins WHERE ctx = $1),
       (SELECT count(*) FROM shares WHERE ctx = $1),
       (SELECT count(*) FROM updates WHERE ctx = $1 AND complete),
       (SELECT count(*) FROM unmasks WHERE ctx = $1)

-- Rounds (all, or this one) whose phase may end: the deadline has passed or nobody is
-- awaited any more; or the anchor is final (for a roster: and the block known that draws
-- the graph) or was refused.
-- name: round_due :many
SELECT ctx, phase FROM rounds r
WHERE CASE phase
  WHEN 'join' THEN deadline <= clock_timestamp() OR (
    SELECT count(*) >= r.maximum OR (count(*) >= r.minimum AND count(*) >= (
      SELECT count(DISTINCT p.organisation)
      FROM admissions a JOIN participants p ON p.id = a.participant
      WHERE a.model = r.model AND a.status = 'admitted' AND NOT EXISTS (
        SELECT 1 FROM convictions c JOIN rounds o ON o.ctx = c.ctx
        WHERE o.model = r.model AND o.round = r.round AND c.participant = a.participant)))
    FROM joins j WHERE j.ctx = r.ctx)
  WHEN 'share' THEN deadline <= clock_timestamp()
    OR (SELECT count(*) FROM shares s WHERE s.ctx = r.ctx) >= n
  WHEN 'upload' THEN deadline <= clock_timestamp()
    OR (SELECT count(*) FROM updates u WHERE u.ctx = r.ctx AND u.complete)
       >= (SELECT count(*) FROM shares s WHERE s.ctx = r.ctx)
  WHEN 'unmask' THEN (deadline <= clock_timestamp()
    OR (SELECT count(*) FROM unmasks u WHERE u.ctx = r.ctx) >= count
    OR (SELECT max(e.created_at) FROM events e
        WHERE e.ctx = r.ctx AND e.type = 'unmask') < clock_timestamp() - interval '1 second')
    AND NOT EXISTS (SELECT 1 FROM jobs b WHERE b.ctx = r.ctx AND b.kind = 'unmask'
      AND b.part = (SELECT count(*) FROM unmasks u WHERE u.ctx = r.ctx))
  WHEN 'roster' THEN EXISTS (SELECT 1 FROM chain_txs t WHERE t.ctx = r.ctx
      AND t.kind = 'roster' AND t.state = 'refused')
    OR EXISTS (SELECT 1 FROM chain_beacons c WHERE c.ctx = r.ctx AND c.hash IS NOT NULL)
  WHEN 'survivors' THEN EXISTS (SELECT 1 FROM chain_txs t WHERE t.ctx = r.ctx
      AND t.kind = 'survivors' AND t.state IN ('final', 'refused'))
  END
  AND phase NOT IN ('final', 'done', 'failed') AND ($1::bytea IS NULL OR ctx = $1)

-- What a next round starts from: the model's version and its newest attempt.
-- name: round_before :maybe
SELECT m.status, m.version, v.spec, v.spec_hash, m.current_ctx IS NOT NULL,
       r.round, r.attempt, r.phase
FROM models m JOIN model_versions v ON v.model = m.slug AND v.version = m.version
LEFT JOIN rounds r ON r.ctx = m.current_ctx
WHERE m.slug = $1 FOR UPDATE OF m

-- name: round_best :maybe
SELECT ctx, version, round, weights, weights_sha256, state, state_sha256, result_hash, open
FROM rounds WHERE model = $1 AND phase = 'done' ORDER BY round DESC LIMIT 1

-- name: round_excluded :many
SELECT DISTINCT c.participant FROM convictions c JOIN rounds r ON r.ctx = c.ctx
WHERE r.model = $1 AND r.round = $2 ORDER BY c.participant LIMIT $3

-- name: round_open :exec
INSERT INTO rounds (ctx, model, version, round, attempt, phase, deadline, open, minimum,
                    maximum, length, chunks, base, base_state)
VALUES ($1, $2, $3, $4, $5, 'join', clock_timestamp() + make_interval(secs => $6), $7, $8,
        $9, $10, $11, $12, $13)

-- name: round_current :exec
UPDATE models SET current_ctx = $2 WHERE slug = $1

-- name: round_to_roster :exec
UPDATE rounds SET phase = 'roster', deadline = NULL, n = $2, joins_root = $3,
  roster_hash = $4, joins_doc = $5
WHERE ctx = $1

-- name: round_to_share :exec
UPDATE rounds SET phase = 'share', deadline = clock_timestamp() + make_interval(secs => $2),
  n = $3, k = $4, t = $5, joins_root = $6, roster_hash = $7, graph_hash = $8, beacon = $9,
  joins_doc = $10
WHERE ctx = $1

-- name: round_to_upload :exec
UPDATE rounds SET phase = 'upload', deadline = clock_timestamp() + make_interval(secs => $2),
  u1 = $3, sharers_hash = $4, shares_doc = $5
WHERE ctx = $1

-- The terms of UNMASK begin when its anchor stands.
-- name: round_to_survivors :exec
UPDATE rounds SET phase = 'survivors', deadline = NULL, u2 = $2, survivors_hash = $3,
  updates_doc = $4, count = $5
WHERE ctx = $1

-- name: round_anchored :exec
UPDATE rounds SET phase = 'unmask', deadline = clock_timestamp() + make_interval(secs => $2)
WHERE ctx = $1

-- name: round_to_unmask :exec
UPDATE rounds SET phase = 'unmask', deadline = clock_timestamp() + make_interval(secs => $2),
  u2 = $3, survivors_hash = $4, updates_doc = $5, count = $6
WHERE ctx = $1

-- name: round_to_final :exec
UPDATE rounds SET phase = 'final', deadline = NULL, sum = $2 WHERE ctx = $1

-- name: round_to_done :exec
UPDATE rounds SET phase = 'done', deadline = NULL, ended_at = clock_timestamp(),
  result_hash = $2, weights = $3, weights_sha256 = $4, state = $5, state_sha256 = $6,
  totals = $7, loss = $8, accuracy = $9, unmasks_doc = $10,
  vectors_until = clock_timestamp() + make_interval(secs => $11)
WHERE ctx = $1

-- name: round_to_failed :exec
UPDATE rounds SET phase = 'failed', deadline = NULL, ended_at = clock_timestamp(),
  failure = $2, unmasks_doc = $3, vectors_until = clock_timestamp()
WHERE ctx = $1

-- Ended rounds whose masked vectors are to go, and nobody is at it.
-- name: round_vectors_due :many
SELECT ctx FROM rounds r
WHERE vectors_until <= clock_timestamp() AND NOT vectors_erased AND NOT EXISTS (
  SELECT 1 FROM jobs j
  WHERE j.ctx = r.ctx AND j.kind = 'clean' AND j.state IN ('ready', 'claimed'))

-- Says once that the vectors are gone, after update_erase found none: how many there were.
-- name: round_erased :maybe
UPDATE rounds r SET vectors_erased = true
WHERE ctx = $1 AND vectors_until <= now() AND NOT vectors_erased
RETURNING (SELECT count(*) FROM updates u WHERE u.ctx = r.ctx AND u.complete)

-- name: round_result_counted :exec
UPDATE models SET results = results + 1 WHERE slug = $1

-- name: round_holdout :exec
UPDATE rounds SET holdout_loss = $2, holdout_accuracy = $3, holdout_rows = $4
WHERE ctx = $1

-- name: round_named :many
SELECT DISTINCT ON (participant) event, participant, reason
FROM convictions WHERE ctx = $1
ORDER BY participant, event, reason LIMIT 256

-- name: round_convict :exec
INSERT INTO convictions (ctx, participant, event, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING

-- name: round_members :many
SELECT participant, organisation, mask_key, share_key, self_key
FROM joins WHERE ctx = $1 ORDER BY member

-- name: round_awaited_join :many
SELECT a.participant, count(*) OVER (), CASE WHEN p.name_shown THEN p.name END
FROM admissions a JOIN participants p ON p.id = a.participant
JOIN rounds r ON r.ctx = $1
WHERE a.model = r.model AND a.status = 'admitted'
  AND NOT EXISTS (SELECT 1 FROM joins j
                  WHERE j.ctx = $1 AND j.organisation = p.organisation)
  AND NOT EXISTS (SELECT 1 FROM convictions c JOIN rounds o ON o.ctx = c.ctx
                  WHERE o.model = r.model AND o.round = r.round
                    AND c.participant = a.participant)
ORDER BY a.participant LIMIT 100

-- name: round_awaited_share :many
SELECT j.participant, count(*) OVER (), CASE WHEN p.name_shown THEN p.name END
FROM joins j JOIN participants p ON p.id = j.participant
WHERE j.ctx = $1 AND NOT EXISTS (
  SELECT 1 FROM shares s WHERE s.ctx = $1 AND s.member = j.member)
ORDER BY j.member LIMIT 100

-- name: round_awaited_upload :many
SELECT j.participant, count(*) OVER (), CASE WHEN p.name_shown THEN p.name END
FROM joins j JOIN shares s USING (ctx, member) JOIN participants p ON p.id = j.participant
WHERE j.ctx = $1 AND NOT EXISTS (
  SELECT 1 FROM updates u WHERE u.ctx = $1 AND u.member = j.member AND u.complete)
ORDER BY j.member LIMIT 100

-- name: round_awaited_unmask :many
SELECT j.participant, count(*) OVER (), CASE WHEN p.name_shown THEN p.name END
FROM joins j JOIN updates u USING (ctx, member) JOIN participants p ON p.id = j.participant
WHERE j.ctx = $1 AND u.complete AND NOT EXISTS (
  SELECT 1 FROM unmasks v WHERE v.ctx = $1 AND v.member = j.member)
ORDER BY j.member LIMIT 100

-- Who has joined and how far each is; while joining also those who are still awaited.
-- name: round_cohort :many
WITH people AS (
  SELECT j.participant::bytea AS participant, j.member, j.event
  FROM joins j WHERE j.ctx = $1 AND j.participant > $2
  UNION ALL
  SELECT a.participant::bytea, NULL, NULL
  FROM rounds r JOIN admissions a ON a.model = r.model AND a.status = 'admitted'
  JOIN participants p ON p.id = a.participant
  WHERE r.ctx = $1 AND r.phase = 'join' AND a.participant > $2
    AND NOT EXISTS (SELECT 1 FROM joins j
                    WHERE j.ctx = $1 AND j.organisation = p.organisation)
    AND NOT EXISTS (SELECT 1 FROM convictions c JOIN rounds o ON o.ctx = c.ctx
                    WHERE o.model = r.model AND o.round = r.round
                      AND c.participant = a.participant)
  ORDER BY participant LIMIT $3::bigint)
SELECT w.participant, p.name, p.organisation, w.member,
       (SELECT extract(epoch FROM created_at)::float8 FROM events WHERE seq = w.event),
       (SELECT extract(epoch FROM created_at)::float8 FROM events WHERE seq = s.event),
       (SELECT extract(epoch FROM created_at)::float8 FROM events WHERE seq = u.event),
       (convert_from(u.receipt, 'UTF8')::json ->> 'time')::float8,
       (SELECT extract(epoch FROM created_at)::float8 FROM events WHERE seq = v.event),
       coalesce(u.received, 0), p.name_shown
FROM people w JOIN participants p ON p.id = w.participant
LEFT JOIN shares s ON s.ctx = $1 AND s.member = w.member
LEFT JOIN updates u ON u.ctx = $1 AND u.member = w.member
LEFT JOIN unmasks v ON v.ctx = $1 AND v.member = w.member
ORDER BY w.participant

-- Organisations that differ between this round's complete updates and those of the
-- earlier survivors over the same base; a client would refuse between 1 and minimum - 1.
-- name: round_similar :many
WITH mine AS (
  SELECT j.organisation FROM joins j JOIN updates u USING (ctx, member)
  WHERE j.ctx = $1 AND u.complete)
SELECT r.ctx FROM rounds r
JOIN rounds me ON me.ctx = $1
JOIN blobs a ON a.id = r.base
JOIN blobs b ON b.id = me.base
CROSS JOIN LATERAL (
  SELECT count(*) AS differ FROM mine
  FULL JOIN (SELECT j.organisation FROM joins j JOIN updates u USING (ctx, member)
             WHERE j.ctx = r.ctx AND u.complete) theirs
    ON theirs.organisation::bytea = mine.organisation::bytea
  WHERE mine.organisation IS NULL OR theirs.organisation IS NULL) d
WHERE r.model = me.model AND r.ctx <> $1 AND r.u2 IS NOT NULL AND a.sha256 = b.sha256
  AND d.differ > 0 AND d.differ < me.minimum
LIMIT 1

-- The same for a round of it; who has joined that goes on seeing it, suspended or not.
-- name: round_seen :maybe
SELECT may_see(m, $2, $3, $4)
       OR EXISTS (SELECT FROM joins j WHERE j.ctx = r.ctx AND j.participant = $4)
FROM rounds r JOIN models m ON m.slug = r.model WHERE r.ctx = $1

-- name: round_model :maybe
SELECT model FROM rounds WHERE ctx = $1
