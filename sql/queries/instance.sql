-- SPDX-License-Identifier: Apache-2.0
-- The instance event, once.

-- name: instance_find :maybe
SELECT event, hash, extract(epoch FROM clock_timestamp())::float8 FROM instance

-- It is event 0 and so the first leaf of the log.
-- name: instance_create :exec
WITH kept AS (
  INSERT INTO instance (event, hash) VALUES ($1, $2)
), stored AS (
  INSERT INTO events (seq, type, hash, bytes) OVERRIDING SYSTEM VALUE
  VALUES (0, 'instance', $2, $1) RETURNING seq
)
INSERT INTO log_pending SELECT seq FROM stored
