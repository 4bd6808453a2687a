-- SPDX-License-Identifier: Apache-2.0
-- Invites: single-use codes, erased when used.

-- codes and organisations are $4 times 16 bytes.
-- name: invite_create :many
INSERT INTO invites (model, admit, expires_at, code, organisation)
SELECT $1, $2, now() + make_interval(secs => $3), substring($5::bytea FROM i * 16 + 1 FOR 16),
       substring($6::bytea FROM i * 16 + 1 FOR 16)
FROM generate_series(0, $4::bigint::int - 1) AS i
RETURNING extract(epoch FROM expires_at)::float8

-- Newest first; $1 is the last id of the page before, or null.
-- name: invite_list :many
SELECT id, organisation, model,
       CASE WHEN code IS NULL THEN 'used'
            WHEN expires_at <= clock_timestamp() THEN 'expired' ELSE 'open' END,
       extract(epoch FROM expires_at)::float8
FROM invites WHERE $1::bigint IS NULL OR id < $1
ORDER BY id DESC LIMIT $2::bigint

-- name: invite_open :many
SELECT i.id, i.code, i.model, i.admit, m.status = 'retired'
FROM invites i JOIN models m ON m.slug = i.model
WHERE i.organisation = $1 AND i.code IS NOT NULL AND i.expires_at > clock_timestamp()
ORDER BY i.id

-- name: invite_use :exec
UPDATE invites SET code = NULL, used_by = $2 WHERE id = $1 AND code IS NOT NULL
