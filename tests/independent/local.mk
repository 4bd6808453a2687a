# SPDX-License-Identifier: Apache-2.0
# A verifier of logs that has nothing of ours in it, in Go, and logs for it. Without Go it
# is not built. Modules come from wherever `go` takes them; go.sum says which bytes.
check_PROGRAMS += make_log
make_log_SOURCES = tests/independent/make_log.c
make_log_LDADD = $(LEDGER_LIBS)

INDEPENDENT_SOURCES = tests/independent/go.mod tests/independent/go.sum \
  tests/independent/main.go
INDEPENDENT_CACHE = $(abs_srcdir)/var/go
independent: $(INDEPENDENT_SOURCES)
	$(AM_V_GEN)cd $(srcdir)/tests/independent && env GOPATH='$(INDEPENDENT_CACHE)' \
	  GOMODCACHE='$(INDEPENDENT_CACHE)/mod' GOCACHE='$(INDEPENDENT_CACHE)/cache' \
	  GOFLAGS='-mod=readonly -modcacherw -buildvcs=false' GOTOOLCHAIN=local GOWORK=off \
	  CGO_ENABLED=0 $(GO) build -o '$(abs_builddir)/independent' .
if HAVE_GO
check_DATA = independent
endif
CLEANFILES += independent
