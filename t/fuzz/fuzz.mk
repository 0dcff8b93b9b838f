# Fuzz targets: one program a parser, t/fuzz/fuzz-NAME.c with its corpus in
# t/fuzz/corpus/NAME. `make check` replays the corpora with a driver of our
# own; configured with --enable-fuzzer the same programs are libFuzzer's,
# which t/fuzz/run builds and runs.
FUZZ_TARGETS =
FUZZ_LDADD = $(SCHEMA_LIBS)
FUZZ_TREE = t/fuzz/tree.c t/fuzz/tree.h
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -DCORPUS='"$(abs_top_srcdir)/t/fuzz/corpus"'
if FUZZER
FUZZ_DRIVER = t/fuzz/fuzz.h
FUZZ_LINKING = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_DRIVER = t/fuzz/driver.c t/fuzz/fuzz.h t/unit/tap.h
FUZZ_LINKING = $(AM_LDFLAGS)
endif

EXTRA_DIST += t/fuzz/corpus t/fuzz/run t/fuzz/driver.c t/unit/tap.h

FUZZ_TARGETS += t/fuzz/fuzz-agent
t_fuzz_fuzz_agent_SOURCES = t/fuzz/fuzz-agent.c $(FUZZ_DRIVER)
t_fuzz_fuzz_agent_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_agent_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_agent_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-approval
t_fuzz_fuzz_approval_SOURCES = t/fuzz/fuzz-approval.c $(FUZZ_DRIVER)
t_fuzz_fuzz_approval_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_approval_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_approval_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-bundle
t_fuzz_fuzz_bundle_SOURCES = t/fuzz/fuzz-bundle.c $(FUZZ_DRIVER)
t_fuzz_fuzz_bundle_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_bundle_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_bundle_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-cluster-report
t_fuzz_fuzz_cluster_report_SOURCES = t/fuzz/fuzz-cluster-report.c $(FUZZ_DRIVER)
t_fuzz_fuzz_cluster_report_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_cluster_report_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_cluster_report_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-developers
t_fuzz_fuzz_developers_SOURCES = t/fuzz/fuzz-developers.c $(FUZZ_DRIVER)
t_fuzz_fuzz_developers_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_developers_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_developers_LDADD = $(HOOKS_LIBS)

FUZZ_TARGETS += t/fuzz/fuzz-head
t_fuzz_fuzz_head_SOURCES = t/fuzz/fuzz-head.c $(FUZZ_DRIVER)
t_fuzz_fuzz_head_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_head_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_head_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-image
t_fuzz_fuzz_image_SOURCES = t/fuzz/fuzz-image.c $(FUZZ_DRIVER)
t_fuzz_fuzz_image_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_image_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_image_LDADD = $(HOOKS_LIBS)

FUZZ_TARGETS += t/fuzz/fuzz-index
t_fuzz_fuzz_index_SOURCES = t/fuzz/fuzz-index.c $(FUZZ_DRIVER)
t_fuzz_fuzz_index_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_index_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_index_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-json
t_fuzz_fuzz_json_SOURCES = t/fuzz/fuzz-json.c $(FUZZ_TREE) $(FUZZ_DRIVER)
t_fuzz_fuzz_json_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_json_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-objects
t_fuzz_fuzz_objects_SOURCES = t/fuzz/fuzz-objects.c $(FUZZ_DRIVER)
t_fuzz_fuzz_objects_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_objects_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_objects_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-openapi
t_fuzz_fuzz_openapi_SOURCES = t/fuzz/fuzz-openapi.c $(FUZZ_TREE) $(FUZZ_DRIVER)
t_fuzz_fuzz_openapi_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_openapi_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_openapi_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-values
t_fuzz_fuzz_values_SOURCES = t/fuzz/fuzz-values.c $(FUZZ_TREE) $(FUZZ_DRIVER)
t_fuzz_fuzz_values_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_values_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_values_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-openapi-build
t_fuzz_fuzz_openapi_build_SOURCES = t/fuzz/fuzz-openapi-build.c $(FUZZ_DRIVER)
t_fuzz_fuzz_openapi_build_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_openapi_build_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_openapi_build_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-cel
t_fuzz_fuzz_cel_SOURCES = t/fuzz/fuzz-cel.c $(CEL_TABLE) $(FUZZ_DRIVER)
t_fuzz_fuzz_cel_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_cel_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_cel_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-crd
t_fuzz_fuzz_crd_SOURCES = t/fuzz/fuzz-crd.c $(FUZZ_TREE) $(FUZZ_DRIVER)
t_fuzz_fuzz_crd_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_crd_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_crd_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-pattern
t_fuzz_fuzz_pattern_SOURCES = t/fuzz/fuzz-pattern.c $(FUZZ_DRIVER)
t_fuzz_fuzz_pattern_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_pattern_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_pattern_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-push
t_fuzz_fuzz_push_SOURCES = t/fuzz/fuzz-push.c $(FUZZ_DRIVER)
t_fuzz_fuzz_push_CPPFLAGS = $(FUZZ_CPPFLAGS) $(LIBGIT2_CFLAGS)
t_fuzz_fuzz_push_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_push_LDADD = $(HOOKS_LIBS)

FUZZ_TARGETS += t/fuzz/fuzz-sshsig
t_fuzz_fuzz_sshsig_SOURCES = t/fuzz/fuzz-sshsig.c $(FUZZ_DRIVER)
t_fuzz_fuzz_sshsig_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_sshsig_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_sshsig_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-sums
t_fuzz_fuzz_sums_SOURCES = t/fuzz/fuzz-sums.c $(FUZZ_DRIVER)
t_fuzz_fuzz_sums_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_sums_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_sums_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-trust
t_fuzz_fuzz_trust_SOURCES = t/fuzz/fuzz-trust.c $(FUZZ_DRIVER)
t_fuzz_fuzz_trust_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_trust_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_trust_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-yaml
t_fuzz_fuzz_yaml_SOURCES = t/fuzz/fuzz-yaml.c $(FUZZ_TREE) $(FUZZ_DRIVER)
t_fuzz_fuzz_yaml_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_yaml_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_yaml_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += t/fuzz/fuzz-kube
t_fuzz_fuzz_kube_SOURCES = t/fuzz/fuzz-kube.c $(FUZZ_DRIVER)
t_fuzz_fuzz_kube_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_kube_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_kube_LDADD = $(ENGINE_LIBS)

FUZZ_TARGETS += t/fuzz/fuzz-packscan
t_fuzz_fuzz_packscan_SOURCES = t/fuzz/fuzz-packscan.c $(FUZZ_DRIVER)
t_fuzz_fuzz_packscan_CPPFLAGS = $(FUZZ_CPPFLAGS)
t_fuzz_fuzz_packscan_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_packscan_LDADD = $(ENGINE_LIBS)

FUZZ_TARGETS += t/fuzz/fuzz-ipc
t_fuzz_fuzz_ipc_SOURCES = t/fuzz/fuzz-ipc.c $(FUZZ_DRIVER)
t_fuzz_fuzz_ipc_CPPFLAGS = $(FUZZ_CPPFLAGS) $(LIBGIT2_CFLAGS)
t_fuzz_fuzz_ipc_LDFLAGS = $(FUZZ_LINKING)
t_fuzz_fuzz_ipc_LDADD = $(ENGINE_LIBS)

check_PROGRAMS += $(FUZZ_TARGETS)
if FUZZER
fuzzers: $(FUZZ_TARGETS)
else
TESTS += $(FUZZ_TARGETS)
endif
