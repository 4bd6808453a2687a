-- SPDX-License-Identifier: Apache-2.0
-- Administrators' tokens.

-- Who may do what with it: not more than its owner may now. The last column: whether its
-- last use was noted some time ago.
-- name: admin_token_find :maybe
SELECT t.id, t.name, t.actor, t.role, t.owner, u.role, coalesce(t.model, ''),
       coalesce(t.used_at < clock_timestamp() - interval '1 minute', true)
FROM admin_tokens t LEFT JOIN users u ON u.id = t.owner
WHERE t.hash = $1 AND t.revoked_at IS NULL AND u.disabled IS NOT TRUE
  AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())

-- name: admin_token_used :exec
UPDATE admin_tokens SET used_at = clock_timestamp() WHERE id = $1

-- name: admin_token_create :exec
INSERT INTO admin_tokens (hash, name, role) VALUES ($1, $2, $3)

-- name: admin_token_revoke :exec
UPDATE admin_tokens SET revoked_at = clock_timestamp()
WHERE name = $1 AND revoked_at IS NULL

-- Of a user, who is its actor too.
-- name: token_create :one
INSERT INTO admin_tokens (hash, name, owner, actor, role, model, expires_at)
SELECT $1, $2, id, actor, $4, $5, clock_timestamp() + make_interval(secs => $6)
FROM users WHERE id = $3
RETURNING id, extract(epoch FROM expires_at)::float8

-- Newest first; $1 is whose, or null for everybody's.
-- name: token_list :many
SELECT t.id, t.name, u.name, t.role, t.model, extract(epoch FROM t.created_at)::float8,
       extract(epoch FROM t.expires_at)::float8, extract(epoch FROM t.used_at)::float8
FROM admin_tokens t LEFT JOIN users u ON u.id = t.owner
WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
  AND ($1::bigint IS NULL OR t.owner = $1) AND ($2::bigint IS NULL OR t.id < $2)
ORDER BY t.id DESC LIMIT $3::bigint

-- name: token_revoke :exec
UPDATE admin_tokens SET revoked_at = clock_timestamp()
WHERE id = $1 AND revoked_at IS NULL AND ($2::bigint IS NULL OR owner = $2)
