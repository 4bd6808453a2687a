#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dependencies point one way: util <- core <- {model, ledger, chain, db} <- server; clients
# see ledger, chain, core, model and util. Fails, with file and line, on an #include that goes another way.
#
#   layers.sh [ROOT]       check the tree at ROOT (this checkout)
#   layers.sh --self-test  plant bad includes and see that each one is found
set -euo pipefail

allowed() {
  case $1 in
  util) echo util ;;
  core) echo core util ;;
  model | ledger | chain | db) echo "$1" core util ;;
  clients) echo clients chain ledger core model util ;;
  server) echo server db chain ledger model core util ;;
  *) return 1 ;;
  esac
}

# The layer that a path relative to the root belongs to, or nothing.
layer_of() {
  local path=$1 first
  path=${path#src/}
  first=${path%%/*}
  case $first in
  util | core | model | ledger | chain | db) [[ $path != "$1" ]] && echo "$first" ;;
  server | clients | tests | bench) [[ $path == "$1" ]] && echo "$first" ;;
  esac
  return 0
}

# a/b/../c -> a/c
normal() {
  local part out=()
  local IFS=/
  for part in $1; do
    case $part in
    '' | .) ;;
    ..) ((${#out[@]} == 0)) || unset 'out[-1]' ;;
    *) out+=("$part") ;;
    esac
  done
  printf '%s\n' "${out[*]-}"
}

# What an #include names: beside the file, under src/ (our -I), or from the root. A header
# that is made during the build exists nowhere here, but its first folder says its layer.
target_of() {
  local file=$1 name=$2 path
  for path in "${file%/*}/$name" "src/$name" "$name"; do
    path=$(normal "$path")
    if [[ -e $path ]]; then
      layer_of "$path"
      return
    fi
  done
  path=$(normal "src/$name")
  [[ $name != */* ]] || layer_of "$path"
  [[ $name != */* ]] || layer_of "$name"
}

check_tree() {
  local file line text name from to list bad=0 seen=0
  local re='^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]([^">]+)[">]'
  cd "$1"
  while IFS= read -r -d '' file; do
    from=$(layer_of "$file")
    list=$(allowed "$from") || continue
    while IFS=: read -r line text; do
      [[ $text =~ $re ]] || continue
      name=${BASH_REMATCH[1]}
      seen=$((seen + 1))
      to=$(target_of "$file" "$name" | head -n 1)
      [[ -n $to && " $list " != *" $to "* ]] || continue
      printf '%s:%s: %s may not include %s ("%s"); it sees: %s\n' \
        "$file" "$line" "$from" "$to" "$name" "$list"
      bad=1
    done < <(grep -nE "$re" "$file" || true)
  done < <(find src server clients -name '*.[ch]' -print0 2>/dev/null | sort -z)
  if ((seen == 0)); then
    echo "no #include was found under $1: this is not the source tree"
    return 1
  fi
  ((bad)) || echo "$seen includes, every one in the right direction"
  return "$bad"
}

tree=''

# plant FILE LINE-OF-CODE...
plant() {
  mkdir -p "$tree/${1%/*}"
  printf '%s\n' "${@:2}" >"$tree/$1"
}

# must_find FILE CODE: planted on line 2 of FILE, CODE is reported there, and alone.
must_find() {
  local said
  plant "$1" '/* planted */' "$2"
  if said=$(check_tree "$tree"); then
    echo "not found: $1: $2"
    exit 1
  fi
  if [[ $said != "$1:2: "* || $(wc -l <<<"$said") -ne 1 ]]; then
    printf 'wrong report for %s: %s\n%s\n' "$1" "$2" "$said"
    exit 1
  fi
  rm "$tree/$1"
}

self_test() {
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  local layer
  for layer in util core model ledger chain db; do
    plant "src/$layer/$layer.h" '#include <stdlib.h>' '#include "config.h"'
  done
  plant src/core/good.c '#include "core/core.h"' '#include "util/util.h"' '#include "core.h"'
  plant server/server.h '#include "db/db.h"' '#include "db/made.h"' '#include "chain/chain.h"'
  plant server/good.c '#include "server.h"' '#include "model/model.h"'
  plant clients/cli/cli.h '#include "core/core.h"' '#include "model/model.h"'
  plant clients/cli/good.c '#include "cli.h"' '# include "../cli/cli.h"' \
    '#include "../../src/ledger/ledger.h"'
  plant tests/unit/free.c '#include "db/db.h"' '#include "../../server/server.h"'
  check_tree "$tree" >/dev/null || {
    echo "a good tree was refused:"
    check_tree "$tree"
    exit 1
  }
  must_find src/util/bad.c '#include "core/core.h"'
  must_find src/util/bad.h '  #  include <core/core.h>'
  must_find src/core/bad.c '#include "model/model.h" /* why */'
  must_find src/core/bad.c '#include "../db/db.h"'
  must_find src/core/bad.c '#include "../../server/server.h"'
  must_find src/model/bad.c '#include "db/db.h"'
  must_find src/db/bad.c '#include "ledger/ledger.h"'
  must_find src/chain/bad.c '#include "server/server.h"'
  must_find src/ledger/bad.c '#include "db/made.h"'
  must_find server/bad.c '#include "../clients/cli/cli.h"'
  must_find clients/cli/bad.c '#include "db/db.h"'
  must_find clients/bad.c '#include "../server/server.h"'
  must_find src/core/bad.c '#include "../../tests/unit/free.c"'
  rm -r "$tree/src" "$tree/server" "$tree/clients"
  ! check_tree "$tree" >/dev/null || {
    echo "an empty tree was accepted"
    exit 1
  }
  echo "every planted include was found"
}

case ${1-} in
--self-test) self_test ;;
*) check_tree "${1:-$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/..}" ;;
esac
