#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the sources of this folder's parent, the pages and the contracts, and installs all of it
# below $1: what the image is made of.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
build=$source/build-image
npm --prefix "$source/static" ci --no-audit --no-fund
npm --prefix "$source/contracts" ci --no-audit --no-fund --omit=dev --omit=optional
(cd "$source" && autoreconf -fi)
mkdir -p "$build"
cd "$build"
../configure --prefix=/usr --enable-werror CFLAGS='-O2 -g'
make -j"$(nproc)"
make dashboard contracts
make install-strip DESTDIR="$1"
