-- SPDX-License-Identifier: Apache-2.0
-- Everything Chorus remembers. Forward only: this file is never edited once merged.
--
-- Whole numbers are bigint, hashes, keys and events bytea, times timestamptz; the program
-- binds no other parameter types. Tables carry the key by which they can be distributed:
-- the model's slug or the round's ctx. Vectors and long documents live in blobs only.

CREATE DOMAIN bytes16 AS bytea CHECK (octet_length(VALUE) = 16);
CREATE DOMAIN bytes32 AS bytea CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN slug AS text CHECK (VALUE ~ '^[a-z0-9][a-z0-9-]{0,62}$');

CREATE TABLE instance (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  event bytea NOT NULL,
  hash bytes32 NOT NULL
);

CREATE TABLE settings (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- Only the SHA-256 of a token is kept.
CREATE TABLE admin_tokens (
  hash bytes32 PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

-- ---- blobs: vectors and documents in chunks of 983,040 bytes ----

CREATE TABLE blobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  length bigint CHECK (length >= 0),      -- null until it is complete
  sha256 bytes32,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE blob_chunks (
  blob bigint NOT NULL,
  part bigint NOT NULL CHECK (part >= 0),
  data bytea NOT NULL CHECK (octet_length(data) BETWEEN 1 AND 983040),
  PRIMARY KEY (blob, part)
);
ALTER TABLE blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- ---- every protocol event, canonical bytes with sig ----

CREATE TABLE events (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type text NOT NULL,
  model slug,
  ctx bytes32,
  participant bytes32,
  hash bytes32 NOT NULL UNIQUE,
  bytes bytea NOT NULL,
  receipt bytea,                          -- what its sender was given
  created_at timestamptz NOT NULL DEFAULT now()
);
-- The coordinator says each thing once in a round, and so does a participant.
CREATE UNIQUE INDEX events_once ON events (ctx, type, participant) NULLS NOT DISTINCT
  WHERE ctx IS NOT NULL;
CREATE INDEX events_of_participant ON events (participant, seq) WHERE ctx IS NULL;

-- ---- models ----

CREATE TABLE models (
  slug slug PRIMARY KEY,
  version bigint NOT NULL DEFAULT 1 CHECK (version >= 1),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'retired')),
  name text NOT NULL,
  purpose text NOT NULL,
  consent text NOT NULL,
  kind text NOT NULL,
  d bigint NOT NULL CHECK (d >= 1),
  current_ctx bytes32,                    -- the newest attempt
  results bigint NOT NULL DEFAULT 0,      -- rounds with a result
  holdout bigint REFERENCES blobs,
  holdout_rows bigint,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE model_versions (
  model slug NOT NULL REFERENCES models,
  version bigint NOT NULL CHECK (version >= 1),
  spec bytea NOT NULL,                    -- canonical, exactly the hashed bytes
  spec_hash bytes32 NOT NULL,
  event bigint NOT NULL REFERENCES events,
  initial bigint REFERENCES blobs,        -- the weights of round 0
  initial_loss double precision,          -- of those on the hold-out
  initial_accuracy double precision,
  initial_rows bigint,
  PRIMARY KEY (model, version)
);

CREATE TABLE schedules (
  model slug PRIMARY KEY REFERENCES models,
  every bigint NOT NULL CHECK (every >= 0),
  rounds bigint NOT NULL CHECK (rounds >= 1),
  target text,                            -- a decimal
  created_at timestamptz NOT NULL DEFAULT now()
);

-- ---- people ----

CREATE TABLE participants (
  id bytes32 PRIMARY KEY,
  organisation bytes16 NOT NULL,
  name text NOT NULL,
  salt bytes16 NOT NULL,
  enroll bigint NOT NULL REFERENCES events,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE invites (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code bytes16,                           -- erased when used
  organisation bytes16 NOT NULL,
  model slug NOT NULL REFERENCES models,
  admit boolean NOT NULL,
  expires_at timestamptz NOT NULL,
  used_by bytes32 REFERENCES participants,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((code IS NULL) = (used_by IS NOT NULL))
);
CREATE INDEX invites_open ON invites (organisation) WHERE code IS NOT NULL;

CREATE TABLE admissions (
  model slug NOT NULL REFERENCES models,
  participant bytes32 NOT NULL REFERENCES participants,
  status text NOT NULL CHECK (status IN ('admitted', 'suspended')),
  event bigint NOT NULL REFERENCES events,  -- the newest admit or suspend
  PRIMARY KEY (model, participant)
);
CREATE INDEX admissions_of_participant ON admissions (participant);

-- ---- rounds ----

CREATE TABLE rounds (
  ctx bytes32 PRIMARY KEY,
  model slug NOT NULL REFERENCES models,
  version bigint NOT NULL,
  round bigint NOT NULL CHECK (round >= 1),
  attempt bigint NOT NULL CHECK (attempt BETWEEN 1 AND 16),
  phase text NOT NULL CHECK (phase IN ('join', 'roster', 'share', 'upload', 'survivors',
                                       'unmask', 'final', 'done', 'failed')),
  opened_at timestamptz NOT NULL DEFAULT now(),
  deadline timestamptz,
  ended_at timestamptz,
  open bytea NOT NULL,                    -- the event, canonical with sig
  minimum bigint NOT NULL,
  maximum bigint NOT NULL,
  length bigint NOT NULL,                 -- of a masked vector, in bytes
  chunks bigint NOT NULL,
  base bigint NOT NULL REFERENCES blobs,
  base_state bigint REFERENCES blobs,
  n bigint, k bigint, t bigint,
  joins_root bytes32,
  roster_hash bytes32,
  graph_hash bytes32,
  beacon bytes32,
  u1 bytea, sharers_hash bytes32,
  u2 bytea, survivors_hash bytes32,
  joins_doc bigint REFERENCES blobs,
  shares_doc bigint REFERENCES blobs,
  updates_doc bigint REFERENCES blobs,
  unmasks_doc bigint REFERENCES blobs,
  sum bigint REFERENCES blobs,
  weights bigint REFERENCES blobs,
  state bigint REFERENCES blobs,
  result_hash bytes32,
  weights_sha256 bytes32,
  state_sha256 bytes32,
  count bigint,
  totals text,                            -- JSON: the tail of the sum
  loss double precision,                  -- of the base model, on the participants' rows
  accuracy double precision,
  failure text,
  holdout_loss double precision,
  holdout_accuracy double precision,
  holdout_rows bigint,
  UNIQUE (model, round, attempt),
  CHECK ((phase = 'failed') = (failure IS NOT NULL)),
  CHECK ((phase IN ('done', 'failed')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX rounds_one_open ON rounds (model) WHERE phase NOT IN ('done', 'failed');
CREATE UNIQUE INDEX rounds_one_result ON rounds (model, round) WHERE phase = 'done';
CREATE INDEX rounds_running ON rounds (phase) WHERE phase NOT IN ('done', 'failed');

-- A round's row as the program reads it, times in seconds.
CREATE VIEW round_view AS
SELECT ctx, model::text AS model, version, round, attempt, phase,
       extract(epoch FROM opened_at)::float8 AS opened_at,
       extract(epoch FROM deadline)::float8 AS deadline_at,
       extract(epoch FROM ended_at)::float8 AS ended_at,
       extract(epoch FROM clock_timestamp())::float8 AS now_at,
       open, minimum, maximum, length, chunks, base, base_state, n, joins_root, roster_hash,
       graph_hash, beacon, u1, sharers_hash, u2, survivors_hash, joins_doc, shares_doc,
       updates_doc, unmasks_doc, sum, failure
FROM rounds;

CREATE TABLE joins (
  ctx bytes32 NOT NULL REFERENCES rounds,
  participant bytes32 NOT NULL,
  organisation bytes16 NOT NULL,
  mask_key bytes32 NOT NULL,
  share_key bytes32 NOT NULL,
  self_key bytes32 NOT NULL,
  event bigint NOT NULL,
  admit bigint NOT NULL,                  -- the admission it joined under
  member bigint,                          -- the roster index, once there is one
  PRIMARY KEY (ctx, participant),
  CONSTRAINT joins_one_organisation UNIQUE (ctx, organisation),
  CONSTRAINT joins_member UNIQUE (ctx, member)
);

-- All points of a round are distinct, whoever sent them.
CREATE TABLE join_points (
  ctx bytes32 NOT NULL,
  point bytes32 NOT NULL,
  CONSTRAINT join_points_distinct PRIMARY KEY (ctx, point)
);

CREATE TABLE shares (
  ctx bytes32 NOT NULL REFERENCES rounds,
  member bigint NOT NULL,
  event bigint NOT NULL,
  deals bytea NOT NULL,                   -- k of 168 bytes
  leaves bytea NOT NULL,                  -- k leaf hashes of 32 bytes
  PRIMARY KEY (ctx, member)
);
ALTER TABLE shares ALTER COLUMN deals SET STORAGE EXTERNAL;
ALTER TABLE shares ALTER COLUMN leaves SET STORAGE EXTERNAL;

CREATE TABLE updates (
  ctx bytes32 NOT NULL REFERENCES rounds,
  member bigint NOT NULL,
  event bigint NOT NULL,
  leaves bytea NOT NULL,                  -- one leaf hash of 32 bytes per chunk
  blob bigint NOT NULL REFERENCES blobs,
  received bigint NOT NULL DEFAULT 0,
  complete boolean NOT NULL DEFAULT false,
  receipt bytea,                          -- of completion
  PRIMARY KEY (ctx, member),
  CHECK (complete = (receipt IS NOT NULL))
);
ALTER TABLE updates ALTER COLUMN leaves SET STORAGE EXTERNAL;

CREATE TABLE unmasks (
  ctx bytes32 NOT NULL REFERENCES rounds,
  member bigint NOT NULL,
  event bigint NOT NULL,
  nulls bytea NOT NULL,                   -- le32 of each neighbour it gave no share for
  PRIMARY KEY (ctx, member)
);

-- Who was found out, and by which event.
CREATE TABLE convictions (
  ctx bytes32 NOT NULL REFERENCES rounds,
  participant bytes32 NOT NULL,
  event bytes32 NOT NULL,
  reason text NOT NULL CHECK (reason IN ('bad-box', 'false-complaint', 'bad-share')),
  PRIMARY KEY (ctx, participant, event, reason)
);

-- The recovered mask keys, 33 bytes each, while the sum is made; deleted with the result.
CREATE TABLE round_masks (
  ctx bytes32 PRIMARY KEY REFERENCES rounds,
  masks bytea NOT NULL
);
ALTER TABLE round_masks ALTER COLUMN masks SET STORAGE EXTERNAL;

-- ---- work ----

CREATE TABLE jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  model slug,
  ctx bytes32,
  part bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'claimed', 'done', 'dead')),
  attempts bigint NOT NULL DEFAULT 0,
  not_before timestamptz NOT NULL DEFAULT now(),
  claimed_by bytes16,
  claimed_at timestamptz,
  claimed_until timestamptz
);
CREATE UNIQUE INDEX jobs_once ON jobs (kind, model, ctx, part) NULLS NOT DISTINCT
  WHERE state IN ('ready', 'claimed');
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('ready', 'claimed');
CREATE INDEX jobs_of_round ON jobs (ctx, kind);
