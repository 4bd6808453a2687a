-- SPDX-License-Identifier: Apache-2.0
-- What event streams are given: the log as it grows.

-- name: feed_head :maybe
SELECT h.size, h.root, extract(epoch FROM c.created_at)::float8
FROM log_head h JOIN log_checkpoints c ON c.size = h.size

-- name: feed_page :many
SELECT l.leaf, e.bytes, e.model::text, e.ctx
FROM log_entries l JOIN events e ON e.seq = l.event
WHERE l.leaf >= $1 AND l.leaf < $2 ORDER BY l.leaf LIMIT $3::bigint

-- name: feed_page_model :many
SELECT l.leaf, e.bytes, e.model::text, e.ctx
FROM log_entries l JOIN events e ON e.seq = l.event
WHERE l.leaf >= $1 AND l.leaf < $2 AND l.model = $4 ORDER BY l.leaf LIMIT $3::bigint

-- name: feed_page_ctx :many
SELECT l.leaf, e.bytes, e.model::text, e.ctx
FROM events e JOIN log_entries l ON l.event = e.seq
WHERE l.leaf >= $1 AND l.leaf < $2 AND e.ctx = $4 ORDER BY l.leaf LIMIT $3::bigint

-- name: feed_current :maybe
SELECT current_ctx FROM models WHERE slug = $1
