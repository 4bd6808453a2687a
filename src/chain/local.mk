# SPDX-License-Identifier: Apache-2.0
# chain: Ethereum, as much of it as the service needs. Sees util and core only.
noinst_LIBRARIES += libchain.a
libchain_a_SOURCES = \
  src/chain/abi.c src/chain/abi_revert.c src/chain/abi.h \
  src/chain/anchors.c src/chain/payouts.c src/chain/reading.c src/chain/contracts.h \
  src/chain/claims.c src/chain/claims.h \
  src/chain/eth.c src/chain/keccak.c src/chain/eth.h \
  src/chain/gas.c src/chain/gas.h \
  src/chain/governor.c src/chain/governor.h \
  src/chain/key.c src/chain/key.h \
  src/chain/keystore.c src/chain/keystore.h \
  src/chain/rpc.c src/chain/rpc_calls.c src/chain/rpc.h src/chain/rpc_internal.h \
  src/chain/rpc_reply.c src/chain/rpc_reply.h \
  src/chain/settlement.c src/chain/settlement.h \
  src/chain/tree.c src/chain/tree.h \
  src/chain/tx.c src/chain/tx.h
libchain_a_CFLAGS = $(AM_CFLAGS) $(SECP256K1_CFLAGS) $(CURL_CFLAGS)
CHAIN_LIBS = libchain.a $(CORE_LIBS) $(SECP256K1_LIBS) $(CURL_LIBS)
nodist_libchain_a_SOURCES = src/chain/gas_table.h

# what docs/chain.md says of gas
src/chain/gas_table.h: $(srcdir)/docs/chain.md $(srcdir)/src/chain/gas.awk
	$(AM_V_GEN)$(MKDIR_P) src/chain && $(AWK) -f $(srcdir)/src/chain/gas.awk \
	  $(srcdir)/docs/chain.md > $@.tmp && mv $@.tmp $@
BUILT_SOURCES += src/chain/gas_table.h
CLEANFILES += src/chain/gas_table.h
$(libchain_a_OBJECTS): src/chain/gas_table.h
