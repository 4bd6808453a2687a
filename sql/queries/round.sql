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
-- awaited any more.
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
  END
  AND phase IN ('join', 'share', 'upload', 'unmask') AND ($1::bytea IS NULL OR ctx = $1)

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

-- name: round_to_share :exec
UPDATE rounds SET phase = 'share', deadline = clock_timestamp() + make_interval(secs => $2),
  n = $3, k = $4, t = $5, joins_root = $6, roster_hash = $7, graph_hash = $8, beacon = $9,
  joins_doc = $10
WHERE ctx = $1

-- name: round_to_upload :exec
UPDATE rounds SET phase = 'upload', deadline = clock_timestamp() + make_interval(secs => $2),
  u1 = $3, sharers_hash = $4, shares_doc = $5
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
  totals = $7, loss = $8, accuracy = $9, unmasks_doc = $10
WHERE ctx = $1

-- name: round_to_failed :exec
UPDATE rounds SET phase = 'failed', deadline = NULL, ended_at = clock_timestamp(),
  failure = $2, unmasks_doc = $3
WHERE ctx = $1

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
SELECT a.participant, count(*) OVER ()
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
SELECT j.participant, count(*) OVER () FROM joins j
WHERE j.ctx = $1 AND NOT EXISTS (
  SELECT 1 FROM shares s WHERE s.ctx = $1 AND s.member = j.member)
ORDER BY j.member LIMIT 100

-- name: round_awaited_upload :many
SELECT j.participant, count(*) OVER () FROM joins j JOIN shares s USING (ctx, member)
WHERE j.ctx = $1 AND NOT EXISTS (
  SELECT 1 FROM updates u WHERE u.ctx = $1 AND u.member = j.member AND u.complete)
ORDER BY j.member LIMIT 100

-- name: round_awaited_unmask :many
SELECT j.participant, count(*) OVER () FROM joins j JOIN updates u USING (ctx, member)
WHERE j.ctx = $1 AND u.complete AND NOT EXISTS (
  SELECT 1 FROM unmasks v WHERE v.ctx = $1 AND v.member = j.member)
ORDER BY j.member LIMIT 100

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
