-- SPDX-License-Identifier: Apache-2.0
-- The books: what each model owes, to whom, and how it reaches them. Double entry in exact
-- integers: all postings together are zero, and nothing is ever changed or removed.

-- Where a participant wants to be paid, as its enrolment says. The zero address is none.
ALTER TABLE participants ADD COLUMN payout bytea
  CHECK (octet_length(payout) = 20 AND payout <> decode(repeat('00', 20), 'hex'));
UPDATE participants p
SET payout = nullif(decode(substr(convert_from(e.bytes, 'UTF8')::json ->> 'payout', 3), 'hex'),
                    decode(repeat('00', 20), 'hex'))
FROM events e WHERE e.seq = p.enroll;
CREATE INDEX participants_of_payout ON participants (payout) WHERE payout IS NOT NULL;

-- Of a model, in the smallest unit of its currency:
--   budget     where rewards come from: below zero by all that was ever earned
-- of a participant with a model:
--   due        earned, not paid out yet
--   paying     in a payment that is not final on the chain
--   paid       in a payment that is
--   claimable  in the cumulative sum of its address, not fetched yet
--   claimed    fetched
-- of a model, in wei:
--   relayer    where gas comes from: below zero by all that was spent
--   gas        what the model's transactions have cost
-- balance is the sum of the account's postings; only their trigger changes it.
CREATE TABLE accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model slug NOT NULL REFERENCES models,
  kind text NOT NULL CHECK (kind IN ('budget', 'due', 'paying', 'paid', 'claimable',
                                     'claimed', 'relayer', 'gas')),
  participant bytes32 REFERENCES participants,
  balance numeric(80, 0) NOT NULL DEFAULT 0,
  CONSTRAINT accounts_once UNIQUE NULLS NOT DISTINCT (model, kind, participant),
  CHECK ((participant IS NULL) = (kind IN ('budget', 'relayer', 'gas'))),
  CHECK (balance >= 0 OR kind IN ('budget', 'relayer'))
);
CREATE INDEX accounts_of_participant ON accounts (participant)
  WHERE participant IS NOT NULL;

-- Why money moved; the kind is that of the accounts it went to.
--   due        by a result: ctx
--   paying     by the round that settled: ctx; part: the batch, as in chain_txs
--   claimable  the same; part is 0
--   paid, gas  by a transaction that is final: tx
--   claimed    by an event on the chain: hash and index of its log
CREATE TABLE entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  model slug NOT NULL REFERENCES models,
  ctx bytes32 REFERENCES rounds,
  part bigint NOT NULL DEFAULT 0,
  tx bigint REFERENCES chain_txs,
  hash bytes32,
  log_index bigint,
  made_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT entries_once UNIQUE NULLS NOT DISTINCT (kind, ctx, part, tx, hash, log_index),
  CHECK (CASE WHEN kind IN ('due', 'paying', 'claimable')
              THEN ctx IS NOT NULL AND num_nonnulls(tx, hash, log_index) = 0
              WHEN kind IN ('paid', 'gas')
              THEN tx IS NOT NULL AND num_nonnulls(ctx, hash, log_index) = 0
              ELSE kind = 'claimed' AND num_nonnulls(hash, log_index) = 2
                   AND num_nonnulls(ctx, tx) = 0 END)
);

CREATE TABLE postings (
  entry bigint NOT NULL REFERENCES entries,
  account bigint NOT NULL REFERENCES accounts,
  amount numeric(78, 0) NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (account, entry)
);
CREATE INDEX postings_of_entry ON postings (entry);

-- What an address may have fetched in all from a round on; the newest one counts.
CREATE TABLE claims (
  model slug NOT NULL REFERENCES models,
  account bytea NOT NULL CHECK (octet_length(account) = 20),
  round bigint NOT NULL,
  cumulative numeric(78, 0) NOT NULL CHECK (cumulative > 0),
  PRIMARY KEY (model, account, round)
);

-- ---- rules that no program can break ----

-- An entry is written by one statement, in the transaction that made it, and balances: per
-- model, coins and gas apart.
CREATE FUNCTION ledger_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong bigint;
BEGIN
  SELECT p.entry INTO wrong
  FROM added p JOIN accounts a ON a.id = p.account JOIN entries e ON e.id = p.entry
  GROUP BY p.entry, a.kind IN ('relayer', 'gas')
  HAVING sum(p.amount) <> 0 OR bool_or(a.model <> e.model OR e.made_at <> now())
  LIMIT 1;
  IF FOUND THEN
    RAISE integrity_constraint_violation USING
      MESSAGE = format('entry %s does not balance, or is an old one', wrong);
  END IF;
  UPDATE accounts a SET balance = a.balance + s.amount
  FROM (SELECT account, sum(amount) AS amount FROM added GROUP BY account) s
  WHERE a.id = s.account;
  RETURN NULL;
END $$;

CREATE FUNCTION ledger_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE restrict_violation USING MESSAGE = 'the books are only added to: ' || TG_TABLE_NAME;
END $$;

-- ---- what was earned so far ----

INSERT INTO accounts (model, kind, participant, balance)
SELECT r.model, k.kind, w.participant, CASE k.kind WHEN 'due' THEN sum(w.amount) ELSE 0 END
FROM rewards w JOIN rounds r ON r.ctx = w.ctx
CROSS JOIN (VALUES ('due'), ('paying'), ('paid'), ('claimable'), ('claimed')) k (kind)
WHERE w.amount > 0 GROUP BY r.model, k.kind, w.participant;
INSERT INTO accounts (model, kind, balance)
SELECT model, 'budget', -sum(balance) FROM accounts GROUP BY model;
INSERT INTO entries (kind, model, ctx, made_at)
SELECT DISTINCT 'due', r.model, r.ctx, r.ended_at
FROM rewards w JOIN rounds r ON r.ctx = w.ctx WHERE w.amount > 0;
INSERT INTO postings (entry, account, amount)
SELECT e.id, a.id, w.amount
FROM entries e JOIN rewards w ON w.ctx = e.ctx
JOIN accounts a ON a.model = e.model AND a.kind = 'due' AND a.participant = w.participant
WHERE w.amount > 0
UNION ALL
SELECT e.id, a.id, -(SELECT sum(amount) FROM rewards w WHERE w.ctx = e.ctx)
FROM entries e JOIN accounts a ON a.model = e.model AND a.kind = 'budget';

CREATE TRIGGER postings_balance AFTER INSERT ON postings
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_post();
CREATE TRIGGER postings_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep();
CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep();
CREATE TRIGGER accounts_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts
  FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_keep();
CREATE TRIGGER claims_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON claims
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep();

-- A participant's standing with a model, for people.
CREATE VIEW standing_view AS
SELECT d.model::text AS model, d.participant, p.payout,
       d.balance + g.balance + i.balance + c.balance + f.balance AS earned,
       d.balance AS due, g.balance AS paying, i.balance AS paid, c.balance AS claimable,
       f.balance AS claimed
FROM accounts d
JOIN participants p ON p.id = d.participant
JOIN accounts g ON (g.model, g.kind, g.participant) = (d.model, 'paying', d.participant)
JOIN accounts i ON (i.model, i.kind, i.participant) = (d.model, 'paid', d.participant)
JOIN accounts c ON (c.model, c.kind, c.participant) = (d.model, 'claimable', d.participant)
JOIN accounts f ON (f.model, f.kind, f.participant) = (d.model, 'claimed', d.participant)
WHERE d.kind = 'due';
