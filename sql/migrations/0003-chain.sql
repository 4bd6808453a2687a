-- SPDX-License-Identifier: Apache-2.0
-- What is sent to the chain: an outbox. Every transaction of the relayer, of whatever kind,
-- goes through these tables, since all share one sequence of nonces.

-- States:
--   waiting  not to be sent yet; calldata may still be null
--   planned  to be sent: target, calldata and value stand and never change again
--   signed   it has a nonce and at least one signed attempt
--   mined    an attempt has a receipt in a block of the present chain
--   final    that block is at or below `finalized`, and the transaction succeeded
--   refused  the contract would revert it: it was never signed
--   held     only a person can tell
-- reason says in words what it waits for, or why it is refused or held. A final transaction
-- without a nonce was sent by somebody else.
CREATE TABLE chain_txs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('register', 'roster', 'survivors', 'result', 'pay',
                                     'voice')),
  model slug NOT NULL,
  ctx bytes32,                            -- null for register
  part bigint NOT NULL DEFAULT 0,         -- index of a batch
  state text NOT NULL CHECK (state IN ('waiting', 'planned', 'signed', 'mined', 'final',
                                       'refused', 'held')),
  target bytea NOT NULL CHECK (octet_length(target) = 20),
  calldata bytea,
  value numeric(78, 0) NOT NULL DEFAULT 0 CHECK (value >= 0),
  gas bigint,
  nonce bigint UNIQUE,
  reason text,
  hash bytes32,                           -- of the transaction that was mined
  block bigint,
  block_hash bytes32,
  gas_used bigint,
  gas_price numeric(78, 0),
  not_before timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chain_txs_once UNIQUE NULLS NOT DISTINCT (kind, model, ctx, part),
  CHECK (state = 'waiting' OR calldata IS NOT NULL),
  CHECK ((nonce IS NOT NULL) = (state IN ('signed', 'mined')) OR state IN ('final', 'held')),
  CHECK ((block IS NOT NULL) = (state IN ('mined', 'final')) OR state = 'held')
);
ALTER TABLE chain_txs ALTER COLUMN calldata SET STORAGE EXTERNAL;
CREATE INDEX chain_txs_open ON chain_txs (id)
  WHERE state IN ('waiting', 'planned', 'signed', 'mined');
CREATE INDEX chain_txs_of_round ON chain_txs (ctx, kind);

-- Every signed form of a transaction: the same calldata and, unless somebody let it be
-- planned again, the same nonce, with rising fees. It is stored before it is sent.
CREATE TABLE chain_attempts (
  tx bigint NOT NULL REFERENCES chain_txs,
  attempt bigint NOT NULL CHECK (attempt >= 1),
  nonce bigint NOT NULL,
  hash bytes32 NOT NULL UNIQUE,
  raw bytea NOT NULL,
  max_fee numeric(78, 0) NOT NULL,
  max_tip numeric(78, 0) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tx, attempt)
);

-- The relayer's key on this chain. A key that has sent anything is never replaced silently.
CREATE TABLE chain_keys (
  address bytea PRIMARY KEY CHECK (octet_length(address) = 20),
  chain_id bigint NOT NULL,
  genesis bytes32 NOT NULL,
  next_nonce bigint NOT NULL CHECK (next_nonce >= 0)
);

-- What was last seen of the chain, and when; trouble says why nothing is seen or sent now.
CREATE TABLE chain_head (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  latest bigint NOT NULL DEFAULT 0,
  finalized bigint NOT NULL DEFAULT 0,
  trouble text,
  seen_at timestamptz
);
INSERT INTO chain_head DEFAULT VALUES;

-- The contracts around the instance's registry, once they were read from it.
CREATE TABLE chain_contracts (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  vault bytea NOT NULL CHECK (octet_length(vault) = 20),
  voice bytea NOT NULL CHECK (octet_length(voice) = 20),
  governor bytea NOT NULL CHECK (octet_length(governor) = 20),
  claims_block bigint NOT NULL DEFAULT 0  -- claims up to here are in the books
);

-- What the registry says of a model at `finalized`, and when that was read.
CREATE TABLE chain_models (
  model slug PRIMARY KEY REFERENCES models,
  id bytes32 NOT NULL UNIQUE,             -- Keccak-256 of the slug
  spec bytes32 NOT NULL,
  currency bytea NOT NULL CHECK (octet_length(currency) = 20),
  minimum bigint NOT NULL,
  maximum_rounds bigint NOT NULL,
  privacy_budget numeric(20, 0) NOT NULL,
  reward_cap numeric(78, 0) NOT NULL,
  results bigint NOT NULL,
  privacy_spent numeric(20, 0) NOT NULL,
  seen_at timestamptz NOT NULL
);

-- The block whose hash draws a sparse graph: `distance` after that of the roster's anchor.
CREATE TABLE chain_beacons (
  ctx bytes32 PRIMARY KEY REFERENCES rounds,
  distance bigint NOT NULL CHECK (distance >= 0),
  block bigint,
  hash bytes32,
  CHECK ((block IS NULL) = (hash IS NULL))
);

-- What a finished round adds to the chain: made with its result, read by its anchor.
CREATE TABLE settlements (
  ctx bytes32 PRIMARY KEY REFERENCES rounds,
  reward numeric(78, 0) NOT NULL CHECK (reward >= 0),
  payouts bytes32,                        -- null: no leaves
  claims bytes32
);
