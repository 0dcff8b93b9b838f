# What a machine gets beside the programs, and how packages are made.

# completions: one file a shell, for all programs
bashcompletiondir = $(datadir)/bash-completion/completions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_zshcompletion_DATA = contrib/completion/_windlass
EXTRA_DIST += contrib/completion/windlass.bash contrib/completion/windlass.fish
COMPLETED = windlass windlass-hook windlassd
install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(bashcompletiondir)" \
		"$(DESTDIR)$(fishcompletiondir)"
	for program in $(COMPLETED); do \
		$(INSTALL_DATA) $(srcdir)/contrib/completion/windlass.bash \
			"$(DESTDIR)$(bashcompletiondir)/$$program" && \
		$(INSTALL_DATA) $(srcdir)/contrib/completion/windlass.fish \
			"$(DESTDIR)$(fishcompletiondir)/$$program.fish" || \
		exit 1; \
	done
uninstall-local:
	for program in $(COMPLETED); do \
		rm -f "$(DESTDIR)$(bashcompletiondir)/$$program" \
			"$(DESTDIR)$(fishcompletiondir)/$$program.fish"; \
	done

# units; they name the programs where Debian puts them
dist_systemdsystemunit_DATA = \
	contrib/systemd/windlass-agent@.service \
	contrib/systemd/windlass-images@.service \
	contrib/systemd/windlass-publish@.service \
	contrib/systemd/windlass-publish@.timer \
	contrib/systemd/windlass-serve@.service \
	contrib/systemd/windlass-serve@.socket
install-data-hook:
	@for unit in $(dist_systemdsystemunit_DATA); do \
		unit="$(DESTDIR)$(systemdsystemunitdir)/$${unit##*/}"; \
		sed 's|/usr/bin/windlass-hook|$(bindir)/windlass-hook|' \
			"$$unit" >"$$unit.new" && \
		chmod 644 "$$unit.new" && mv "$$unit.new" "$$unit" || exit 1; \
	done

# texts, in folders as they are here, so that what they link to is there; and
# examples to be copied and changed
nobase_dist_doc_DATA = \
	README.md \
	contrib/ci/forgejo.yaml \
	contrib/ci/github.yaml \
	contrib/ci/gitlab.yaml \
	contrib/image/README.md \
	contrib/page.png \
	contrib/pre-commit/pre-commit \
	contrib/performance.md \
	contrib/threats.md \
	contrib/guides/checks.md \
	contrib/guides/cluster.md \
	contrib/guides/developer.md \
	contrib/guides/git-host.md \
	contrib/guides/gitea.md \
	contrib/guides/gitlab.md \
	contrib/guides/gitolite.md \
	contrib/guides/moving.md \
	contrib/guides/proof.md \
	contrib/guides/static.md \
	contrib/runbooks/cluster-restored.md \
	contrib/runbooks/forked.md \
	contrib/runbooks/git-host-restored.md \
	contrib/runbooks/lost-key.md \
	contrib/runbooks/new-epoch.md \
	contrib/runbooks/stale.md
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	contrib/grafana/windlass-dashboard.json \
	contrib/logrotate/windlass \
	contrib/nginx/windlass.conf \
	contrib/nginx/windlass-static.conf \
	contrib/prometheus/windlass-alerts.yaml \
	contrib/prometheus/windlass-alerts-test.yaml

# ---- packages of Debian ----

EXTRA_DIST += \
	contrib/debian/changelog \
	contrib/debian/control \
	contrib/debian/copyright \
	contrib/debian/not-installed \
	contrib/debian/rules \
	contrib/debian/source/format \
	contrib/debian/windlass-common.install \
	contrib/debian/windlass-hook.examples \
	contrib/debian/windlass-hook.install \
	contrib/debian/windlass-hook.postinst \
	contrib/debian/windlass-hook.prerm \
	contrib/debian/windlass-hook.postrm \
	contrib/debian/windlass.install \
	contrib/debian/windlassd.examples \
	contrib/debian/windlassd.install

# Out of the tarball, in the folder deb/: the packages, their source, and
# the .changes that names all of them. DEB_FLAGS is for dpkg-buildpackage.
DEB_FLAGS = -us -uc
deb: dist
	rm -rf deb
	$(MKDIR_P) deb
	cp $(distdir).tar.xz deb/windlass_$(VERSION).orig.tar.xz
	umask 022 && cd deb && tar -xf windlass_$(VERSION).orig.tar.xz && \
		cd $(distdir) && cp -R contrib/debian debian && \
		dpkg-buildpackage $(DEB_FLAGS)
.PHONY: deb
CLEAN_FOLDERS += deb
