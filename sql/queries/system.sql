-- SPDX-License-Identifier: Apache-2.0
-- How the instance is: its processes, its work, what it stores.

-- ---- replicas ----

-- name: replica_beat :exec
INSERT INTO replicas (id, name, version) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()

-- name: replica_gone :exec
DELETE FROM replicas WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 day'

-- name: replica_list :many
SELECT name, version, extract(epoch FROM started_at)::float8,
       extract(epoch FROM seen_at)::float8
FROM replicas ORDER BY started_at, id LIMIT 200

-- ---- figures ----

-- name: system_jobs :many
SELECT kind, count(*) FILTER (WHERE state = 'ready'),
       count(*) FILTER (WHERE state = 'claimed'),
       extract(epoch FROM min(not_before) FILTER (WHERE state = 'ready'))::float8
FROM jobs WHERE state IN ('ready', 'claimed') GROUP BY kind ORDER BY kind

-- name: system_storage :one
SELECT pg_database_size(current_database()), pg_total_relation_size('blob_chunks'),
       (SELECT size FROM log_head), (SELECT count(*) FROM log_tiles),
       (SELECT count(*) FROM log_pending),
       (SELECT max(number)::bigint FROM schema_migrations),
       extract(epoch FROM clock_timestamp())::float8

-- name: system_retention :many
SELECT ctx, model::text, round, extract(epoch FROM vectors_until)::float8
FROM rounds WHERE vectors_until IS NOT NULL AND NOT vectors_erased
ORDER BY vectors_until, ctx LIMIT 100

-- name: system_chain :one
SELECT latest, finalized, extract(epoch FROM seen_at)::float8, balance::text FROM chain_head

-- name: system_rounds :many
SELECT phase, count(*) FROM rounds GROUP BY phase

-- name: system_outbox :many
SELECT kind, state, count(*) FROM chain_txs GROUP BY kind, state

-- name: system_people :one
SELECT (SELECT count(*) FROM participants), (SELECT count(*) FROM models),
       (SELECT count(*) FROM replicas WHERE seen_at > clock_timestamp() - interval '30 seconds')
