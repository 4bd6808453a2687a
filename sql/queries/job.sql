-- SPDX-License-Identifier: Apache-2.0
-- Work for whichever process is free. A lease that its process no longer renews lapses.

-- name: job_add :exec
INSERT INTO jobs (kind, model, ctx, part) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: job_add_parts :exec
INSERT INTO jobs (kind, ctx, part) SELECT $1, $2, generate_series(0, $3::bigint - 1)
ON CONFLICT DO NOTHING

-- name: job_claim :maybe
UPDATE jobs SET state = 'claimed', attempts = attempts + 1, claimed_by = $1,
  claimed_at = clock_timestamp(), claimed_until = clock_timestamp() + interval '15 seconds'
WHERE id = (
  SELECT id FROM jobs
  WHERE (state = 'ready' AND not_before <= clock_timestamp())
     OR (state = 'claimed' AND claimed_until < clock_timestamp())
  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, model, ctx, part, attempts

-- name: job_renew :exec
UPDATE jobs SET claimed_until = clock_timestamp() + interval '15 seconds'
WHERE claimed_by = $1 AND id = $2 AND state = 'claimed'
  AND claimed_at > clock_timestamp() - interval '1 hour'

-- name: job_done :exec
UPDATE jobs SET state = 'done' WHERE id = $1

-- name: job_dead :exec
UPDATE jobs SET state = 'dead' WHERE id = $1

-- name: job_later :exec
UPDATE jobs SET state = 'ready', claimed_until = NULL,
  not_before = clock_timestamp() + attempts * interval '0.5 seconds'
WHERE id = $1 AND claimed_by = $2 AND state = 'claimed'

-- How many of a round's jobs of one kind are not done.
-- name: job_open_parts :one
SELECT count(*) FROM jobs WHERE ctx = $1 AND kind = $2 AND state IN ('ready', 'claimed')

-- name: job_forget :exec
DELETE FROM jobs WHERE ctx = $1 AND (state = 'done' OR id = $2)

-- name: evaluate_round :maybe
SELECT r.model, r.version, r.weights, m.holdout
FROM rounds r JOIN models m ON m.slug = r.model WHERE r.ctx = $1 AND r.phase = 'done'

-- name: evaluate_initial :maybe
SELECT m.slug, v.version, v.initial, m.holdout
FROM models m JOIN model_versions v ON v.model = m.slug WHERE m.slug = $1 AND v.version = $2
