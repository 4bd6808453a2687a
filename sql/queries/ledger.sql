-- SPDX-License-Identifier: Apache-2.0
-- The books (sql/migrations/0004-ledger.sql says what each kind of account holds).

-- ---- posting ----

-- The accounts of whoever earns in a round, and of its model.
-- name: ledger_open :exec
WITH new AS MATERIALIZED (
  SELECT participant::bytea FROM rewards WHERE ctx = $1 AND amount > 0
  EXCEPT
  SELECT participant::bytea FROM accounts WHERE model = $2 AND kind = 'due'
)
INSERT INTO accounts (model, kind, participant)
SELECT $2::text, k.kind, new.participant FROM new
CROSS JOIN (VALUES ('due'), ('paying'), ('paid'), ('claimable'), ('claimed')) k (kind)
UNION ALL
SELECT $2, k.kind, NULL FROM (VALUES ('budget'), ('relayer'), ('gas')) k (kind)
ON CONFLICT DO NOTHING

-- The rewards of a round.
-- name: ledger_earn :exec
WITH r AS MATERIALIZED (
  SELECT participant, amount FROM rewards WHERE ctx = $1 AND amount > 0
), e AS (
  INSERT INTO entries (kind, model, ctx)
  SELECT 'due', $2::text, $1 WHERE EXISTS (SELECT 1 FROM r) RETURNING id
)
INSERT INTO postings (entry, account, amount)
SELECT e.id, a.id, r.amount FROM e CROSS JOIN r
JOIN accounts a ON a.model = $2 AND a.kind = 'due' AND a.participant = r.participant
UNION ALL
SELECT e.id, a.id, -(SELECT sum(amount) FROM r) FROM e
JOIN accounts a ON a.model = $2 AND a.kind = 'budget' AND a.participant IS NULL

-- What a round settles. $3: paying or claimable; $4: [{"amount","part","participant","payee"}…].
-- name: ledger_settle :exec
WITH j AS MATERIALIZED (
  SELECT decode(o ->> 'participant', 'hex') AS participant,
         decode(o ->> 'payee', 'hex') AS payee, (o ->> 'amount')::numeric AS amount,
         (o ->> 'part')::bigint AS part
  FROM json_array_elements($4::text::json) o
), e AS (
  INSERT INTO entries (kind, model, ctx, part)
  SELECT DISTINCT $3::text, $2::text, $1::bytea, part FROM j RETURNING id, part
)
INSERT INTO postings (entry, account, amount, payee)
SELECT e.id, a.id, CASE a.kind WHEN 'due' THEN -j.amount ELSE j.amount END,
       CASE a.kind WHEN 'due' THEN NULL ELSE j.payee END
FROM j JOIN e USING (part)
JOIN accounts a ON a.model = $2 AND a.participant = j.participant AND a.kind IN ('due', $3)

-- A payment is final: what it brought is paid.
-- name: ledger_paid :exec
WITH p AS MATERIALIZED (
  SELECT a.model, a.participant, m.amount
  FROM chain_txs t
  JOIN entries e ON e.kind = 'paying' AND e.ctx = t.ctx AND e.part = t.part
  JOIN postings m ON m.entry = e.id AND m.amount > 0
  JOIN accounts a ON a.id = m.account
  WHERE t.id = $1 AND t.kind = 'pay'
), e AS (
  INSERT INTO entries (kind, model, tx) SELECT DISTINCT 'paid', model, $1::bigint FROM p
  RETURNING id
)
INSERT INTO postings (entry, account, amount)
SELECT e.id, a.id, CASE a.kind WHEN 'paid' THEN p.amount ELSE -p.amount END
FROM e CROSS JOIN p
JOIN accounts a ON a.model = p.model AND a.participant = p.participant
               AND a.kind IN ('paying', 'paid')

-- name: ledger_open_gas :exec
INSERT INTO accounts (model, kind)
SELECT t.model, k.kind FROM chain_txs t
CROSS JOIN (VALUES ('relayer'), ('gas')) k (kind) WHERE t.id = $1
ON CONFLICT DO NOTHING

-- What a final transaction has cost; nothing when somebody else has sent it. One that failed and is
-- tried again costs once for each nonce: part is that nonce + 1.
-- name: ledger_gas :exec
WITH t AS MATERIALIZED (
  SELECT id, model, gas_used * gas_price AS fee,
         CASE state WHEN 'final' THEN 0 ELSE nonce + 1 END AS part
  FROM chain_txs
  WHERE id = $1 AND nonce IS NOT NULL AND gas_used * gas_price > 0
), e AS (
  INSERT INTO entries (kind, model, tx, part) SELECT 'gas', model, id, part FROM t
  RETURNING id
)
INSERT INTO postings (entry, account, amount)
SELECT e.id, a.id, CASE a.kind WHEN 'gas' THEN t.fee ELSE -t.fee END
FROM e CROSS JOIN t
JOIN accounts a ON a.model = t.model AND a.kind IN ('relayer', 'gas')
               AND a.participant IS NULL

-- Null: this claim is in the books already.
-- name: ledger_claim :maybe
INSERT INTO entries (kind, model, hash, log_index) VALUES ('claimed', $1, $2, $3)
ON CONFLICT DO NOTHING RETURNING id

-- $4 was fetched for an address: off what is claimable there, in the order of its owners' keys.
-- name: ledger_claimed :exec
WITH l AS MATERIALIZED (
  SELECT a.participant, sum(m.amount) AS rest
  FROM postings m JOIN accounts a ON a.id = m.account AND a.model = $2 AND a.kind = 'claimable'
  WHERE m.payee = $3 GROUP BY a.participant HAVING sum(m.amount) > 0
), c AS MATERIALIZED (
  SELECT participant, least(rest, $4::text::numeric - coalesce(sum(rest) OVER (
           ORDER BY participant ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))
         AS amount
  FROM l
)
INSERT INTO postings (entry, account, amount, payee)
SELECT $1::bigint, a.id, CASE a.kind WHEN 'claimed' THEN c.amount ELSE -c.amount END, $3
FROM c JOIN accounts a ON a.model = $2 AND a.participant = c.participant
                      AND a.kind IN ('claimable', 'claimed')
WHERE c.amount > 0 AND (SELECT sum(amount) FROM c WHERE amount > 0) = $4::text::numeric

-- ---- settling ----

-- Whoever has something due, with what this round brought.
-- name: settle_accounts :many
WITH r AS MATERIALIZED (SELECT participant, amount FROM rewards WHERE ctx = $2)
SELECT a.participant, p.payout, (a.balance - coalesce(r.amount, 0))::text,
       coalesce(r.amount, 0)::text
FROM accounts a JOIN participants p ON p.id = a.participant
LEFT JOIN r ON r.participant = a.participant
WHERE a.model = $1 AND a.kind = 'due' AND a.balance > 0
ORDER BY a.participant

-- The members of a round who have an address.
-- name: settle_members :many
SELECT j.member, p.payout FROM joins j JOIN participants p ON p.id = j.participant
WHERE j.ctx = $1 AND j.member IS NOT NULL AND p.payout IS NOT NULL

-- name: settle_store :exec
INSERT INTO settlements (ctx, reward, payouts, claims)
VALUES ($1, $2::text::numeric, $3, $4)

-- $3: [{"account","cumulative"}…]
-- name: claim_store :exec
INSERT INTO claims (model, account, round, cumulative)
SELECT $1, decode(o ->> 'account', 'hex'), $2, (o ->> 'cumulative')::numeric
FROM json_array_elements($3::text::json) o

-- The cumulative sums after a round, by address; it steps from address to address.
-- name: claim_list :many
WITH RECURSIVE w AS (
  (SELECT account FROM claims WHERE model = $1 ORDER BY account LIMIT 1)
  UNION ALL
  SELECT n.account FROM w CROSS JOIN LATERAL (
    SELECT c.account FROM claims c WHERE c.model = $1 AND c.account > w.account
    ORDER BY c.account LIMIT 1) n
)
SELECT w.account, n.cumulative::text FROM w CROSS JOIN LATERAL (
  SELECT c.cumulative FROM claims c
  WHERE c.model = $1 AND c.account = w.account AND c.round <= $2
  ORDER BY c.round DESC LIMIT 1) n
ORDER BY w.account
