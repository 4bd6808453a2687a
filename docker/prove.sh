#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves the image without an engine: the scripts that docker/Dockerfile runs, in fresh Debian roots made by
# debootstrap; then PostgreSQL, `chorusd init`, two replicas as an unprivileged user on a read-only root, the
# pages, a backup restored beside them, and an orderly end. Needs root; ends by itself.
#   docker/prove.sh [FOLDER]    where the roots stand (default: var/image), about 3 GB
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
work=$(mkdir -p "${1:-var/image}" && cd "${1:-var/image}" && pwd)
build=$work/build run=$work/run
user=10001
pids=()

say() { printf '%s\n' "$*"; }
die() {
  printf 'prove.sh: %s\n' "$*" >&2
  exit 1
}

# Only what is mounted below our own folder, the innermost first.
unmount() {
  local at
  while IFS= read -r at; do umount -l "$at" || true; done \
    < <(awk -v w="$work/" 'index($2, w) == 1 { print $2 }' /proc/mounts | sort -r)
}

finish() {
  local status=$? pid
  trap - EXIT
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  unmount
  [[ -z ${socket-} ]] || ./dev pg stop image
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

((EUID == 0)) || die "needs root, to make a Debian root and to enter it"
command -v debootstrap >/dev/null || die "debootstrap is missing: ./dev deps"

unmount # of a run that was killed

# The mirror that this machine uses, and how it gets there.
# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
[[ $mirror ]] || die "apt knows no mirror"

like_this_machine() {
  local root=$1
  cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
  rm -f "$root"/etc/apt/apt.conf.d/*autoremove*
  printf 'deb %s bookworm main\n' "${mirror%/}" >"$root/etc/apt/sources.list"
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/trusted-here.crt"
  [[ ! -f ~/.npmrc ]] || cp ~/.npmrc "$root/root/.npmrc"
}

fresh_root() {
  rm -rf --one-file-system "$1"
  debootstrap --variant=minbase bookworm "$1" "$mirror" >"$1.log" 2>&1 || {
    tail "$1.log"
    die "debootstrap failed"
  }
  like_this_machine "$1"
  mount -t proc proc "$1/proc"
}

inside() {
  local root=$1
  shift
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    NODE_EXTRA_CA_CERTS=/etc/trusted-here.crt "$@"
}

# ---- what the stage `build` does ----

say "build root"
fresh_root "$build"
mkdir -p "$build/source"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
  tar --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -C "$build/source" -xf -
say "packages to build with"
inside "$build" sh /source/docker/install-packages.sh /source/docker/packages-build >"$work/packages-build.log" 2>&1 ||
  { tail "$work/packages-build.log" && die "packages-build"; }
say "compile, make the pages, install"
inside "$build" sh /source/docker/build.sh /image >"$work/build.log" 2>&1 ||
  { tail -n 30 "$work/build.log" && die "build.sh"; }

# ---- what the stage `chorus` does ----

say "run root"
fresh_root "$run"
cp docker/packages-run docker/install-packages.sh "$run/tmp/"
inside "$run" sh /tmp/install-packages.sh /tmp/packages-run >"$work/packages-run.log" 2>&1 ||
  { tail "$work/packages-run.log" && die "packages-run"; }
inside "$run" groupadd --gid $user chorus
inside "$run" useradd --uid $user --gid $user --no-create-home --home-dir /nonexistent \
  --shell /usr/sbin/nologin chorus
cp -a "$build/image/." "$run/"
mkdir -p "$run/var/lib/chorus" "$run/etc/chorus" "$run/run/database"

# ---- a database, a configuration, a root that nobody can write to ----

socket=$(./dev pg start image --fast | sed -n 's/.*host=//p')
[[ $socket ]] || die "no PostgreSQL"
for name in chorus restored; do # of a run before
  psql -Xqc "DROP DATABASE IF EXISTS $name WITH (FORCE)" "host=$socket user=chorus dbname=postgres"
done
psql -Xqc 'CREATE DATABASE chorus' "host=$socket user=chorus dbname=postgres"
chmod 0755 "$socket" && chmod 0777 "$socket"/.s.PGSQL.* # a database of nobody's data
cat >"$run/etc/chorus/chorusd.conf" <<END
db = host=/run/database user=chorus dbname=chorus
key = /var/lib/chorus/key
origin = image.localhost/log
listen = 127.0.0.1
port = 0
END
state=$work/state # the volume
rm -rf "$state"
install -d -o $user -g $user "$state"
umount "$run/proc"
mount --bind "$run" "$run"
mount -o remount,ro,bind "$run"
mount -t proc proc "$run/proc"
mount --bind "$state" "$run/var/lib/chorus"
mount --bind "$socket" "$run/run/database"

unprivileged() {
  chroot --userspec=$user:$user "$run" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "$@"
}

! unprivileged touch /etc/x 2>/dev/null || die "the root can be written to"
unprivileged chorusd init --config /etc/chorus/chorusd.conf
unprivileged chorusd init --config /etc/chorus/chorusd.conf # again: nothing happens

# start LOG CONNINFO…: a replica; its address is printed.
start() {
  local log=$1 try address
  shift
  setpriv --pdeathsig TERM chroot --userspec=$user:$user "$run" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 \
    chorusd serve --config /etc/chorus/chorusd.conf "$@" >"$log" 2>&1 &
  pids+=($!)
  for try in {1..100}; do
    address=$(sed -n 's/^listening on //p' "$log" | head -n 1)
    [[ -z $address ]] || break
    ((try < 100)) || { cat "$log" && die "chorusd does not listen"; }
    sleep 0.1
  done
  started=$address
}

answers() { curl --silent --show-error --fail --max-time 5 "$1" || die "no answer from $1"; }

start "$work/replica-1.log"
one=$started
start "$work/replica-2.log"
two=$started
for at in "$one" "$two"; do
  answers "$at/api/v1/ready" | grep -q '"ready"' || die "$at is not ready"
  answers "$at/" | grep -q '<div id="app">' || die "$at has no pages"
done
token=$(unprivileged chorusd admin create prove --config /etc/chorus/chorusd.conf | tail -n 1)
curl --silent --fail --max-time 5 -H "Authorization: Bearer ${token##* }" -H 'Content-Type: application/json' \
  -d '{"model":"iris","spec":'"$(cat tests/data/iris.spec.json)"'}' "$one/api/v1/models" >/dev/null ||
  die "no model can be made"
answers "$two/api/v1/models/iris" | grep -q '"iris"' || die "the other replica does not know it"

# ---- a backup, restored under another name, holds the same and goes on ----

say "backup and restore"
docker/backup.sh "host=$socket user=chorus dbname=chorus" "$state/key" "$work/backup"
psql -Xqc 'CREATE DATABASE restored' "host=$socket user=chorus dbname=chorus"
docker/restore.sh "$work/backup" "host=$socket user=chorus dbname=restored" >/dev/null
start "$work/restored.log" --db 'host=/run/database user=chorus dbname=restored' --head-file /var/lib/chorus/restored.head
answers "$started/api/v1/models/iris" | grep -q '"iris"' || die "the restored database lost the model"
[[ $(answers "$started/api/v1/instance" | jq -S .instance) == $(answers "$one/api/v1/instance" | jq -S .instance) ]] ||
  die "the restored database is another instance"

# ---- the end ----

for pid in "${pids[@]}"; do kill "$pid"; done
for pid in "${pids[@]}"; do wait "$pid" || die "chorusd left with $?"; done
pids=()
du -shx "$run" | awk '{ print "size of the image, about " $1 }'
say "1 passed, 0 failed"
