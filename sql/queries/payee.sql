-- SPDX-License-Identifier: Apache-2.0
-- Where participants are paid. A change counts once `adopt` is its event.

-- "chorpayt" in ASCII: shared by results, which pay by the addresses that count, exclusive
-- where one is adopted, so that the log tells which came first. Who adopts does not wait.
-- name: payees_hold :one
SELECT pg_advisory_xact_lock_shared(7163097744635165044)

-- name: payees_change :one
SELECT pg_try_advisory_xact_lock(7163097744635165044)

-- name: payee_lock :maybe
SELECT id FROM participants WHERE id = $1 FOR NO KEY UPDATE

-- H of what a change must follow: the last one, else the enrolment.
-- name: payee_last :one
SELECT e.hash FROM participants p JOIN events e ON e.seq = coalesce(
  (SELECT max(c.event) FROM payout_changes c WHERE c.participant = p.id), p.enroll)
WHERE p.id = $1

-- name: payee_change_add :exec
INSERT INTO payout_changes (event, participant, payout, time) VALUES ($1, $2, $3, $4)

-- $1: the instance is on a real chain, whose registry says the delay; $2: the delay
-- otherwise. Not while somebody has suspended the participant.
-- name: payee_due :many
SELECT c.participant FROM payout_changes c
WHERE c.adopt IS NULL
  AND c.time + CASE WHEN $1 THEN (SELECT delay FROM chain_contracts) ELSE $2::bigint END
      <= extract(epoch FROM clock_timestamp())
  AND NOT EXISTS (SELECT 1 FROM payout_changes n
                  WHERE n.participant = c.participant AND n.event > c.event)
  AND NOT EXISTS (SELECT 1 FROM admissions a
                  WHERE a.participant = c.participant AND a.status = 'suspended')
ORDER BY c.event LIMIT 100

-- The last change of a participant, unless it is adopted, if its time has come; $2 and $3 as above.
-- name: payee_ready :maybe
SELECT c.event, e.hash, floor(extract(epoch FROM clock_timestamp()))::bigint
FROM payout_changes c JOIN events e ON e.seq = c.event
WHERE c.participant = $1 AND c.adopt IS NULL
  AND c.event = (SELECT max(n.event) FROM payout_changes n WHERE n.participant = $1)
  AND c.time + CASE WHEN $2 THEN (SELECT delay FROM chain_contracts) ELSE $3::bigint END
      <= extract(epoch FROM clock_timestamp())

-- name: payee_adopt :exec
WITH c AS (UPDATE payout_changes SET adopt = $2 WHERE event = $1 RETURNING participant, payout)
UPDATE participants p SET payout = c.payout FROM c WHERE p.id = c.participant

-- All changes, in their order; when each counts, or is to count, $2 and $3 as above.
-- name: payee_changes :many
SELECT e.bytes, a.bytes,
       c.time + CASE WHEN $2 THEN (SELECT delay FROM chain_contracts) ELSE $3::bigint END
FROM payout_changes c JOIN events e ON e.seq = c.event
LEFT JOIN events a ON a.seq = c.adopt
WHERE c.participant = $1 ORDER BY c.event LIMIT 1000
