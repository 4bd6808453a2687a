-- SPDX-License-Identifier: Apache-2.0
-- The instance event, once.

-- name: instance_find :maybe
SELECT event, hash, extract(epoch FROM clock_timestamp())::float8 FROM instance

-- name: instance_create :exec
INSERT INTO instance (event, hash) VALUES ($1, $2)
