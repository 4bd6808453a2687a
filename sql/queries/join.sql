-- SPDX-License-Identifier: Apache-2.0
-- JOIN.

-- name: join_standing :maybe
SELECT p.organisation, a.status, a.event
FROM participants p
LEFT JOIN admissions a ON a.participant = p.id AND a.model = $2
WHERE p.id = $1

-- Near the maximum joins go one by one: at most as many run at once as there are
-- connections, so before that nobody can overshoot.
-- name: join_room :one
SELECT count(*), current_setting('max_connections')::bigint FROM joins WHERE ctx = $1

-- name: join_insert :exec
INSERT INTO joins (ctx, participant, organisation, mask_key, share_key, self_key, event,
                   admit)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: join_points :exec
INSERT INTO join_points (ctx, point) VALUES ($1, $2), ($1, $3), ($1, $4)

-- name: join_number :exec
UPDATE joins j SET member = o.member
FROM (SELECT participant, row_number() OVER (ORDER BY participant) - 1 AS member
      FROM joins WHERE ctx = $1) o
WHERE j.ctx = $1 AND j.participant = o.participant

-- name: join_page :many
SELECT j.member, n.bytes, a.bytes, e.bytes
FROM joins j
JOIN participants p ON p.id = j.participant
JOIN events n ON n.seq = p.enroll
JOIN events a ON a.seq = j.admit
JOIN events e ON e.seq = j.event
WHERE j.ctx = $1 AND j.member > $2 ORDER BY j.member LIMIT 100
