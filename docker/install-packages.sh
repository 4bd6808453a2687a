#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that a file names, one a line, and leaves no lists behind.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
xargs apt-get install -y -q --no-install-recommends <"$1"
rm -rf /var/lib/apt/lists/*
