-- SPDX-License-Identifier: Apache-2.0
-- Who administers: people, their sessions, links that let them in, and tokens.
-- Of everything that opens something only a hash is kept.

CREATE DOMAIN user_role AS text CHECK (VALUE IN ('viewer', 'operator', 'admin'));

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  actor bytes16 NOT NULL UNIQUE,          -- random: who it is in the public log
  role user_role NOT NULL,
  password text,                          -- Argon2id; null until a link was used
  totp bytea,                             -- the authenticator's secret, sealed
  totp_begun bytea,                       -- one that no code has confirmed yet
  totp_step bigint NOT NULL DEFAULT 0,    -- of the last code: none is good twice
  disabled boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recovery_codes (
  owner bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  hash bytes32 NOT NULL,
  PRIMARY KEY (owner, hash)
);

CREATE TABLE sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytes32 NOT NULL UNIQUE,           -- of what the cookie holds
  owner bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  address text NOT NULL,
  agent text NOT NULL
);
CREATE INDEX sessions_of_owner ON sessions (owner, id);

-- Links that set a password, once. Without an owner: that make the first administrator.
CREATE TABLE setup_links (
  hash bytes32 PRIMARY KEY,
  owner bigint REFERENCES users ON DELETE CASCADE,
  drop_totp boolean NOT NULL DEFAULT false,
  expires_at timestamptz NOT NULL
);

-- Failed logins, by a keyed hash of the name or of the address: a password that somebody
-- typed into the wrong field is not kept.
CREATE TABLE login_attempts (
  hash bytes32 PRIMARY KEY,
  failures bigint NOT NULL,
  last_at timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
CREATE INDEX login_attempts_old ON login_attempts (last_at);

-- Tokens of `chorusd admin create` have no owner and are good for everything, as before.
ALTER TABLE admin_tokens
  ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  ADD COLUMN owner bigint REFERENCES users ON DELETE CASCADE,
  ADD COLUMN actor bytes16 NOT NULL DEFAULT uuid_send(gen_random_uuid()),
  ADD COLUMN role user_role NOT NULL DEFAULT 'admin',
  ADD COLUMN model slug REFERENCES models,  -- good for this one only
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN used_at timestamptz;
CREATE INDEX admin_tokens_of_owner ON admin_tokens (owner) WHERE owner IS NOT NULL;
