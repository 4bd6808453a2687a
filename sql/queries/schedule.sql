-- SPDX-License-Identifier: Apache-2.0
-- Schedules.

-- name: schedule_due :many
SELECT s.model FROM schedules s JOIN models m ON m.slug = s.model
LEFT JOIN rounds r ON r.ctx = m.current_ctx
LEFT JOIN LATERAL (
  SELECT coalesce(d.holdout_accuracy, d.accuracy) AS accuracy, d.ctx FROM rounds d
  WHERE d.model = s.model AND d.phase = 'done' ORDER BY d.round DESC LIMIT 1) l ON true
WHERE m.status = 'active' AND m.results < s.rounds
  AND (r.ctx IS NULL OR r.ended_at + make_interval(secs => s.every::float8) <= clock_timestamp())
  AND (s.target IS NULL OR l.accuracy IS NULL OR l.accuracy < s.target::float8)
  AND NOT EXISTS (SELECT 1 FROM jobs j
                  WHERE j.kind = 'evaluate' AND j.ctx = l.ctx AND j.state IN ('ready', 'claimed'))

-- name: schedule_admitted :one
SELECT count(DISTINCT p.organisation)
FROM admissions a JOIN participants p ON p.id = a.participant
WHERE a.model = $1 AND a.status = 'admitted'

-- Whether the model is retired; who changes its schedule waits for who does it now.
-- name: schedule_lock :maybe
SELECT status = 'retired' FROM models WHERE slug = $1 FOR NO KEY UPDATE

-- name: schedule_set :exec
INSERT INTO schedules (model, every, rounds, target) VALUES ($1, $2, $3, $4)
ON CONFLICT (model) DO UPDATE SET every = excluded.every, rounds = excluded.rounds,
                                  target = excluded.target, created_at = clock_timestamp()

-- name: schedule_clear :exec
DELETE FROM schedules WHERE model = $1

-- name: schedule_spec :maybe
SELECT v.spec FROM models m JOIN model_versions v ON v.model = m.slug AND v.version = m.version
WHERE m.slug = $1
