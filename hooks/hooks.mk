# hooks/: the Git host. A push goes through these files in this order:
# receive, validate, render, sign, publish; serve hands out the result.
noinst_LIBRARIES += libhooks.a
bin_PROGRAMS += windlass-hook
pkglibexec_PROGRAMS += windlass-serve windlass-upload

HOOKS_CFLAGS = $(AM_CFLAGS) $(LIBGIT2_CFLAGS) $(SODIUM_CFLAGS) \
	$(NETTLE_CFLAGS) $(MICROHTTPD_CFLAGS) $(GNUTLS_CFLAGS) $(ZLIB_CFLAGS) \
	$(CURL_CFLAGS)
HOOKS_LIBS = libhooks.a $(SCHEMA_LIBS) $(ZLIB_LIBS)
SERVE_LIBS = $(HOOKS_LIBS) $(MICROHTTPD_LIBS) $(GNUTLS_LIBS)
UPLOAD_LIBS = $(HOOKS_LIBS) $(CURL_LIBS)

libhooks_a_CFLAGS = $(HOOKS_CFLAGS)
libhooks_a_SOURCES =

# the frame: what every command stands on
libhooks_a_SOURCES += \
	hooks/after.c hooks/after.h \
	hooks/background.c hooks/background.h \
	hooks/bucket.c hooks/bucket.h \
	hooks/command.c hooks/commands.h \
	hooks/complete.c \
	hooks/host-config.c hooks/host-config.h \
	hooks/host-setting.c hooks/host-setting.h \
	hooks/concern.c hooks/concern.h \
	hooks/config-value.c hooks/config-value.h \
	hooks/feedback.c hooks/feedback.h \
	hooks/host-check.c hooks/host-check.h \
	hooks/listen.c hooks/listen.h \
	hooks/places.c hooks/places.h \
	hooks/receiver.c hooks/receiver.h \
	hooks/setting.c hooks/setting.h \
	hooks/share.c hooks/share.h

# init: a repository becomes a channel's source
libhooks_a_SOURCES += \
	hooks/init.c hooks/init.h \
	hooks/init-key.c \
	hooks/init-print.c \
	hooks/init-settings.c \
	hooks/install.c hooks/install.h \
	hooks/install-check.c \
	hooks/remove.c

# a push: from the tip of a ref to a published bundle
libhooks_a_SOURCES += \
	hooks/announce.c hooks/announce.h \
	hooks/approvals.c hooks/approvals.h \
	hooks/ask.c hooks/ask.h \
	hooks/cmd-publish.c \
	hooks/consensus.c hooks/consensus.h \
	hooks/crds.c hooks/crds.h \
	hooks/current.c hooks/current.h \
	hooks/developers.c hooks/developers.h \
	hooks/faults.c hooks/faults.h \
	hooks/git.c hooks/git.h \
	hooks/guard.c hooks/guard.h \
	hooks/history.c hooks/history.h \
	hooks/inventory.c hooks/inventory.h \
	hooks/job.c hooks/job.h \
	hooks/orphans.c hooks/orphans.h \
	hooks/pack.c hooks/pack.h \
	hooks/packfile.c hooks/packfile.h \
	hooks/patch.c hooks/patch.h \
	hooks/plan.c hooks/plan.h \
	hooks/post-receive.c \
	hooks/pre-receive.c \
	hooks/promotion.c hooks/promotion.h \
	hooks/promotion-walk.c hooks/promotion-walk.h \
	hooks/proven.c hooks/proven.h \
	hooks/publish.c hooks/publish.h \
	hooks/push-cert.c hooks/push-cert.h \
	hooks/pushes.c hooks/pushes.h \
	hooks/receive.c hooks/receive.h \
	hooks/references.c hooks/references.h \
	hooks/render.c hooks/render.h \
	hooks/report.c hooks/report.h \
	hooks/settings.c hooks/settings.h \
	hooks/shelf.c hooks/shelf.h \
	hooks/sign.c hooks/sign.h \
	hooks/signed-commit.c hooks/signed-commit.h \
	hooks/store.c hooks/store.h \
	hooks/taken.c hooks/taken.h \
	hooks/tidy.c hooks/tidy.h \
	hooks/trust-file.c hooks/trust-file.h \
	hooks/validate.c hooks/validate.h

# looking before the merge
libhooks_a_SOURCES += \
	hooks/findings.c hooks/findings.h \
	hooks/live.c hooks/live.h \
	hooks/review.c hooks/review.h

# rollback: commits that are made at the host
libhooks_a_SOURCES += \
	hooks/edit.c hooks/edit.h \
	hooks/rollback.c hooks/rollback.h \
	hooks/rolled-back.c hooks/rolled-back.h \
	hooks/rollback-failed.c hooks/rollback-failed.h \
	hooks/rollback-told.c hooks/rollback-told.h \
	hooks/cmd-rollback.c \
	hooks/cmd-rollback-failed.c

# an HTTP client: of images, upload and notify
libhooks_a_SOURCES += \
	hooks/http-client.c hooks/http-client.h

# images: newer ones, as commits of the same kind
libhooks_a_SOURCES += \
	hooks/image-check.c \
	hooks/image-history.c hooks/image-history.h \
	hooks/image-marker.c hooks/image-marker.h \
	hooks/image-update.c hooks/image-update.h \
	hooks/image-version.c hooks/image-version.h \
	hooks/images.c \
	hooks/registry.c hooks/registry.h \
	hooks/registry-login.c hooks/registry-login.h \
	hooks/tag-policy.c hooks/tag-policy.h

# doctor: whether all of it works
libhooks_a_SOURCES += \
	hooks/doctor.c hooks/doctor.h \
	hooks/doctor-channel.c \
	hooks/doctor-child.c \
	hooks/doctor-host.c \
	hooks/doctor-notify.c

# upload: what is published goes to buckets, too
libhooks_a_SOURCES += \
	hooks/cmd-upload.c \
	hooks/credentials.c hooks/credentials.h \
	hooks/s3.c hooks/s3.h \
	hooks/s3-error.c hooks/s3-error.h \
	hooks/upload.c hooks/upload.h \
	hooks/upload-check.c \
	hooks/upload-record.c hooks/upload-record.h \
	hooks/upload-start.c hooks/upload-start.h

# reports: what clusters say of it
libhooks_a_SOURCES += \
	hooks/cmd-record.c \
	hooks/follow.c hooks/follow.h \
	hooks/kept-report.c hooks/kept-report.h \
	hooks/kept-since.c hooks/kept-since.h \
	hooks/record.c hooks/record.h \
	hooks/record-channel.c \
	hooks/record-note.c \
	hooks/record-status.c

# the page of a channel, with its style and its script in it
libhooks_a_SOURCES += \
	hooks/html.c hooks/html.h \
	hooks/page.c hooks/page.h \
	hooks/page-chain.c \
	hooks/page-html.c \
	hooks/page-list.c
page_inc = hooks/page/page-css.inc hooks/page/page-js.inc
EXTRA_DIST += hooks/page/page.css hooks/page/page.js
BUILT_SOURCES += $(page_inc)
CLEANFILES += $(page_inc)
hooks/page/page-css.inc: hooks/page/page.css
	$(AM_V_GEN)$(text_to_c) $(srcdir)/hooks/page/page.css >$@
hooks/page/page-js.inc: hooks/page/page.js
	$(AM_V_GEN)$(text_to_c) $(srcdir)/hooks/page/page.js >$@
hooks/libhooks_a-page-html.$(OBJEXT): $(page_inc)

# notify: others are told of that
libhooks_a_SOURCES += \
	hooks/news.c hooks/news.h \
	hooks/notify.c hooks/notify.h \
	hooks/notify-channel.c \
	hooks/notify-happened.c \
	hooks/notify-message.c \
	hooks/notify-post.c \
	hooks/notify-receiver.c \
	hooks/notify-status.c \
	hooks/told.c hooks/told.h

# serve: hands out what is published
libhooks_a_SOURCES += \
	hooks/activate.c hooks/activate.h \
	hooks/http-value.c hooks/http-value.h \
	hooks/serve.c hooks/serve.h \
	hooks/serve-ask.c \
	hooks/serve-client.c \
	hooks/serve-head.c \
	hooks/serve-heard.c hooks/serve-keep.c \
	hooks/serve-http.c \
	hooks/serve-loop.c \
	hooks/serve-many.c \
	hooks/serve-notify.c \
	hooks/serve-page.c \
	hooks/serve-report.c \
	hooks/serve-wait.c \
	hooks/serve-work.c \
	hooks/tls.c hooks/tls.h \
	hooks/tokens.c hooks/tokens.h

dist_man_MANS += hooks/windlass-hook.8

START_SOURCES = hooks/start.c hooks/start.h
START_CPPFLAGS = $(AM_CPPFLAGS) -DPKGLIBEXECDIR='"$(pkglibexecdir)"'

windlass_hook_SOURCES = hooks/main.c hooks/start-serve.c \
	hooks/start-upload.c $(START_SOURCES)
windlass_hook_CPPFLAGS = $(START_CPPFLAGS)
windlass_hook_CFLAGS = $(HOOKS_CFLAGS)
windlass_hook_LDADD = $(HOOKS_LIBS)

# the same with what `serve` and `upload` are linked with: see hooks/start.h
windlass_serve_SOURCES = hooks/main.c hooks/start-upload.c $(START_SOURCES)
windlass_serve_CPPFLAGS = $(START_CPPFLAGS)
windlass_serve_CFLAGS = $(HOOKS_CFLAGS)
windlass_serve_LDADD = $(SERVE_LIBS)

windlass_upload_SOURCES = hooks/main.c hooks/start-serve.c $(START_SOURCES)
windlass_upload_CPPFLAGS = $(START_CPPFLAGS)
windlass_upload_CFLAGS = $(HOOKS_CFLAGS)
windlass_upload_LDADD = $(UPLOAD_LIBS)
