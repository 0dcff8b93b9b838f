# schema/: what the Git host and the cluster must agree on.
# It includes neither hooks/ nor engine/, and needs no curl.
noinst_LIBRARIES += libschema.a

libschema_a_CPPFLAGS = $(AM_CPPFLAGS) -DPKGDATADIR='"$(pkgdatadir)"'

libschema_a_CFLAGS = $(AM_CFLAGS) $(LIBGIT2_CFLAGS) $(YAML_CFLAGS) \
	$(NETTLE_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS) $(PCRE2_CFLAGS)

SCHEMA_LIBS = libschema.a $(LIBGIT2_LIBS) $(YAML_LIBS) $(NETTLE_LIBS) \
	$(SODIUM_LIBS) $(JANSSON_LIBS) $(PCRE2_LIBS)

libschema_a_SOURCES = schema/limits.h

# the base layer
libschema_a_SOURCES += \
	schema/base/arena.c schema/base/arena.h \
	schema/base/authorities.c schema/base/authorities.h \
	schema/base/banned.h \
	schema/base/buf.c schema/base/buf.h \
	schema/base/clock.c schema/base/clock.h \
	schema/base/complete.c schema/base/complete.h \
	schema/base/digest.c schema/base/digest.h \
	schema/base/err.c schema/base/err.h \
	schema/base/fs.c schema/base/fs.h \
	schema/base/lines.c schema/base/lines.h \
	schema/base/log.c schema/base/log.h \
	schema/base/map.c schema/base/map.h \
	schema/base/mem.c schema/base/mem.h \
	schema/base/num.c schema/base/num.h \
	schema/base/options.c schema/base/options.h \
	schema/base/proc.c schema/base/proc.h \
	schema/base/program.c schema/base/program.h \
	schema/base/secret.c schema/base/secret.h \
	schema/base/strvec.c schema/base/strvec.h \
	schema/base/utf8.c schema/base/utf8.h

# texts to trees: YAML, JSON, manifests
libschema_a_SOURCES += \
	schema/float.c schema/float.h \
	schema/json-read.c schema/json-write.c schema/json.h \
	schema/manifest.c schema/manifest.h \
	schema/manifest-files.c schema/manifest-files.h \
	schema/node.c schema/node.h \
	schema/problem.c schema/problem.h \
	schema/quote.c schema/quote.h \
	schema/yaml-build.h schema/yaml-document.c schema/yaml-map.c \
	schema/yaml-scalar.c schema/yaml-scalar.h \
	schema/yaml-stream.h \
	schema/yaml.c schema/yaml.h

# objects: identity, scope, rules, rendering
libschema_a_SOURCES += \
	schema/explain.c schema/explain.h \
	schema/explain/channel.inc \
	schema/explain/custom.inc \
	schema/explain/field.inc \
	schema/explain/kind.inc \
	schema/explain/object.inc \
	schema/explain/policy.inc \
	schema/explain/reference.inc \
	schema/explain/source.inc \
	schema/explain/value.inc \
	schema/explain/wish.inc \
	schema/explain/yaml.inc \
	schema/formats.c schema/formats.h \
	schema/ignore.c schema/ignore.h \
	schema/names.c \
	schema/near.c schema/near.h \
	schema/object.c schema/object.h \
	schema/pod-template.c schema/pod-template.h \
	schema/policy.c schema/policy.h \
	schema/place.c schema/place-form.c schema/place.h \
	schema/render.c schema/render.h \
	schema/retired.c schema/retired.h schema/retired.inc \
	schema/own.c schema/own.h \
	schema/rules.c schema/rules.h \
	schema/rules-data.c \
	schema/rules-meta.c \
	schema/kinds.inc \
	schema/scope.c schema/scope.h \
	schema/wishes.c schema/wishes.h \
	schema/depends.c schema/depends.h \
	schema/doctor.c schema/doctor.h

# what an API server knows of its kinds
libschema_a_SOURCES += \
	schema/openapi.c schema/openapi.h \
	schema/openapi-build.c schema/openapi-build.h \
	schema/openapi-check.c schema/openapi-check.h \
	schema/openapi-find.c \
	schema/openapi-layout.h \
	schema/openapi-value.c schema/openapi-walk.h

# custom resources
libschema_a_SOURCES += \
	schema/crd/cel-types.c schema/crd/cel-types.h \
	schema/crd/check-custom.c schema/crd/check-custom.h \
	schema/crd/check-embedded.c \
	schema/crd/check-forms.c \
	schema/crd/check-rules.c \
	schema/crd/check-value.c \
	schema/crd/crd.c schema/crd/crd.h \
	schema/crd/crd-rule.c schema/crd/crd-rule.h \
	schema/crd/crd-walk.h \
	schema/crd/definition.c schema/crd/definition.h \
	schema/crd/definition-default.c schema/crd/definition-nested.c \
	schema/crd/definition-private.h schema/crd/definition-schema.c \
	schema/crd/definition-rule.c \
	schema/crd/pattern.c schema/crd/pattern.h \
	schema/crd/re2.c schema/crd/re2.h \
	schema/crd/re2-class.c schema/crd/re2-class.h \
	schema/crd/settle.c schema/crd/settle.h \
	schema/crd/str-format.c schema/crd/str-format.h \
	schema/crd/str-net.c schema/crd/str-net.h \
	schema/crd/str-number.c schema/crd/str-number.h

# rules of custom resources
libschema_a_SOURCES += \
	schema/cel/access.c \
	schema/cel/arith.c \
	schema/cel/ast.h \
	schema/cel/call.c \
	schema/cel/cel.h \
	schema/cel/compare.c \
	schema/cel/eval.c \
	schema/cel/fold.c \
	schema/cel/function.h \
	schema/cel/lex.c \
	schema/cel/lib-convert.c \
	schema/cel/lib-format.c \
	schema/cel/lib-list.c \
	schema/cel/lib-net.c \
	schema/cel/lib-optional.c \
	schema/cel/lib-quantity.c \
	schema/cel/lib-string.c \
	schema/cel/lib-time.c \
	schema/cel/lib-url.c \
	schema/cel/literal.c \
	schema/cel/macro.c \
	schema/cel/names.c \
	schema/cel/parse.c schema/cel/parse.h \
	schema/cel/resolve.c \
	schema/cel/value.c schema/cel/value.h

# keys, signatures, trust
libschema_a_SOURCES += \
	schema/agent.c schema/agent.h \
	schema/keyfile.c schema/keyfile.h \
	schema/signer.c \
	schema/sshkey.c schema/sshkey.h \
	schema/sshsig.c schema/sshsig.h \
	schema/sshwire.c schema/sshwire.h \
	schema/trust.c schema/trust.h

# what is signed and published
libschema_a_SOURCES += \
	schema/approval.c schema/approval.h \
	schema/bundle.c schema/bundle.h \
	schema/cluster-report.c schema/cluster-report.h \
	schema/channel-record.c schema/channel-record.h \
	schema/cluster-status.c schema/cluster-status.h \
	schema/head.c schema/head.h \
	schema/heads.c schema/heads.h \
	schema/index.c schema/index.h \
	schema/repo.c schema/repo.h \
	schema/repo-bundle.c \
	schema/repo-open.c \
	schema/origins.c schema/origins.h \
	schema/said.c schema/said.h \
	schema/sums.c schema/sums.h

# the tables, one for each minor: made by contrib/openapi/tables
openapidir = $(pkgdatadir)/openapi
dist_openapi_DATA = \
	schema/openapi/1.34 \
	schema/openapi/1.35 \
	schema/openapi/1.36

# Programs that were not installed find the tables beside themselves.
all-local: $(dist_openapi_DATA)
	@$(MKDIR_P) windlass-openapi
	@for table in $(dist_openapi_DATA); do \
		cp -f $(srcdir)/$$table windlass-openapi/; \
	done
CLEAN_FOLDERS += windlass-openapi

dist_man_MANS += schema/windlass-bundle.5
