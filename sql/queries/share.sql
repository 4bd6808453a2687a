-- SPDX-License-Identifier: Apache-2.0
-- SHARE.

-- name: share_insert :exec
INSERT INTO shares (ctx, member, event, deals, leaves) VALUES ($1, $2, $3, $4, $5)

-- name: share_members :many
SELECT member FROM shares WHERE ctx = $1 ORDER BY member

-- name: share_page :many
SELECT s.member, e.bytes FROM shares s JOIN events e ON e.seq = s.event
WHERE s.ctx = $1 AND s.member > $2 ORDER BY s.member LIMIT 100

-- The deals of some dealers for one member: its place among each one's neighbours.
-- name: share_boxes :many
SELECT s.member, substring(s.deals FROM (w.place * 168 + 1)::int FOR 168), s.leaves, w.place
FROM unnest($2::text::bigint[], $3::text::bigint[]) AS w(dealer, place)
JOIN shares s ON s.ctx = $1 AND s.member = w.dealer
ORDER BY s.member

-- name: share_deals :one
SELECT deals FROM shares WHERE ctx = $1 AND member = $2
