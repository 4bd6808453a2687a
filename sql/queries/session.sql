-- SPDX-License-Identifier: Apache-2.0
-- Sessions, and the delays that follow failed logins.

-- The user's or the participant's; the column before the last: whether it was noted some
-- time ago that it is in use.
-- name: session_find :maybe
SELECT s.id, coalesce(u.id, 0), coalesce(u.name, p.name), u.actor, u.role,
       extract(epoch FROM clock_timestamp() - s.created_at)::float8,
       s.seen_at < clock_timestamp() - interval '1 minute', s.participant
FROM sessions s LEFT JOIN users u ON u.id = s.owner
LEFT JOIN participants p ON p.id = s.participant
WHERE s.hash = $1 AND coalesce(NOT u.disabled, p.id IS NOT NULL)
  AND s.expires_at > clock_timestamp()
  AND s.seen_at > clock_timestamp() - make_interval(secs => $2)

-- name: session_seen :exec
UPDATE sessions SET seen_at = clock_timestamp() WHERE id = $1

-- name: session_create :one
INSERT INTO sessions (hash, owner, participant, expires_at, address, agent)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, $6)
RETURNING extract(epoch FROM expires_at)::float8

-- Newest first; $1: of this user, null: of all users; $2: instead of this participant. $5 as
-- in session_find.
-- name: session_list :many
SELECT s.id, coalesce(u.name, p.name), extract(epoch FROM s.created_at)::float8,
       extract(epoch FROM s.seen_at)::float8, extract(epoch FROM s.expires_at)::float8,
       s.address, s.agent
FROM sessions s LEFT JOIN users u ON u.id = s.owner
LEFT JOIN participants p ON p.id = s.participant
WHERE CASE WHEN $2::bytea IS NULL THEN s.owner = coalesce($1, s.owner)
           ELSE s.participant = $2 END
  AND ($3::bigint IS NULL OR s.id < $3)
  AND s.expires_at > clock_timestamp()
  AND s.seen_at > clock_timestamp() - make_interval(secs => $5)
ORDER BY s.id DESC LIMIT $4::bigint

-- name: session_delete :exec
DELETE FROM sessions
WHERE id = $1 AND CASE WHEN $3::bytea IS NULL THEN owner = coalesce($2, owner)
                       ELSE participant = $3 END

-- name: session_delete_hash :exec
DELETE FROM sessions WHERE hash = $1

-- name: session_delete_of :exec
DELETE FROM sessions WHERE owner = $1

-- name: session_forget :exec
DELETE FROM sessions WHERE expires_at <= clock_timestamp()

-- Counts an attempt as failed before it is known: two at once cannot both be free. $2 are
-- free, each one more doubles the delay, up to $3 seconds. No row: it has to wait.
-- name: attempt_count :maybe
INSERT INTO login_attempts AS a (hash, failures, last_at, blocked_until)
VALUES ($1, 1, clock_timestamp(), clock_timestamp())
ON CONFLICT (hash) DO UPDATE SET
  failures = CASE WHEN a.last_at < clock_timestamp() - interval '1 day' THEN 1
                  ELSE a.failures + 1 END,
  last_at = clock_timestamp(),
  blocked_until = clock_timestamp() + make_interval(secs =>
    CASE WHEN a.failures < $2::bigint OR a.last_at < clock_timestamp() - interval '1 day'
         THEN 0
         ELSE least($3::float8, 2 ^ least(a.failures - $2::bigint + 1, 30)) END)
WHERE a.blocked_until <= clock_timestamp()
RETURNING a.failures

-- name: attempt_wait :one
SELECT greatest(1, ceil(extract(epoch FROM max(blocked_until) - clock_timestamp())))::float8
FROM login_attempts WHERE hash = $1

-- It did not fail after all.
-- name: attempt_undo :exec
UPDATE login_attempts SET failures = greatest(failures - 1, 0), blocked_until = last_at
WHERE hash = $1

-- name: attempt_clear :exec
DELETE FROM login_attempts WHERE hash = $1

-- A few at a time, whenever somebody tries.
-- name: attempt_forget :exec
DELETE FROM login_attempts WHERE hash IN (
  SELECT hash FROM login_attempts WHERE last_at < clock_timestamp() - interval '1 day'
  ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED)
