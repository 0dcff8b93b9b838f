# engine/: the cluster side, and the `windlass` command line in engine/cli.
noinst_LIBRARIES += libengine.a

libengine_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(MICROHTTPD_CFLAGS) \
	$(SODIUM_CFLAGS) $(NETTLE_CFLAGS)

ENGINE_LIBS = libengine.a $(SCHEMA_LIBS) $(CURL_LIBS) $(MICROHTTPD_LIBS)
libengine_a_SOURCES =

# the pure judgements
libengine_a_SOURCES += \
	engine/channel-spec.c engine/channel-spec.h \
	engine/compare.c engine/compare.h \
	engine/drift.c engine/drift.h \
	engine/health.c engine/health.h \
	engine/health-custom.c engine/health-judged.h engine/health-kinds.c \
	engine/live-diff.c engine/live-diff.h \
	engine/managed.c engine/managed.h \
	engine/status.c engine/status.h \
	engine/wave.c engine/wave.h
EXTRA_DIST += engine/install/channels-crd.yaml engine/install/engine.yaml \
	engine/install/protect.yaml

# channels: what is wanted, and how it gets there
libengine_a_SOURCES += \
	engine/adopt.c engine/adopt.h \
	engine/apply.c engine/apply.h \
	engine/apply-later.c engine/apply-later.h \
	engine/apply-one.c engine/apply-one.h \
	engine/body.c \
	engine/channel.c engine/channel.h engine/channel-private.h \
	engine/controller.c engine/controller.h \
	engine/dependency.c engine/dependency.h \
	engine/git-secret.c engine/git-secret.h \
	engine/intake-votes.c engine/intake.c \
	engine/inventory.c engine/inventory.h \
	engine/kinds.c engine/kinds.h \
	engine/leftover.c \
	engine/machine.h \
	engine/namespaces.c engine/namespaces.h \
	engine/parent.c engine/parent.h \
	engine/plan.c engine/plan.h \
	engine/policy.c \
	engine/prune.c engine/prune.h \
	engine/prune-one.c engine/prune-private.h \
	engine/prune-look.c engine/prune-look.h \
	engine/prune-order.c engine/prune-order.h \
	engine/report.c engine/report.h \
	engine/reporter.c engine/reporter.h \
	engine/reporter-key.c engine/reporter-key.h \
	engine/reporter-text.c engine/reporter-text.h \
	engine/rollout.c engine/rollout.h \
	engine/settle.c \
	engine/verdict.c engine/verdict.h \
	engine/trim.c engine/trim.h \
	engine/writes.c engine/writes.h

# the runtime: one loop, HTTP on it, the API server's client on that
libengine_a_SOURCES += \
	engine/discovery.c engine/discovery.h \
	engine/endpoint.c engine/endpoint.h \
	engine/http-easy.c engine/http-easy.h \
	engine/http.c engine/http.h \
	engine/json-split.c engine/json-split.h \
	engine/kube-config-file.c engine/kube-config-file.h \
	engine/kube-config.c engine/kube-config.h \
	engine/kube-exec.c engine/kube-exec.h \
	engine/kube-internal.h \
	engine/kube-json.c engine/kube-json.h \
	engine/kube-renew.c engine/kube-renew.h \
	engine/kube-status.c \
	engine/kube-url.c \
	engine/kube.c engine/kube.h \
	engine/lease.c engine/lease.h \
	engine/list.c engine/list.h \
	engine/loop.c engine/loop.h \
	engine/metrics.c engine/metrics.h \
	engine/watch.c engine/watch.h

# what reads hostile bytes: the child that fetches and verifies
libengine_a_CFLAGS += $(LIBGIT2_CFLAGS) $(JANSSON_CFLAGS) $(ZLIB_CFLAGS)
ENGINE_LIBS += $(ZLIB_LIBS)
libengine_a_SOURCES += \
	engine/answer.c engine/answer.h \
	engine/cache.c engine/cache.h \
	engine/compact.c \
	engine/confine.c engine/confine.h \
	engine/fetch-child.c engine/fetch-child.h \
	engine/fetch.c engine/fetch.h engine/fetch-private.h \
	engine/ipc.c engine/ipc.h \
	engine/lookup.c engine/lookup.h \
	engine/pack-child.c engine/pack-child.h \
	engine/packscan.c engine/packscan.h \
	engine/poll.c engine/poll.h \
	engine/poll-many.c \
	engine/post.c engine/post.h \
	engine/pull-chain.c \
	engine/pull-head.c \
	engine/pull-job.c \
	engine/pull-tell.c \
	engine/pull-votes.c \
	engine/pull.c engine/pull.h \
	engine/role.c engine/role.h \
	engine/source-msg.c engine/source-msg.h \
	engine/source-request.c \
	engine/source.c engine/source.h engine/source-private.h \
	engine/source-types.h \
	engine/state.c engine/state.h \
	engine/verify-head.c \
	engine/verify.c engine/verify.h \
	engine/walk.c engine/walk.h

# what `windlass install` brings: YAML as C strings
install_inc = engine/install/channels-crd.inc engine/install/engine.inc \
	engine/install/protect.inc
BUILT_SOURCES += $(install_inc)
CLEANFILES += $(install_inc)
engine/install/channels-crd.inc: engine/install/channels-crd.yaml
	$(AM_V_GEN)$(text_to_c) $(srcdir)/engine/install/channels-crd.yaml >$@
engine/install/engine.inc: engine/install/engine.yaml
	$(AM_V_GEN)$(text_to_c) $(srcdir)/engine/install/engine.yaml >$@
engine/install/protect.inc: engine/install/protect.yaml
	$(AM_V_GEN)$(text_to_c) $(srcdir)/engine/install/protect.yaml >$@
engine/cli/windlass-install-manifests.$(OBJEXT): $(install_inc)

# the command line
bin_PROGRAMS += windlass
windlass_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(LIBGIT2_CFLAGS) \
	$(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
windlass_LDADD = $(ENGINE_LIBS)
windlass_SOURCES = \
	engine/cli/bundle-diff.c engine/cli/bundle-diff.h \
	engine/cli/source-diff.c engine/cli/source-diff.h \
	engine/cli/bundles.c engine/cli/bundles.h \
	engine/cli/check-approvals.c engine/cli/check-approvals.h \
	engine/cli/check-chain.c engine/cli/check-chain.h \
	engine/cli/check-source.c engine/cli/check-source.h \
	engine/cli/cli.h \
	engine/cli/cluster.c engine/cli/cluster.h \
	engine/cli/cmd-approve.c engine/cli/approve.h \
	engine/cli/approve-before.c engine/cli/approve-sign.c \
	engine/cli/cmd-check.c \
	engine/cli/cmd-diff.c \
	engine/cli/cmd-doctor.c \
	engine/cli/cmd-events.c \
	engine/cli/cmd-explain.c \
	engine/cli/cmd-install.c \
	engine/cli/cmd-log.c \
	engine/cli/cmd-reconcile.c \
	engine/cli/cmd-render.c \
	engine/cli/cmd-show.c \
	engine/cli/cmd-status.c \
	engine/cli/records.c engine/cli/records.h \
	engine/cli/status-repo.c \
	engine/cli/cmd-suspend.c \
	engine/cli/cmd-uninstall.c \
	engine/cli/cmd-verify.c \
	engine/cli/cmd-wait.c \
	engine/cli/wait-commit.c engine/cli/wait-commit.h \
	engine/cli/cmd-yaml.c \
	engine/cli/complete.c \
	engine/cli/doctor-channel.c engine/cli/doctor.h \
	engine/cli/findings.c engine/cli/findings.h \
	engine/cli/findings-github.c \
	engine/cli/findings-junit.c \
	engine/cli/findings-sarif.c \
	engine/cli/fetch.c engine/cli/fetch.h \
	engine/cli/git-run.c engine/cli/git-run.h \
	engine/cli/install-cluster.c engine/cli/install.h \
	engine/cli/install-manifests.c \
	engine/cli/install-options.c engine/cli/install-options.h \
	engine/cli/install-rights.c \
	engine/cli/live.c engine/cli/live.h \
	engine/cli/markdown-out.c engine/cli/markdown-out.h \
	engine/cli/live-out.c \
	engine/cli/main.c \
	engine/cli/patch-out.c engine/cli/patch-out.h \
	engine/cli/published.c engine/cli/published.h \
	engine/cli/results.c engine/cli/results.h \
	engine/cli/said.c engine/cli/said.h \
	engine/cli/against.c engine/cli/against.h \
	engine/cli/review.c engine/cli/review.h \
	engine/cli/review-config.c \
	engine/cli/sources.c engine/cli/sources.h \
	engine/cli/tree-out.c engine/cli/tree-out.h

# channels: what is seen of them, and what is done about it
libengine_a_SOURCES += \
	engine/await.c \
	engine/look.c engine/look.h \
	engine/events.c \
	engine/observe.c \
	engine/pod-said.c engine/pod-said.h \
	engine/pods.c engine/pods.h \
	engine/reconcile.c \
	engine/consent.c engine/consent.h \
	engine/definitions.c engine/definitions.h \
	engine/drift-told.c engine/drift-told.h \
	engine/mend.c engine/mend.h \
	engine/share.c engine/share.h \
	engine/recreate.c engine/recreate.h \
	engine/release.c engine/release.h \
	engine/repair.c engine/repair.h

# the manuals
dist_man_MANS += \
	engine/cli/windlass.1 \
	engine/cli/windlass-approve.1 \
	engine/cli/windlass-check.1 \
	engine/cli/windlass-diff.1 \
	engine/cli/windlass-doctor.1 \
	engine/cli/windlass-events.1 \
	engine/cli/windlass-explain.1 \
	engine/cli/windlass-install.1 \
	engine/cli/windlass-log.1 \
	engine/cli/windlass-reconcile.1 \
	engine/cli/windlass-render.1 \
	engine/cli/windlass-resume.1 \
	engine/cli/windlass-show.1 \
	engine/cli/windlass-status.1 \
	engine/cli/windlass-suspend.1 \
	engine/cli/windlass-uninstall.1 \
	engine/cli/windlass-verify.1 \
	engine/cli/windlass-wait.1 \
	engine/cli/windlass-yaml.1

# checking before the push
EXTRA_DIST += .pre-commit-hooks.yaml

# the engine
sbin_PROGRAMS += windlassd
windlassd_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
windlassd_LDADD = $(ENGINE_LIBS)
windlassd_SOURCES = engine/main.c
libengine_a_SOURCES += \
	engine/measures.c engine/measures.h \
	engine/measures-channel.c engine/measures-channel.h
dist_man_MANS += engine/windlassd.8
