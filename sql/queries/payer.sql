-- SPDX-License-Identifier: Apache-2.0
-- The payer: one process at a time moves the transactions of the outbox. Every statement
-- that moves one names the state it comes from, so that a second payer finds nothing to do.

-- "chorpay" in ASCII, held by the connection while the payer is at work.
-- name: payer_lock :one
SELECT pg_try_advisory_lock(27980850564981113)

-- name: payer_unlock :one
SELECT pg_advisory_unlock(27980850564981113)

-- ---- the chain ----

-- name: chain_contracts :maybe
SELECT vault, voice, governor FROM chain_contracts WHERE delay IS NOT NULL

-- name: chain_contracts_set :exec
INSERT INTO chain_contracts (vault, voice, governor, claims_block, delay)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (only_one) DO UPDATE SET delay = excluded.delay

-- name: chain_key :maybe
SELECT chain_id, genesis, next_nonce FROM chain_keys WHERE address = $1

-- name: chain_key_add :exec
INSERT INTO chain_keys (address, chain_id, genesis, next_nonce) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING

-- name: chain_head_set :exec
UPDATE chain_head SET latest = $1, finalized = $2, seen_at = clock_timestamp(),
  balance = coalesce($3::text::numeric, balance)

-- name: chain_trouble_set :exec
UPDATE chain_head SET trouble = $1

-- ---- waiting to planned ----

-- Results whose event is a leaf, and so below the log's head.
-- name: payer_results :many
SELECT t.id, t.model, r.round, r.attempt, r.result_hash, s.reward::text, s.payouts, s.claims
FROM chain_txs t JOIN rounds r ON r.ctx = t.ctx JOIN settlements s ON s.ctx = t.ctx
JOIN events e ON e.ctx = t.ctx AND e.type = 'result'
JOIN log_entries l ON l.event = e.seq
WHERE t.kind = 'result' AND t.state = 'waiting' ORDER BY t.id LIMIT 32

-- name: payer_result_plan :exec
UPDATE chain_txs SET state = 'planned', calldata = $2, reason = NULL,
  changed_at = clock_timestamp()
WHERE id = $1 AND state = 'waiting'

-- Rounds that pay or give voice and whose result is final.
-- name: payer_settling :many
SELECT DISTINCT t.ctx, t.model, r.round FROM chain_txs t JOIN rounds r ON r.ctx = t.ctx
WHERE t.state = 'waiting' AND t.kind IN ('pay', 'voice') AND EXISTS (
  SELECT 1 FROM chain_txs x
  WHERE x.ctx = t.ctx AND x.kind = 'result' AND x.state = 'final')

-- name: payer_settle :exec
UPDATE chain_txs SET state = 'planned', reason = NULL, changed_at = clock_timestamp()
WHERE ctx = $1 AND state = 'waiting' AND kind IN ('pay', 'voice')

-- name: payer_settle_later :exec
UPDATE chain_txs SET reason = $2
WHERE ctx = $1 AND state = 'waiting' AND kind IN ('pay', 'voice')
  AND reason IS DISTINCT FROM $2

-- ---- planned to signed ----

-- name: payer_in_flight :one
SELECT count(*) FROM chain_txs WHERE state IN ('signed', 'mined')

-- name: payer_planned :many
SELECT id, kind, ctx, target, calldata, value::text FROM chain_txs
WHERE state = 'planned' AND not_before <= clock_timestamp() ORDER BY id LIMIT $1::bigint

-- name: payer_planned_lock :maybe
SELECT id FROM chain_txs WHERE id = $1 AND state = 'planned' FOR UPDATE

-- name: payer_nonce_take :one
UPDATE chain_keys SET next_nonce = next_nonce + 1 WHERE address = $1
RETURNING next_nonce - 1

-- name: payer_signed :exec
UPDATE chain_txs SET state = 'signed', nonce = $2, gas = $3, reason = NULL,
  changed_at = clock_timestamp()
WHERE id = $1 AND state = 'planned'

-- name: payer_attempt_add :exec
INSERT INTO chain_attempts (tx, attempt, nonce, hash, raw, max_fee, max_tip)
SELECT $1::bigint, coalesce(max(attempt), 0) + 1, $2::bigint, $3, $4, $5::bigint, $6::bigint
FROM chain_attempts WHERE tx = $1

-- It stays as it is; why, and when it is looked at again.
-- name: payer_later :exec
UPDATE chain_txs SET reason = $2,
  not_before = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND state = 'planned'

-- name: payer_reason :exec
UPDATE chain_txs SET reason = $2
WHERE id = $1 AND state = 'signed' AND reason IS DISTINCT FROM $2

-- refused or held
-- name: payer_stop :exec
UPDATE chain_txs SET state = $2, reason = $3, changed_at = clock_timestamp()
WHERE id = $1 AND state IN ('planned', 'signed', 'mined')

-- ---- signed to final ----

-- name: payer_open :many
SELECT id, ctx, state, target, calldata, value::text, gas, nonce, block, block_hash
FROM chain_txs WHERE state IN ('signed', 'mined') ORDER BY nonce LIMIT 100

-- The forms with the present nonce, the newest first, with their age.
-- name: payer_attempts :many
SELECT a.hash, a.raw, a.max_fee::bigint, a.max_tip::bigint,
       extract(epoch FROM clock_timestamp() - a.created_at)::float8
FROM chain_attempts a JOIN chain_txs t ON t.id = a.tx AND t.nonce = a.nonce
WHERE a.tx = $1 ORDER BY a.attempt DESC

-- name: payer_signed_lock :maybe
SELECT id FROM chain_txs WHERE id = $1 AND state = 'signed' AND nonce = $2 FOR UPDATE

-- name: payer_mined :exec
UPDATE chain_txs SET state = $2, hash = $3, block = $4, block_hash = $5, gas_used = $6,
  gas_price = $7::bigint, reason = $8, changed_at = clock_timestamp()
WHERE id = $1 AND state IN ('signed', 'mined')

-- Its block is gone.
-- name: payer_unmined :exec
UPDATE chain_txs SET state = 'signed', hash = NULL, block = NULL, block_hash = NULL,
  gas_used = NULL, gas_price = NULL, changed_at = clock_timestamp()
WHERE id = $1 AND state = 'mined'

-- What a person found out: the transaction that did it.
-- name: payer_found :exec
UPDATE chain_txs SET state = 'final', hash = $2, block = $3, block_hash = $4,
  gas_used = $5, gas_price = $6::bigint, reason = NULL, changed_at = clock_timestamp()
WHERE id = $1 AND state IN ('held', 'refused')

-- ---- what others need from the chain ----

-- Registered models whose copy is older than $1 seconds.
-- name: payer_models :many
SELECT t.model FROM chain_txs t LEFT JOIN chain_models c ON c.model = t.model
WHERE t.kind = 'register' AND t.state = 'final'
  AND (c.seen_at IS NULL OR c.seen_at < clock_timestamp() - make_interval(secs => $1))
ORDER BY c.seen_at NULLS FIRST LIMIT 32

-- name: payer_model_set :exec
INSERT INTO chain_models (model, spec, currency, minimum, maximum_rounds, privacy_budget,
                          reward_cap, results, privacy_spent, seen_at, id)
VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7::text::numeric, $8, $9::text::numeric,
        clock_timestamp(), $10)
ON CONFLICT (model) DO UPDATE SET spec = excluded.spec, currency = excluded.currency,
  minimum = excluded.minimum, maximum_rounds = excluded.maximum_rounds,
  privacy_budget = excluded.privacy_budget, reward_cap = excluded.reward_cap,
  results = excluded.results, privacy_spent = excluded.privacy_spent,
  seen_at = excluded.seen_at

-- name: payer_model_of :maybe
SELECT model FROM chain_models WHERE id = $1

-- name: payer_claims_at :maybe
SELECT claims_block FROM chain_contracts

-- name: payer_claims_move :exec
UPDATE chain_contracts SET claims_block = $1 WHERE claims_block < $1

-- Rosters that are final and whose block for the graph is not known yet.
-- name: payer_beacons :many
SELECT b.ctx, b.distance, r.model::text, r.round, r.attempt
FROM chain_beacons b JOIN rounds r ON r.ctx = b.ctx
JOIN chain_txs t ON t.ctx = b.ctx AND t.kind = 'roster' AND t.state = 'final'
WHERE b.hash IS NULL AND r.phase = 'roster'

-- name: payer_beacon_set :exec
UPDATE chain_beacons SET block = $2, hash = $3 WHERE ctx = $1 AND hash IS NULL
