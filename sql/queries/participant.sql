-- SPDX-License-Identifier: Apache-2.0
-- People, and who of them is admitted where.

-- name: participant_create :exec
INSERT INTO participants (id, organisation, name, salt, enroll, payout)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: participant_list :many
SELECT p.id, p.name, p.organisation,
       (SELECT string_agg(a.model::text, ',' ORDER BY a.model) FROM admissions a
        WHERE a.participant = p.id AND a.status = 'admitted')
FROM participants p WHERE p.id > $1 ORDER BY p.id LIMIT $2::bigint

-- $2: those who read hidden names ask; $3: the participant that asks, or null.
-- name: participant_enroll :maybe
SELECT e.bytes, member_name(p, $2 OR p.id = $3), p.organisation, p.payout
FROM participants p JOIN events e ON e.seq = p.enroll WHERE p.id = $1

-- Of the models that the caller sees; $2 to $4 as for may_see.
-- name: participant_admissions :many
SELECT e.bytes FROM events e JOIN models m ON m.slug = e.model
WHERE e.participant = $1 AND e.ctx IS NULL AND e.type IN ('admit', 'suspend')
  AND may_see(m, $2, $3, $4)
ORDER BY e.seq LIMIT 1000

-- name: participant_admitted :one
SELECT EXISTS (SELECT 1 FROM admissions WHERE participant = $1 AND status = 'admitted')

-- name: member_list :many
SELECT p.id, p.name, p.organisation, a.status
FROM admissions a JOIN participants p ON p.id = a.participant
WHERE a.model = $1 AND p.id > $2 ORDER BY p.id LIMIT $3::bigint

-- name: member_find :maybe
SELECT p.id, p.name, p.organisation, a.status
FROM admissions a JOIN participants p ON p.id = a.participant
WHERE a.model = $1 AND p.id = $2

-- H(enroll), and whether admitted (null: neither admitted nor suspended).
-- name: member_lock :maybe
SELECT e.hash, a.status = 'admitted'
FROM participants p JOIN events e ON e.seq = p.enroll
LEFT JOIN admissions a ON a.participant = p.id AND a.model = $1
WHERE p.id = $2 FOR UPDATE OF p

-- name: member_set :exec
INSERT INTO admissions (model, participant, status, event) VALUES ($1, $2, $3, $4)
ON CONFLICT (model, participant) DO UPDATE SET status = excluded.status,
                                               event = excluded.event

-- name: member_last :maybe
SELECT e.hash FROM admissions a JOIN events e ON e.seq = a.event
WHERE a.model = $1 AND a.participant = $2
