-- SPDX-License-Identifier: Apache-2.0
-- Administrators' tokens.

-- name: admin_token_find :maybe
SELECT name FROM admin_tokens WHERE hash = $1 AND revoked_at IS NULL

-- name: admin_token_create :exec
INSERT INTO admin_tokens (hash, name) VALUES ($1, $2)

-- name: admin_token_revoke :exec
UPDATE admin_tokens SET revoked_at = clock_timestamp()
WHERE name = $1 AND revoked_at IS NULL
