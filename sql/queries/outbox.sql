-- SPDX-License-Identifier: Apache-2.0
-- The outbox as everybody but the payer sees it.

-- Once: what stands there already stays. $6 null: the vault's or the voice's address.
-- name: outbox_add :exec
INSERT INTO chain_txs (kind, model, ctx, part, state, target, calldata)
VALUES ($1::text, $2, $3, $4, $5, coalesce($6::bytea, (
  SELECT CASE $1::text WHEN 'voice' THEN voice ELSE vault END FROM chain_contracts)), $7)
ON CONFLICT ON CONSTRAINT chain_txs_once DO NOTHING

-- Why it waits: for itself, or because nothing is sent at all.
-- name: outbox_find :maybe
SELECT state, coalesce(reason, CASE WHEN state IN ('waiting', 'planned', 'signed', 'mined')
         THEN (SELECT trouble FROM chain_head) END), extract(epoch FROM created_at)::float8 FROM chain_txs
WHERE kind = $1 AND model = $2 AND ctx IS NOT DISTINCT FROM $3::bytea AND part = 0

-- ---- what a person decides ----

-- name: outbox_lock :maybe
SELECT kind, model, ctx, state, target, calldata,
       kind IN ('roster', 'survivors') AND NOT EXISTS (
         SELECT 1 FROM rounds r WHERE r.ctx = t.ctx AND r.phase = t.kind)
FROM chain_txs t WHERE id = $1 FOR UPDATE

-- All of a transaction's signed forms, the newest first.
-- name: outbox_hashes :many
SELECT hash, nonce FROM chain_attempts WHERE tx = $1 ORDER BY attempt DESC

-- A result is made again with a newer head of the log.
-- name: outbox_again :exec
UPDATE chain_txs SET state = CASE kind WHEN 'result' THEN 'waiting' ELSE 'planned' END,
  calldata = CASE kind WHEN 'result' THEN NULL ELSE calldata END,
  nonce = NULL, gas = NULL, hash = NULL, block = NULL, block_hash = NULL, gas_used = NULL,
  gas_price = NULL, reason = NULL, not_before = now(), changed_at = now()
WHERE id = $1 AND state IN ('held', 'refused')

-- ---- what the chain said of models and rosters ----

-- name: chain_model :maybe
SELECT c.spec, c.currency, c.minimum, c.maximum_rounds, c.privacy_budget::text,
       c.reward_cap::text, c.results, c.privacy_spent::text,
       extract(epoch FROM clock_timestamp() - c.seen_at)::float8,
       (SELECT max(v.version) FROM model_versions v
        WHERE v.model = c.model AND v.spec_hash = c.spec)
FROM chain_models c WHERE c.model = $1

-- name: chain_beacon_await :exec
INSERT INTO chain_beacons (ctx, distance) VALUES ($1, $2)

-- name: chain_beacon :maybe
SELECT block, hash FROM chain_beacons WHERE ctx = $1 AND hash IS NOT NULL

-- name: outbox_first_block :one
SELECT min(block) FROM chain_txs WHERE kind = 'register'

-- What waits for a person, and why nothing else moves.
-- name: outbox_troubles :many
SELECT kind || ' ' || id, model::text, state, coalesce(reason, '') FROM chain_txs
WHERE state IN ('held', 'refused') ORDER BY id LIMIT 100
