-- SPDX-License-Identifier: Apache-2.0
-- How participants log in, and what is their own.

-- name: login_lock :maybe
SELECT login_time, extract(epoch FROM clock_timestamp())::float8
FROM participants WHERE id = $1 FOR NO KEY UPDATE

-- A new link instead of the one before; those that have expired go.
-- name: login_link :one
WITH old AS (
  DELETE FROM login_links WHERE participant = $1 OR expires_at <= clock_timestamp()
), asked AS (
  UPDATE participants SET login_time = $2 WHERE id = $1
)
INSERT INTO login_links (hash, participant, expires_at)
VALUES ($3, $1, clock_timestamp() + make_interval(secs => $4))
RETURNING extract(epoch FROM expires_at)::float8

-- name: login_link_use :maybe
DELETE FROM login_links WHERE hash = $1 AND expires_at > clock_timestamp()
RETURNING participant

-- A challenge is good once.
-- name: wallet_login :exec
WITH old AS (DELETE FROM wallet_logins WHERE expires_at <= clock_timestamp())
INSERT INTO wallet_logins (nonce, expires_at) VALUES ($1, to_timestamp($2))
ON CONFLICT DO NOTHING

-- Who was enrolled with it first: nobody who comes later gets in between.
-- name: participant_of_payout :maybe
SELECT id FROM participants WHERE payout = $1 ORDER BY enroll LIMIT 1

-- name: me_show :one
SELECT p.name, p.name_shown, p.organisation, p.payout,
       (SELECT string_agg(a.model::text, ',' ORDER BY a.model) FROM admissions a
        WHERE a.participant = p.id AND a.status = 'admitted')
FROM participants p WHERE p.id = $1

-- name: me_change :exec
UPDATE participants SET name_shown = $2 WHERE id = $1
