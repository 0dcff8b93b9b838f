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

# texts, and examples to be copied and changed
dist_doc_DATA = README.md $(GUIDES)
GUIDES = contrib/guides/git-host.md
examplesdir = $(docdir)/examples
dist_examples_DATA = contrib/logrotate/windlass contrib/nginx/windlass.conf
