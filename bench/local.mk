# SPDX-License-Identifier: Apache-2.0
# What ./dev bench runs: programs in bench/, each printing its figures, and scripts that
# measure a chorusd.
noinst_PROGRAMS += bench/core
bench_core_SOURCES = bench/core.c
bench_core_LDADD = $(CORE_LIBS)

noinst_PROGRAMS += bench/audit
bench_audit_SOURCES = bench/audit.c
bench_audit_LDADD = $(CLIENT_LIBS)

# What bench/pages.py measures chorusd against; not in bench/, where each program is a measurement.
noinst_PROGRAMS += empty_http
empty_http_SOURCES = bench/empty.c
empty_http_CFLAGS = $(AM_CFLAGS) $(MHD_CFLAGS)
empty_http_LDADD = $(MHD_LIBS)
