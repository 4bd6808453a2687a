-- SPDX-License-Identifier: Apache-2.0
-- Answers that are given again.

-- Whether nobody else is at this request; until the transaction ends.
-- name: replay_take :one
SELECT pg_try_advisory_xact_lock(hashtextextended('replay ' || $1::text || encode($2::bytea, 'hex'), 0))

-- name: replay_find :maybe
SELECT request, status, etag, answer FROM replays
WHERE caller = $1 AND key = $2 AND created_at > clock_timestamp() - interval '24 hours'

-- name: replay_keep :exec
INSERT INTO replays (caller, key, request, status, etag, answer)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (caller, key) DO UPDATE SET request = excluded.request, status = excluded.status,
  etag = excluded.etag, answer = excluded.answer, created_at = clock_timestamp()

-- name: replay_clean :exec
DELETE FROM replays WHERE created_at <= clock_timestamp() - interval '24 hours'
