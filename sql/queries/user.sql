-- SPDX-License-Identifier: Apache-2.0
-- Users, their passwords, authenticators and links.

-- What a login needs.
-- name: user_login :maybe
SELECT id, password, totp, role, disabled FROM users WHERE name = $1

-- Whether a login that was found good still is; it stays so until the transaction ends.
-- name: user_still :maybe
SELECT id FROM users
WHERE id = $1 AND password IS NOT DISTINCT FROM $2::text
  AND totp IS NOT DISTINCT FROM $3::bytea AND NOT disabled
FOR SHARE

-- name: user_factors :one
SELECT EXISTS (SELECT FROM users WHERE id = $1 AND totp IS NOT NULL),
       (SELECT count(*) FROM recovery_codes WHERE owner = $1)

-- name: user_create :one
INSERT INTO users (name, actor, role) VALUES ($1, $2, $3) RETURNING id

-- $1: one name or null; then those behind $2.
-- name: user_rows :many
SELECT u.name, u.role, u.disabled, u.password IS NOT NULL, u.totp IS NOT NULL,
       extract(epoch FROM u.created_at)::float8,
       (SELECT extract(epoch FROM max(s.seen_at))::float8 FROM sessions s
        WHERE s.owner = u.id), u.actor
FROM users u
WHERE CASE WHEN $1::text IS NULL THEN u.name > $2 ELSE u.name = $1 END
ORDER BY u.name LIMIT $3::bigint

-- One after the other: there must always be an administrator left.
-- name: user_admins_lock :many
SELECT id FROM users WHERE role = 'admin' AND NOT disabled AND password IS NOT NULL
ORDER BY id FOR UPDATE

-- name: user_lock :maybe
SELECT id, role, disabled FROM users WHERE name = $1 FOR UPDATE

-- name: user_change :exec
UPDATE users SET role = $2, disabled = $3 WHERE id = $1

-- name: user_admin_exists :one
SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND NOT disabled
                                   AND password IS NOT NULL)

-- name: user_password :exec
UPDATE users SET password = $2 WHERE id = $1

-- ---- authenticators ----

-- name: user_totp_begin :exec
UPDATE users SET totp_begun = $2 WHERE id = $1

-- name: user_totp_begun :one
SELECT totp_begun FROM users WHERE id = $1

-- Only what was begun last.
-- name: user_totp_confirm :exec
UPDATE users SET totp = totp_begun, totp_begun = NULL, totp_step = $3
WHERE id = $1 AND totp_begun = $2

-- name: user_totp_drop :exec
UPDATE users SET totp = NULL, totp_begun = NULL WHERE id = $1

-- A step is used once, whoever is faster.
-- name: user_totp_use :exec
UPDATE users SET totp_step = $2 WHERE id = $1 AND totp_step < $2

-- hashes of 32 bytes, one behind the other
-- name: recovery_set :exec
INSERT INTO recovery_codes (owner, hash)
SELECT $1, substring($2::bytea FROM i * 32 + 1 FOR 32)
FROM generate_series(0, octet_length($2::bytea) / 32 - 1) AS i

-- name: recovery_drop :exec
DELETE FROM recovery_codes WHERE owner = $1

-- name: recovery_use :exec
DELETE FROM recovery_codes WHERE owner = $1 AND hash = $2

-- ---- links ----

-- One link for one owner: an older one ends.
-- name: link_drop :exec
DELETE FROM setup_links WHERE owner IS NOT DISTINCT FROM $1::bigint
   OR expires_at <= clock_timestamp()

-- name: link_create :one
INSERT INTO setup_links (hash, owner, drop_totp, expires_at)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
RETURNING extract(epoch FROM expires_at)::float8

-- name: link_find :maybe
SELECT u.name, u.role FROM setup_links l LEFT JOIN users u ON u.id = l.owner
WHERE l.hash = $1 AND l.expires_at > clock_timestamp()

-- name: link_use :maybe
DELETE FROM setup_links WHERE hash = $1 AND expires_at > clock_timestamp()
RETURNING owner, drop_totp
