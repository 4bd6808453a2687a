-- SPDX-License-Identifier: Apache-2.0
-- What administrators and their programs use: drafts, webhooks, repeated requests.

-- Descriptions of models that nobody but those who write them has seen yet.
CREATE TABLE drafts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  content text NOT NULL, -- JSON, as the page keeps it
  revision bigint NOT NULL DEFAULT 1,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- ---- webhooks ----

-- Addresses that are told what happens.
CREATE TABLE webhooks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  url text NOT NULL,
  events text[] NOT NULL,
  model slug REFERENCES models,  -- null: all
  secret bytea NOT NULL,         -- sealed with a key that follows from the coordinator's
  active boolean NOT NULL DEFAULT true,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  claimed_by bytea,              -- one process sends to it, one message at a time
  claimed_until timestamptz
);

-- What is to be sent, written with what it tells. The body never changes: every attempt
-- sends the same bytes under the same message id.
CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  webhook bigint NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  message text NOT NULL UNIQUE DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
  event text NOT NULL,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
  attempts bigint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  status bigint,                 -- HTTP, of the newest attempt that had an answer
  reason text,                   -- why the newest attempt failed
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook, next_at)
  WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at)
  WHERE ended_at IS NOT NULL;

-- When a phase is due: its time is nearly over.
CREATE TABLE webhook_due (
  ctx bytes32 PRIMARY KEY REFERENCES rounds,
  phase text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX webhook_due_at ON webhook_due (at);

CREATE FUNCTION webhook_body(told text, data jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('type', told, 'timestamp',
    to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'data', data)::text
$$;

CREATE FUNCTION webhook_tell(told text, about text, data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_deliveries (webhook, event, body)
  SELECT w.id, told, webhook_body(told, data) FROM webhooks w
  WHERE w.active AND told = ANY (w.events) AND (w.model IS NULL OR w.model = about);
  IF FOUND THEN
    PERFORM pg_notify('chorus', 'webhooks');
  END IF;
END $$;

-- What messages say of a round.
CREATE FUNCTION webhook_round(r rounds) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('ctx', encode(r.ctx, 'hex'), 'model', r.model, 'round', r.round,
    'attempt', r.attempt, 'phase', r.phase,
    'deadline_at', extract(epoch FROM r.deadline)::float8)
$$;

-- A phase is due when a quarter of its time is left, and at most an hour.
CREATE FUNCTION webhook_of_round() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM webhook_tell('round.opened', NEW.model, webhook_round(NEW)
      || jsonb_build_object('minimum', NEW.minimum, 'maximum', NEW.maximum));
  ELSIF NEW.phase = OLD.phase THEN
    RETURN NULL;
  ELSIF NEW.phase = 'done' THEN
    PERFORM webhook_tell('round.result', NEW.model, webhook_round(NEW)
      || jsonb_build_object('count', NEW.count, 'weights', encode(NEW.weights_sha256, 'hex'),
           'loss', NEW.loss, 'accuracy', NEW.accuracy));
  ELSIF NEW.phase = 'failed' THEN
    PERFORM webhook_tell('round.failed', NEW.model, webhook_round(NEW)
      || jsonb_build_object('reason', NEW.failure, 'failed_in', OLD.phase));
  END IF;
  IF NEW.deadline IS NULL THEN
    DELETE FROM webhook_due WHERE ctx = NEW.ctx;
  ELSE
    INSERT INTO webhook_due VALUES (NEW.ctx, NEW.phase, NEW.deadline
      - least(interval '1 hour', (NEW.deadline - clock_timestamp()) / 4))
    ON CONFLICT (ctx) DO UPDATE SET phase = excluded.phase, at = excluded.at;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER rounds_webhooks AFTER INSERT OR UPDATE OF phase ON rounds
  FOR EACH ROW EXECUTE FUNCTION webhook_of_round();

-- Payments that are final, and what a person has to look at.
CREATE FUNCTION webhook_of_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  told text := CASE WHEN NEW.state IN ('held', 'refused') THEN 'payout.held'
                    ELSE 'payout.final' END;
BEGIN
  PERFORM webhook_tell(told, NEW.model, jsonb_build_object('id', NEW.id, 'kind', NEW.kind,
    'model', NEW.model, 'round', r.round, 'part', NEW.part, 'state', NEW.state,
    'reason', NEW.reason, 'tx', '0x' || encode(NEW.hash, 'hex'), 'block', NEW.block))
  FROM (SELECT (SELECT round FROM rounds WHERE ctx = NEW.ctx)) r (round);
  RETURN NULL;
END $$;
CREATE TRIGGER chain_txs_webhooks AFTER UPDATE OF state ON chain_txs FOR EACH ROW
  WHEN (NEW.state <> OLD.state
        AND (NEW.state IN ('held', 'refused') OR (NEW.state = 'final' AND NEW.kind = 'pay')))
  EXECUTE FUNCTION webhook_of_payout();

-- ---- requests that may come twice ----

-- Answers that are given again, for a day. Without the key that the caller keeps, neither
-- the database nor whoever has the coordinator's key can read them.
CREATE TABLE replays (
  caller text NOT NULL,
  key bytes32 NOT NULL,          -- SHA-256 of Idempotency-Key
  request bytes32 NOT NULL,      -- of method, address and body
  status bigint NOT NULL,
  etag text NOT NULL,
  answer bytea NOT NULL,         -- JSON, sealed
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, key)
);
CREATE INDEX replays_created ON replays (created_at);
