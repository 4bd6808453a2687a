-- SPDX-License-Identifier: Apache-2.0
-- What people ask about money.

-- name: standing_list :many
SELECT participant, payout, earned::text, due::text, paying::text, paid::text,
       claimable::text, claimed::text
FROM standing_view WHERE model = $1 AND participant > $2 ORDER BY participant
LIMIT $3::bigint

-- name: standing_find :maybe
SELECT participant, payout, earned::text, due::text, paying::text, paid::text,
       claimable::text, claimed::text
FROM standing_view WHERE model = $1 AND participant = $2

-- What has reached a participant's accounts after entry $2, with its transaction, of models
-- that the caller sees ($5 to $7, as for may_see).
-- name: statement_list :many
SELECT e.id, e.kind, e.model, r.round, m.amount::text, coalesce(e.hash, t.hash), t.state,
       extract(epoch FROM e.made_at)::float8
FROM accounts a
JOIN postings m ON m.account = a.id AND m.entry > $2 AND m.amount > 0
JOIN entries e ON e.id = m.entry
LEFT JOIN chain_txs t ON t.id = coalesce(e.tx, (
  SELECT c.id FROM chain_txs c
  WHERE e.kind = 'paying' AND c.kind = 'pay' AND c.model = e.model AND c.ctx = e.ctx
    AND c.part = e.part))
LEFT JOIN rounds r ON r.ctx = coalesce(e.ctx, t.ctx)
JOIN models o ON o.slug = a.model
WHERE a.participant = $1 AND ($3::text IS NULL OR a.model = $3) AND may_see(o, $5, $6, $7)
ORDER BY e.id, a.model LIMIT $4::bigint

-- name: ledger_list :many
SELECT kind, count(*), sum(balance)::text FROM accounts WHERE model = $1
GROUP BY kind ORDER BY kind

-- Transactions of the relayer; what a payment brings: [[account, amount]…].
-- name: payout_list :many
SELECT t.id, t.kind, t.model, r.round, r.attempt, t.part, t.state, t.reason, t.target,
       t.nonce, t.hash, t.block, (t.gas_used * t.gas_price)::text,
       extract(epoch FROM t.created_at)::float8, extract(epoch FROM t.changed_at)::float8,
       (SELECT json_agg(json_build_array(encode(x.payee, 'hex'), x.amount::text))::text
        FROM (SELECT m.payee, sum(m.amount) AS amount
              FROM entries e
              JOIN postings m ON m.entry = e.id AND m.amount > 0
              WHERE t.kind = 'pay' AND e.kind = 'paying' AND e.ctx = t.ctx
                AND e.part = t.part
              GROUP BY m.payee ORDER BY m.payee) x)
FROM chain_txs t LEFT JOIN rounds r ON r.ctx = t.ctx
WHERE t.id > $1 AND ($2::text IS NULL OR t.state = $2)
ORDER BY t.id LIMIT $3::bigint

-- The round of a tree of claims: $2, or the newest whose result is final on the chain, for
-- $3 seconds already.
-- name: claim_round :maybe
SELECT r.round FROM rounds r JOIN settlements s ON s.ctx = r.ctx
WHERE r.model = $1 AND r.phase = 'done' AND s.claims IS NOT NULL
  AND CASE WHEN $2::bigint IS NULL
      THEN EXISTS (SELECT 1 FROM chain_txs t
                   WHERE t.kind = 'result' AND t.model = r.model AND t.ctx = r.ctx
                     AND t.state = 'final'
                     AND t.changed_at <= clock_timestamp() - make_interval(secs => $3))
      ELSE r.round = $2 END
ORDER BY r.round DESC LIMIT 1

-- What the books know that an address has fetched.
-- name: claim_fetched :one
SELECT coalesce(sum(m.amount), 0)::text FROM postings m
JOIN accounts a ON a.id = m.account AND a.model = $1 AND a.kind = 'claimed'
WHERE m.payee = $2

-- What was sent to the chain for a round; the hash of the newest form until one is mined.
-- name: round_anchors :many
SELECT t.kind, t.part, t.state, t.reason,
       coalesce(t.hash, (SELECT a.hash FROM chain_attempts a WHERE a.tx = t.id
                         ORDER BY a.attempt DESC LIMIT 1)),
       t.block, extract(epoch FROM t.changed_at)::float8
FROM chain_txs t WHERE t.ctx = $1 ORDER BY t.id LIMIT 1000
