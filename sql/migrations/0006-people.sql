-- SPDX-License-Identifier: Apache-2.0
-- What members contributed, what they say about themselves, how they log in, and who may
-- see a model.

-- name_shown: whether everybody may read the name. login_time: of the newest signed request
-- for a link; an older one is none. seen_at: last in a round, or here.
ALTER TABLE participants
  ADD COLUMN name_shown boolean NOT NULL DEFAULT true,
  ADD COLUMN login_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN seen_at timestamptz;

-- members: not for the public, as far as this server shows it.
ALTER TABLE models ADD COLUMN visibility text NOT NULL DEFAULT 'public'
  CHECK (visibility IN ('public', 'members'));

-- The two rules of who sees what. staff: the caller runs the instance; scope: the only model
-- of its token; who: the participant that it is.
CREATE FUNCTION may_see(which models, staff boolean, scope text, who bytea) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT which.visibility = 'public' OR (staff AND coalesce(scope, which.slug) = which.slug)
         OR EXISTS (SELECT FROM admissions a WHERE a.model = which.slug
                    AND a.participant = who AND a.status = 'admitted')
$$;
-- privileged: for those who read hidden names too.
CREATE FUNCTION member_name(who participants, privileged boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN privileged OR who.name_shown THEN who.name END
$$;

-- ---- sessions of participants ----

ALTER TABLE sessions
  ALTER COLUMN owner DROP NOT NULL,
  ADD COLUMN participant bytes32 REFERENCES participants,
  ADD CHECK (num_nonnulls(owner, participant) = 1);
CREATE INDEX sessions_of_participant ON sessions (participant) WHERE participant IS NOT NULL;

-- Links that log a participant in, once.
CREATE TABLE login_links (
  hash bytes32 PRIMARY KEY,
  participant bytes32 NOT NULL REFERENCES participants,
  expires_at timestamptz NOT NULL
);

-- Challenges that a wallet has answered: none is good twice.
CREATE TABLE wallet_logins (
  nonce text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);

-- ---- contributions ----

-- One row for each member and attempt that came to a result, and for those who were missing
-- when an attempt failed for want of people. amount: the reward; samples: as declared.
CREATE TABLE contributions (
  participant bytes32 NOT NULL,
  ctx bytes32 NOT NULL REFERENCES rounds,
  model slug NOT NULL,
  ended_at timestamptz NOT NULL,
  counted boolean NOT NULL,               -- is part of the result
  samples bigint,
  amount numeric(78, 0),
  PRIMARY KEY (participant, ctx)
);
CREATE INDEX contributions_of_model ON contributions (model, ended_at);

-- Moves with every change that a leaderboard shows: of a model's contributions under its
-- name, of names and visibility under the empty one.
CREATE TABLE board_versions (
  model text PRIMARY KEY,
  version bigint NOT NULL
);

CREATE FUNCTION board_moved(which text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO board_versions AS b VALUES (which, 1)
  ON CONFLICT (model) DO UPDATE SET version = b.version + 1
$$;

CREATE FUNCTION contributions_of_result(ended rounds) RETURNS void LANGUAGE sql AS $$
  INSERT INTO contributions
  SELECT j.participant, ended.ctx, ended.model, ended.ended_at, c.counted,
         CASE WHEN c.counted
              THEN (convert_from(e.bytes, 'UTF8')::json ->> 'samples')::bigint END,
         w.amount
  FROM joins j
  CROSS JOIN LATERAL (
    SELECT coalesce(get_bit(ended.u2, j.member::int) = 1, false) AS counted) c
  LEFT JOIN updates u ON u.ctx = j.ctx AND u.member = j.member
  LEFT JOIN events e ON e.seq = u.event
  LEFT JOIN rewards w ON w.ctx = j.ctx AND w.member = j.member
  WHERE j.ctx = ended.ctx AND j.member IS NOT NULL
$$;

-- Of an attempt that failed in `phase`: who did not do there what was due.
CREATE FUNCTION contributions_of_failure(ended rounds, phase text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO contributions
  SELECT j.participant, ended.ctx, ended.model, ended.ended_at, false, NULL, NULL
  FROM joins j
  WHERE j.ctx = ended.ctx AND j.member IS NOT NULL AND ended.failure = 'below-threshold'
    AND (NOT EXISTS (SELECT FROM shares s WHERE s.ctx = j.ctx AND s.member = j.member)
         OR phase IN ('upload', 'survivors', 'unmask', 'final')
            AND NOT EXISTS (SELECT FROM updates u
                            WHERE u.ctx = j.ctx AND u.member = j.member AND u.complete)
         OR phase = 'unmask'
            AND NOT EXISTS (SELECT FROM unmasks m
                            WHERE m.ctx = j.ctx AND m.member = j.member))
    AND phase IN ('share', 'upload', 'survivors', 'unmask', 'final')
$$;

CREATE FUNCTION contributions_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.phase = 'done' THEN
    PERFORM contributions_of_result(NEW);
  ELSE
    PERFORM contributions_of_failure(NEW, OLD.phase);
  END IF;
  PERFORM board_moved(NEW.model);
  RETURN NULL;
END $$;
CREATE TRIGGER rounds_contributions AFTER UPDATE OF phase ON rounds FOR EACH ROW
  WHEN (NEW.phase IN ('done', 'failed') AND OLD.phase NOT IN ('done', 'failed'))
  EXECUTE FUNCTION contributions_count();

CREATE FUNCTION board_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM board_moved('');
  RETURN NULL;
END $$;
CREATE TRIGGER participants_board AFTER UPDATE OF name, name_shown ON participants
  FOR EACH ROW
  WHEN ((OLD.name, OLD.name_shown) IS DISTINCT FROM (NEW.name, NEW.name_shown))
  EXECUTE FUNCTION board_people();
CREATE TRIGGER models_board AFTER UPDATE OF visibility ON models FOR EACH ROW
  WHEN (OLD.visibility <> NEW.visibility) EXECUTE FUNCTION board_people();

-- What was contributed so far.
SELECT contributions_of_result(r) FROM rounds r WHERE r.phase = 'done';
