-- SPDX-License-Identifier: Apache-2.0
-- The public log, what an audit needs, and what a round earns.

-- Accepted events that are no leaves yet: whoever stores an event puts it here too.
CREATE TABLE log_pending (
  event bigint PRIMARY KEY
);

-- A leaf's event. Its bytes are the entry. The event's model stands here too, so that one
-- model's entries can be read in the log's order without reading all the others.
CREATE TABLE log_entries (
  leaf bigint PRIMARY KEY CHECK (leaf >= 0),
  event bigint NOT NULL UNIQUE,
  model slug
);
CREATE INDEX log_entries_of_model ON log_entries (model, leaf) WHERE model IS NOT NULL;

-- Tiles of height 8 as they are served; the last of a level grows.
CREATE TABLE log_tiles (
  level bigint NOT NULL,
  index bigint NOT NULL,
  hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192),
  PRIMARY KEY (level, index)
);
ALTER TABLE log_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- The head is moved only from the value that was read: two replicas cannot fork the log.
CREATE TABLE log_head (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  size bigint NOT NULL,
  root bytes32 NOT NULL
);
INSERT INTO log_head (size, root)
VALUES (0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

-- Every checkpoint that was ever signed.
CREATE TABLE log_checkpoints (
  size bigint PRIMARY KEY,
  root bytes32 NOT NULL,
  note bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Whose cosignatures are kept, and the newest of each.
CREATE TABLE witnesses (
  key bytes32 PRIMARY KEY,
  name text NOT NULL UNIQUE,
  size bigint,
  line bytea,                             -- its signature line
  cosigned_at timestamptz,
  CHECK ((size IS NULL) = (line IS NULL))
);

-- The instance event is the first leaf.
INSERT INTO events (seq, type, hash, bytes) OVERRIDING SYSTEM VALUE
SELECT 0, 'instance', hash, event FROM instance;
INSERT INTO log_pending (event) SELECT seq FROM events;

-- When the masked vectors of a finished round may go, and whether they are gone.
ALTER TABLE rounds ADD COLUMN vectors_until timestamptz;
ALTER TABLE rounds ADD COLUMN vectors_erased boolean NOT NULL DEFAULT false;
UPDATE rounds SET vectors_erased = true WHERE phase IN ('done', 'failed');
CREATE INDEX rounds_vectors ON rounds (vectors_until)
  WHERE vectors_until IS NOT NULL AND NOT vectors_erased;

-- What the result of a round says its members earned, in the smallest unit.
CREATE TABLE rewards (
  ctx bytes32 NOT NULL REFERENCES rounds,
  member bigint NOT NULL,
  participant bytes32 NOT NULL,
  amount numeric(78, 0) NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (ctx, member)
);
CREATE INDEX rewards_of_participant ON rewards (participant);
