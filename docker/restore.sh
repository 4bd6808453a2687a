#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Restores a backup into an empty database: restore.sh FOLDER CONNINFO. Before you serve it, compare its log with
# what participants and witnesses have seen (docs/operations.md): a shorter one must never be served.
set -eu
[ $# -eq 2 ] || { echo "usage: restore.sh FOLDER CONNINFO" >&2 && exit 2; }
tables=$(psql -XqAtc "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace" "$2")
[ "$tables" = 0 ] || { echo "restore.sh: the database is not empty; nothing was changed" >&2 && exit 1; }
pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname="$2" "$1/database.dump"
echo "restored; its log has $(psql -XqAtc 'SELECT size FROM log_head' "$2") entries"
