-- SPDX-License-Identifier: Apache-2.0
-- A participant names another payout address. It counts once the coordinator has adopted it,
-- after a delay: participants.payout is the one that counts.

CREATE TABLE payout_changes (
  event bigint PRIMARY KEY REFERENCES events,
  participant bytes32 NOT NULL REFERENCES participants,
  payout bytea CHECK (octet_length(payout) = 20 AND payout <> decode(repeat('00', 20), 'hex')),
  time bigint NOT NULL,                   -- as the event says
  adopt bigint UNIQUE REFERENCES events   -- null: not yet, or another change came first
);
CREATE INDEX payout_changes_of_participant ON payout_changes (participant, event);
CREATE INDEX payout_changes_waiting ON payout_changes (time) WHERE adopt IS NULL;

-- Seconds between a result and its payouts, as the registry says; null: not read yet.
ALTER TABLE chain_contracts ADD COLUMN delay bigint CHECK (delay >= 0);

-- For what is paid, claimable or claimed: the address that it goes to.
ALTER TABLE postings ADD COLUMN payee bytea CHECK (octet_length(payee) = 20);
ALTER TABLE postings DISABLE TRIGGER postings_keep;
UPDATE postings m SET payee = p.payout
FROM accounts a JOIN participants p ON p.id = a.participant
WHERE a.id = m.account AND a.kind IN ('paying', 'claimable', 'claimed');
ALTER TABLE postings ENABLE TRIGGER postings_keep;
CREATE INDEX postings_of_payee ON postings (payee, account) WHERE payee IS NOT NULL;

-- As before, and: what is being paid, can be claimed or was claimed is somebody's.
CREATE OR REPLACE FUNCTION ledger_post() RETURNS trigger LANGUAGE plpgsql AS $$
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
  SELECT p.entry INTO wrong
  FROM added p JOIN accounts a ON a.id = p.account
  WHERE p.payee IS NULL
    AND (a.kind IN ('claimable', 'claimed') OR (a.kind = 'paying' AND p.amount > 0))
  LIMIT 1;
  IF FOUND THEN
    RAISE integrity_constraint_violation USING
      MESSAGE = format('entry %s names nobody who is paid', wrong);
  END IF;
  UPDATE accounts a SET balance = a.balance + s.amount
  FROM (SELECT account, sum(amount) AS amount FROM added GROUP BY account) s
  WHERE a.id = s.account;
  RETURN NULL;
END $$;
