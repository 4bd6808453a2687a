-- SPDX-License-Identifier: Apache-2.0
-- Webhooks and what is sent to them.

-- ---- for administrators ----

-- name: webhook_next_id :one
SELECT nextval(pg_get_serial_sequence('webhooks', 'id'))

-- Nothing when there are $7 already.
-- name: webhook_create :maybe
INSERT INTO webhooks (id, url, events, model, secret, created_by) OVERRIDING SYSTEM VALUE
SELECT $1, $2, string_to_array($3, ' '), $4, $5, $6
WHERE (SELECT count(*) FROM webhooks) < $7::bigint RETURNING id

-- $1: one of them, or null: those before $2.
-- name: webhook_rows :many
SELECT w.id, w.url, array_to_string(w.events, ' '), w.model, w.active, w.created_by,
       extract(epoch FROM w.created_at)::float8,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook = w.id AND d.state = 'waiting'),
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook = w.id AND d.state = 'dead')
FROM webhooks w
WHERE CASE WHEN $1::bigint IS NULL THEN $2::bigint IS NULL OR w.id < $2 ELSE w.id = $1 END
ORDER BY w.id DESC LIMIT $3::bigint

-- name: webhook_lock :maybe
SELECT id FROM webhooks WHERE id = $1 FOR NO KEY UPDATE

-- name: webhook_change :exec
UPDATE webhooks SET url = $2, events = string_to_array($3, ' '), model = $4, active = $5
WHERE id = $1

-- name: webhook_delete :exec
DELETE FROM webhooks WHERE id = $1

-- name: webhook_test :one
INSERT INTO webhook_deliveries (webhook, event, body)
VALUES ($1, 'webhook.test', webhook_body('webhook.test',
        jsonb_build_object('webhook', $1::bigint))) RETURNING id

-- $2: one of them, or null: those before $3, in state $4 or any.
-- name: webhook_delivery_rows :many
SELECT id, message, event, body, state, attempts, status, reason,
       extract(epoch FROM created_at)::float8, extract(epoch FROM next_at)::float8,
       extract(epoch FROM ended_at)::float8
FROM webhook_deliveries
WHERE webhook = $1
  AND CASE WHEN $2::bigint IS NULL THEN $3::bigint IS NULL OR id < $3 ELSE id = $2 END
  AND ($4::text IS NULL OR state = $4)
ORDER BY id DESC LIMIT $5::bigint

-- name: webhook_retry :exec
UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_at = clock_timestamp(),
                              ended_at = NULL
WHERE webhook = $1 AND id = $2 AND state <> 'delivered'

-- ---- for the sender ----

-- At most $1 webhooks for which something waits and to which nobody is sending; they are
-- this process's ($2) for $3 seconds.
-- name: webhook_claim :many
UPDATE webhooks
SET claimed_by = $2, claimed_until = clock_timestamp() + make_interval(secs => $3)
WHERE id IN (
  SELECT w.id FROM webhooks w
  WHERE w.active AND (w.claimed_until IS NULL OR w.claimed_until <= clock_timestamp())
    AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook = w.id
                AND d.state = 'waiting' AND d.next_at <= clock_timestamp())
  LIMIT $1::bigint FOR NO KEY UPDATE OF w SKIP LOCKED)
RETURNING id, url, secret

-- The oldest message of a claimed webhook. A statement of its own: it sees what the one who
-- had the claim before has said.
-- name: webhook_next :maybe
UPDATE webhook_deliveries SET attempts = attempts + 1
WHERE id = (SELECT id FROM webhook_deliveries
            WHERE webhook = $1 AND state = 'waiting' AND next_at <= clock_timestamp()
            ORDER BY next_at, id LIMIT 1)
RETURNING id, message, body, attempts, extract(epoch FROM clock_timestamp())::bigint

-- Another replica may have taken over meanwhile: then this says nothing.
-- name: webhook_sent :exec
UPDATE webhook_deliveries SET state = $3, status = coalesce($4::bigint, status), reason = $5,
  next_at = clock_timestamp() + make_interval(secs => $6),
  ended_at = CASE WHEN $3 <> 'waiting' THEN clock_timestamp() END
WHERE id = $1 AND attempts = $2 AND state = 'waiting'

-- name: webhook_free :exec
UPDATE webhooks SET claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND claimed_by = $2

-- ---- phases that are due ----

-- name: webhook_due_take :many
DELETE FROM webhook_due WHERE ctx IN (
  SELECT ctx FROM webhook_due WHERE at <= clock_timestamp()
  ORDER BY at LIMIT 20 FOR UPDATE SKIP LOCKED)
RETURNING ctx, phase

-- $2: the round's state is that of this phase still; $3: who is awaited.
-- name: webhook_due_tell :exec
SELECT webhook_tell('phase.due', r.model, webhook_round(r)
  || jsonb_build_object('awaited', $3::text::jsonb, 'awaited_count', $4::bigint))
FROM rounds r WHERE r.ctx = $1 AND r.phase = $2

-- ---- what need not be kept ----

-- name: webhook_clean :exec
DELETE FROM webhook_deliveries
WHERE ended_at < clock_timestamp() - CASE state WHEN 'dead' THEN interval '90 days'
                                                ELSE interval '7 days' END
