#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A backup of an instance while it runs: backup.sh CONNINFO KEYFILE FOLDER. The database goes to
# FOLDER/database.dump; the key, without which nothing can be signed any more, to FOLDER/key: keep that one
# apart, and where only you can read it.
set -eu
umask 077
[ $# -eq 3 ] || { echo "usage: backup.sh CONNINFO KEYFILE FOLDER" >&2 && exit 2; }
mkdir -p "$3"
pg_dump --format=custom --no-owner --no-privileges --file="$3/database.dump.new" "$1"
pg_restore --list "$3/database.dump.new" >/dev/null # can be read to its end
mv "$3/database.dump.new" "$3/database.dump"
cp "$2" "$3/key.new" && mv "$3/key.new" "$3/key"
psql -XqAtc 'SELECT size FROM log_head' "$1" >"$3/log-size"
echo "kept: $(wc -c <"$3/database.dump") bytes; the log had at least $(cat "$3/log-size") entries"
