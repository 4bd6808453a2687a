-- SPDX-License-Identifier: Apache-2.0
-- Drafts of models.

-- Without their contents, newest first, those before $1.
-- name: draft_list :many
SELECT id, name, NULL, revision, changed_by, extract(epoch FROM changed_at)::float8
FROM drafts WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2::bigint

-- name: draft_find :maybe
SELECT id, name, content, revision, changed_by, extract(epoch FROM changed_at)::float8
FROM drafts WHERE id = $1

-- name: draft_lock :maybe
SELECT revision FROM drafts WHERE id = $1 FOR UPDATE

-- Nothing when there are $4 already.
-- name: draft_create :maybe
INSERT INTO drafts (name, content, changed_by)
SELECT $1, $2, $3 WHERE (SELECT count(*) FROM drafts) < $4::bigint RETURNING id

-- name: draft_change :exec
UPDATE drafts SET name = $2, content = $3, changed_by = $4, revision = revision + 1,
                  changed_at = clock_timestamp()
WHERE id = $1

-- name: draft_delete :exec
DELETE FROM drafts WHERE id = $1
