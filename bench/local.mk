# SPDX-License-Identifier: Apache-2.0
# What ./dev bench runs: programs in bench/, each printing its figures, and scripts that
# measure a chorusd.
noinst_PROGRAMS += bench/core
bench_core_SOURCES = bench/core.c
bench_core_LDADD = $(CORE_LIBS)
EXTRA_DIST += bench/log.py

noinst_PROGRAMS += bench/audit
bench_audit_SOURCES = bench/audit.c
bench_audit_LDADD = $(CLIENT_LIBS)
