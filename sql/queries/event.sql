-- SPDX-License-Identifier: Apache-2.0
-- Protocol events, and what wakes their readers.

-- The event, and that it is to become a leaf of the log.
-- name: event_store :one
WITH stored AS (
  INSERT INTO events (type, model, ctx, participant, hash, bytes)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq
), pending AS (
  INSERT INTO log_pending SELECT seq FROM stored
)
SELECT seq FROM stored

-- name: event_receipt :exec
UPDATE events SET receipt = $2 WHERE seq = $1

-- name: event_find :maybe
SELECT receipt, seq, bytes FROM events WHERE hash = $1

-- name: event_said :maybe
SELECT hash FROM events WHERE ctx = $1 AND type = $2 AND participant = $3

-- name: event_round :one
SELECT bytes FROM events WHERE ctx = $1 AND type = $2 AND participant IS NULL

-- name: notify :exec
SELECT pg_notify('chorus', $1)

-- name: now :one
SELECT extract(epoch FROM clock_timestamp())::float8

-- name: schema_version :one
SELECT max(number) FROM schema_migrations
