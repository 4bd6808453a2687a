#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `make dist` packs holds every file that git holds, and builds by itself.
#   tests/release.sh BUILD
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

make -C "$1" dist
tar -xJf "$1"/chorus-*.tar.xz -C "$room" --strip-components=1
rm "$1"/chorus-*.tar.xz
git ls-files | while IFS= read -r file; do
  cmp "$file" "$room/$file"
done
mkdir "$room/build"
cd "$room/build"
../configure
make -j "$(nproc)"
./chorus --help >/dev/null
./chorusd routes >/dev/null
