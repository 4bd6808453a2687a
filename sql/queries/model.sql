-- SPDX-License-Identifier: Apache-2.0
-- Models and their versions.

-- name: model_version :maybe
SELECT spec, spec_hash, initial FROM model_versions WHERE model = $1 AND version = $2

-- name: model_set_initial :exec
UPDATE model_versions SET initial = $3 WHERE model = $1 AND version = $2

-- name: model_initial_holdout :exec
UPDATE model_versions SET initial_loss = $3, initial_accuracy = $4, initial_rows = $5
WHERE model = $1 AND version = $2

-- name: model_holdout :maybe
SELECT holdout FROM models WHERE slug = $1

-- Whether the caller, as may_see is told of it, sees the model.
-- name: model_seen :maybe
SELECT may_see(m, $2, $3, $4) FROM models m WHERE m.slug = $1

-- The models of a page after $2, or just $1. $4 to $6: who asks, as for may_see.
-- name: model_rows :many
SELECT m.slug, m.version, m.name, m.purpose, m.consent, m.kind, m.d, v.spec_hash, m.status,
       (SELECT count(*) FROM admissions a WHERE a.model = m.slug AND a.status = 'admitted'),
       m.results, m.current_ctx, e.bytes, s.every, s.rounds, s.target, m.visibility
FROM models m JOIN model_versions v ON v.model = m.slug AND v.version = m.version
JOIN events e ON e.seq = v.event
LEFT JOIN schedules s ON s.model = m.slug
WHERE ($1::text IS NULL OR m.slug = $1) AND m.slug > $2 AND may_see(m, $4, $5, $6)
ORDER BY m.slug LIMIT $3::bigint

-- Whether it exists, and is retired.
-- name: model_state :maybe
SELECT version, status = 'retired' FROM models WHERE slug = $1 FOR SHARE

-- name: model_create :exec
INSERT INTO models (slug, name, purpose, consent, kind, d) VALUES ($1, $2, $3, $4, $5, $6)

-- name: model_advance :exec
UPDATE models SET version = $2, name = $3, purpose = $4, consent = $5 WHERE slug = $1

-- name: model_retire :exec
UPDATE models SET status = 'retired' WHERE slug = $1 AND status <> 'retired'

-- name: model_visibility :maybe
WITH changed AS (UPDATE models SET visibility = $2 WHERE slug = $1 AND visibility <> $2 RETURNING slug)
SELECT pg_notify('chorus', 'sight') FROM changed

-- name: model_holdout_lock :maybe
SELECT holdout, version FROM models WHERE slug = $1 FOR UPDATE

-- name: model_holdout_set :exec
UPDATE models SET holdout = $2, holdout_rows = $3 WHERE slug = $1

-- Round 0: the initial weights of the present version; null: the newest.
-- name: model_weights :maybe
SELECT b.id, b.sha256, w.round, v.spec
FROM (
  SELECT r.round, r.version, r.weights AS blob FROM rounds r
  WHERE r.model = $1 AND r.phase = 'done'
  UNION ALL
  SELECT 0, m.version, i.initial FROM models m
  JOIN model_versions i ON i.model = m.slug AND i.version = m.version
  WHERE m.slug = $1
) w JOIN blobs b ON b.id = w.blob
JOIN model_versions v ON v.model = $1 AND v.version = w.version
WHERE $2::bigint IS NULL OR w.round = $2
ORDER BY w.round DESC LIMIT 1

-- name: version_lock :maybe
SELECT m.version, m.status = 'retired',
       EXISTS (SELECT 1 FROM rounds r
               WHERE r.model = m.slug AND r.phase NOT IN ('done', 'failed')),
       v.spec, e.hash
FROM models m JOIN model_versions v ON v.model = m.slug AND v.version = m.version
JOIN events e ON e.seq = v.event
WHERE m.slug = $1 FOR UPDATE OF m

-- name: version_create :exec
INSERT INTO model_versions (model, version, spec, spec_hash, event)
VALUES ($1, $2, $3, $4, $5)

-- name: version_spec :maybe
SELECT v.spec, v.spec_hash
FROM models m JOIN model_versions v ON v.model = m.slug
WHERE m.slug = $1 AND v.version = coalesce($2::bigint, m.version)

-- name: result_list :many
SELECT round, attempt, ctx, weights_sha256, count,
       extract(epoch FROM ended_at)::float8, totals, open, loss, accuracy, holdout_loss,
       holdout_accuracy, holdout_rows
FROM rounds WHERE model = $1 AND phase = 'done' AND round > $2
ORDER BY round LIMIT $3::bigint

-- ---- the card ----

-- name: card_model :maybe
SELECT m.version, v.spec, count(*) FILTER (WHERE r.phase = 'done'),
       count(*) FILTER (WHERE r.phase = 'failed'),
       min(r.count) FILTER (WHERE r.phase = 'done'),
       max(r.count) FILTER (WHERE r.phase = 'done')
FROM models m JOIN model_versions v ON v.model = m.slug AND v.version = m.version
LEFT JOIN rounds r ON r.model = m.slug
WHERE m.slug = $1 GROUP BY m.version, v.spec

-- The newest $2 results, oldest first.
-- name: card_results :many
SELECT * FROM (
  SELECT r.round, r.open, e.bytes, r.holdout_loss, r.holdout_accuracy, r.holdout_rows
  FROM rounds r JOIN events e ON e.hash = r.result_hash
  WHERE r.model = $1 AND r.phase = 'done'
  ORDER BY r.round DESC LIMIT $2::bigint) newest
ORDER BY round
