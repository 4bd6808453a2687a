-- SPDX-License-Identifier: Apache-2.0
-- Witnesses of the log. A participant's row has its id in hex as its name; the others were
-- registered.

-- name: witness_registered :one
SELECT count(*) FROM witnesses WHERE name <> encode(key, 'hex')

-- name: witness_add :exec
INSERT INTO witnesses (key, name) VALUES ($1, $2)

-- name: witness_remove :exec
DELETE FROM witnesses WHERE key = $1

-- name: witness_list :many
SELECT w.key, w.name, c.note, w.line, extract(epoch FROM w.cosigned_at)::float8
FROM witnesses w LEFT JOIN log_checkpoints c ON c.size = w.size
WHERE w.key > $1 ORDER BY w.key LIMIT $2::bigint

-- name: witness_show :maybe
SELECT w.key, w.name, c.note, w.line, extract(epoch FROM w.cosigned_at)::float8
FROM witnesses w LEFT JOIN log_checkpoints c ON c.size = w.size WHERE w.key = $1

-- name: witness_find :maybe
SELECT key FROM witnesses WHERE name = $1 FOR UPDATE

-- name: witness_enrolled :one
SELECT EXISTS (SELECT 1 FROM participants WHERE id = $1)

-- No row when there is a cosignature of a larger checkpoint, or the key has another name.
-- name: witness_keep :exec
INSERT INTO witnesses (key, name, size, line, cosigned_at)
VALUES ($1, $2, $3, $4, to_timestamp($5::float8))
ON CONFLICT (key) DO UPDATE
SET size = excluded.size, line = excluded.line, cosigned_at = excluded.cosigned_at
WHERE witnesses.name = excluded.name
  AND (witnesses.size IS NULL OR witnesses.size <= excluded.size)

-- Those of one size, the registered before the participants.
-- name: witness_lines :many
SELECT line FROM witnesses WHERE size = $1
ORDER BY name = encode(key, 'hex'), key LIMIT $2::bigint
