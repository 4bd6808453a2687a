-- SPDX-License-Identifier: Apache-2.0
-- UNMASK and FINAL.

-- name: unmask_insert :exec
INSERT INTO unmasks (ctx, member, event, nulls) VALUES ($1, $2, $3, $4)

-- name: unmask_given :many
SELECT member, nulls FROM unmasks WHERE ctx = $1 ORDER BY member

-- name: unmask_page :many
SELECT u.member, e.bytes FROM unmasks u JOIN events e ON e.seq = u.event
WHERE u.ctx = $1 AND u.member > $2 ORDER BY u.member LIMIT 100

-- name: masks_store :exec
INSERT INTO round_masks (ctx, masks) VALUES ($1, $2)
ON CONFLICT (ctx) DO UPDATE SET masks = EXCLUDED.masks

-- name: masks_load :one
SELECT masks FROM round_masks WHERE ctx = $1

-- name: masks_delete :exec
DELETE FROM round_masks WHERE ctx = $1
