-- SPDX-License-Identifier: Apache-2.0
-- The processes that serve this database, as they say themselves, and what the relayer has.
CREATE TABLE replicas (
  id bytes16 PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE chain_head ADD COLUMN balance numeric(78, 0);
