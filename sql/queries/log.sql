-- SPDX-License-Identifier: Apache-2.0
-- The public log: what waits for it, its leaves, tiles and checkpoints.

-- ---- the sequencer ----

-- name: log_waiting :maybe
SELECT event FROM log_pending ORDER BY event LIMIT 1

-- "chorlog" in ASCII: one process moves the head at a time, until its transaction ends.
-- name: log_lock :one
SELECT pg_try_advisory_xact_lock(27980850564722535)

-- name: log_head :one
SELECT size, root FROM log_head

-- Makes leaves from leaf $1 on of at most $2 pending events and gives their hashes. Events
-- get their numbers before they are committed, and whatever an event follows from was
-- committed before it got its number: in the order of numbers it stands before it. (Each
-- event is looked up by itself: a join would be planned without knowing how few they are.)
-- name: log_take :many
WITH taken AS (
  DELETE FROM log_pending WHERE event = ANY (ARRAY (
    SELECT event FROM log_pending ORDER BY event LIMIT $2::bigint)) RETURNING event
), leaves AS (
  INSERT INTO log_entries (leaf, event, model)
  SELECT $1::bigint + row_number() OVER (ORDER BY event) - 1, event,
         (SELECT model FROM events WHERE seq = event)
  FROM taken RETURNING leaf, event
)
SELECT (SELECT sha256('\x00'::bytea || bytes) FROM events WHERE seq = event)
FROM leaves ORDER BY leaf

-- name: log_tile_put :exec
INSERT INTO log_tiles (level, index, hashes) VALUES ($1, $2, $3)
ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes

-- From the size and root that were read to the next; no row when they have changed.
-- name: log_head_move :exec
UPDATE log_head SET size = $3, root = $4 WHERE size = $1 AND root = $2

-- name: log_checkpoint_put :exec
INSERT INTO log_checkpoints (size, root, note) VALUES ($1, $2, $3)

-- ---- reading ----

-- name: log_checkpoint_newest :maybe
SELECT c.size, c.note FROM log_head h JOIN log_checkpoints c ON c.size = h.size

-- name: log_checkpoint_root :maybe
SELECT root FROM log_checkpoints WHERE size = $1

-- name: log_tile :maybe
SELECT hashes FROM log_tiles WHERE level = $1 AND index = $2

-- name: log_bundle :many
SELECT e.bytes FROM log_entries l JOIN events e ON e.seq = l.event
WHERE l.leaf >= $1::bigint AND l.leaf < $1::bigint + $2::bigint ORDER BY l.leaf

-- name: log_entry_list :many
SELECT l.leaf, e.bytes FROM log_entries l JOIN events e ON e.seq = l.event
WHERE l.leaf >= $1 ORDER BY l.leaf LIMIT $2::bigint

-- name: log_entry_list_model :many
SELECT l.leaf, e.bytes FROM log_entries l JOIN events e ON e.seq = l.event
WHERE l.leaf >= $1 AND l.model = $3 ORDER BY l.leaf LIMIT $2::bigint

-- name: log_entry_list_ctx :many
SELECT l.leaf, e.bytes FROM events e JOIN log_entries l ON l.event = e.seq
WHERE l.leaf >= $1 AND e.ctx = $3 AND ($4::text IS NULL OR e.model = $4)
ORDER BY l.leaf LIMIT $2::bigint

-- name: log_event :maybe
SELECT l.leaf, e.bytes FROM events e LEFT JOIN log_entries l ON l.event = e.seq
WHERE e.hash = $1
