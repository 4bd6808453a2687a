#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the secrets of compose.yml in docker/secrets, once; what is there already stays.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in database-password grafana-password; do
  [ -s "secrets/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"secrets/$name"
done
[ -s secrets/pgpass ] || printf 'database:5432:chorus:chorus:%s\n' "$(cat secrets/database-password)" >secrets/pgpass
