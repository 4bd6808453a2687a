-- SPDX-License-Identifier: Apache-2.0
-- Vectors and documents.

-- name: blob_create :one
INSERT INTO blobs (length) VALUES ($1) RETURNING id

-- name: blob_put :exec
INSERT INTO blob_chunks (blob, part, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: blob_finish :exec
UPDATE blobs SET length = $2, sha256 = $3 WHERE id = $1

-- name: blob_find :one
SELECT length, sha256 FROM blobs WHERE id = $1 AND length IS NOT NULL

-- name: blob_part :one
SELECT data FROM blob_chunks WHERE blob = $1 AND part = $2

-- name: blob_range :one
SELECT substring(data FROM ($3::bigint + 1)::int FOR $4::bigint::int)
FROM blob_chunks WHERE blob = $1 AND part = $2

-- name: blob_erase :exec
DELETE FROM blob_chunks WHERE blob = $1

-- name: blob_delete :exec
DELETE FROM blobs WHERE id = $1
