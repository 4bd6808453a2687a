# SPDX-License-Identifier: Apache-2.0
# static: what runs in the browser. `make dashboard` makes what the server serves in pages/; it needs
# Node.js and the packages of static/package-lock.json (npm ci), and nothing else here needs it.

dashboard: pages/index.html
pages/index.html: FORCE
	@test -f $@ && test -z "`find $(srcdir)/static -name node_modules -prune -o -newer $@ -type f -print`" || \
	  node $(srcdir)/static/build.mjs pages
FORCE:
.PHONY: dashboard FORCE

pagesdir = $(pkgdatadir)/pages
install-data-hook:
	@test ! -f pages/index.html || { rm -rf '$(DESTDIR)$(pagesdir)' && \
	  $(MKDIR_P) '$(DESTDIR)$(pagesdir)' && cp -R pages/. '$(DESTDIR)$(pagesdir)'; }
uninstall-hook:
	rm -rf '$(DESTDIR)$(pagesdir)'
clean-local:
	rm -rf pages
