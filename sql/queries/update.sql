-- SPDX-License-Identifier: Apache-2.0
-- UPLOAD.

-- name: update_insert :exec
INSERT INTO updates (ctx, member, event, leaves, blob) VALUES ($1, $2, $3, $4, $5)

-- name: update_chunk_leaf :maybe
SELECT substring(u.leaves FROM ($3::bigint * 32 + 1)::int FOR 32), u.blob, u.complete,
       u.receipt, e.hash, e.seq,
       EXISTS (SELECT 1 FROM blob_chunks b WHERE b.blob = u.blob AND b.part = $3)
FROM updates u JOIN events e ON e.seq = u.event
WHERE u.ctx = $1 AND u.member = $2

-- name: update_received :one
UPDATE updates SET received = received + 1 WHERE ctx = $1 AND member = $2
RETURNING received

-- name: update_complete :exec
UPDATE updates SET complete = true, receipt = $3 WHERE ctx = $1 AND member = $2

-- name: update_state :maybe
SELECT blob, complete, receipt FROM updates WHERE ctx = $1 AND member = $2

-- name: update_parts :many
SELECT part FROM blob_chunks WHERE blob = $1 ORDER BY part

-- name: update_page :many
SELECT u.member, e.bytes FROM updates u JOIN events e ON e.seq = u.event
WHERE u.ctx = $1 AND u.complete AND u.member > $2 ORDER BY u.member LIMIT 100

-- name: update_event :one
SELECT e.bytes FROM updates u JOIN events e ON e.seq = u.event
WHERE u.ctx = $1 AND u.member = $2

-- One chunk of everybody, a few at a time.
-- name: update_chunks :many
SELECT u.member, b.data FROM updates u JOIN blob_chunks b ON b.blob = u.blob AND b.part = $2
WHERE u.ctx = $1 AND u.complete AND u.member > $3 ORDER BY u.member LIMIT 4

-- Where a member's masked vector is, and whether its time is over.
-- name: update_vector :one
SELECT u.blob, r.vectors_until <= clock_timestamp()
FROM updates u JOIN rounds r USING (ctx) WHERE u.ctx = $1 AND u.member = $2

-- Erases some chunks of an ended round: all once their time is over, till then those of
-- vectors that were never complete. How many there were to erase this time. (now() stands
-- still in a transaction: round_erased sees the same time.)
-- name: update_erase :one
WITH batch AS (
  SELECT u.blob, c.part
  FROM rounds r JOIN updates u USING (ctx)
  CROSS JOIN LATERAL (
    SELECT part FROM blob_chunks b WHERE b.blob = u.blob ORDER BY part LIMIT 64) c
  WHERE r.ctx = $1 AND (r.vectors_until <= now() OR (r.phase = 'done' AND NOT u.complete))
  LIMIT 64
), gone AS (
  DELETE FROM blob_chunks b USING batch WHERE b.blob = batch.blob AND b.part = batch.part)
SELECT count(*) FROM batch
