# SPDX-License-Identifier: Apache-2.0
# contracts: Solidity. `make contracts` compiles them into contracts/NAME.json; it needs Node.js
# and the packages of contracts/package-lock.json (npm ci), and nothing else here needs it.
contract_sources = contracts/src/ChorusGovernor.sol contracts/src/ChorusRegistry.sol \
  contracts/src/ChorusVault.sol contracts/src/ChorusVoice.sol contracts/src/IChorus.sol

contracts: contracts/ChorusRegistry.json
contracts/ChorusRegistry.json: $(contract_sources) contracts/test/TestToken.sol \
  contracts/build.mjs contracts/package-lock.json
	node $(srcdir)/contracts/build.mjs contracts
	@touch $@
.PHONY: contracts

contract_names = ChorusGovernor ChorusRegistry ChorusVault ChorusVoice TimelockController
CLEANFILES += $(contract_names:%=contracts/%.json) contracts/TestToken.json

contractsdir = $(pkgdatadir)/contracts
install-data-local:
	@for name in $(contract_names); do \
	  test ! -f contracts/$$name.json || { $(MKDIR_P) '$(DESTDIR)$(contractsdir)' && \
	    $(INSTALL_DATA) contracts/$$name.json '$(DESTDIR)$(contractsdir)'; } || exit 1; \
	done
uninstall-local:
	rm -rf '$(DESTDIR)$(contractsdir)'
