# Unit tests: one program an area, each prints TAP (t/unit/tap.h).
# A test adds itself to UNIT_TESTS and says what it is made of, in a block
# of its own.
UNIT_TESTS =
UNIT_LDADD = $(SCHEMA_LIBS)

UNIT_TESTS += t/unit/u-base
t_unit_u_base_SOURCES = t/unit/u-base.c t/unit/tap.h
t_unit_u_base_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-lines
t_unit_u_lines_SOURCES = t/unit/u-lines.c t/unit/tap.h
t_unit_u_lines_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-references
t_unit_u_references_SOURCES = t/unit/u-references.c t/unit/tap.h
t_unit_u_references_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-bundle
t_unit_u_bundle_SOURCES = t/unit/u-bundle.c t/unit/tap.h
t_unit_u_bundle_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-head
t_unit_u_head_SOURCES = t/unit/u-head.c t/unit/tap.h
t_unit_u_head_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-cluster-report
t_unit_u_cluster_report_SOURCES = t/unit/u-cluster-report.c t/unit/tap.h \
	t/unit/softkey.h
t_unit_u_cluster_report_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-approval
t_unit_u_approval_SOURCES = t/unit/u-approval.c t/unit/tap.h t/unit/softkey.h
t_unit_u_approval_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-heads
t_unit_u_heads_SOURCES = t/unit/u-heads.c t/unit/tap.h
t_unit_u_heads_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-index
t_unit_u_index_SOURCES = t/unit/u-index.c t/unit/tap.h
t_unit_u_index_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-sshkey
t_unit_u_sshkey_SOURCES = t/unit/u-sshkey.c t/unit/tap.h t/unit/softkey.h
t_unit_u_sshkey_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-sshsig
t_unit_u_sshsig_SOURCES = t/unit/u-sshsig.c t/unit/tap.h t/unit/softkey.h
t_unit_u_sshsig_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-trust
t_unit_u_trust_SOURCES = t/unit/u-trust.c t/unit/tap.h t/unit/softkey.h
t_unit_u_trust_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-agent
t_unit_u_agent_SOURCES = t/unit/u-agent.c t/unit/tap.h t/unit/softkey.h
t_unit_u_agent_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-ignore
t_unit_u_ignore_SOURCES = t/unit/u-ignore.c t/unit/tap.h
t_unit_u_ignore_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-object
t_unit_u_object_SOURCES = t/unit/u-object.c t/unit/tap.h
t_unit_u_object_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-page
t_unit_u_page_SOURCES = t/unit/u-page.c t/unit/tap.h
t_unit_u_page_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_page_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-packfile
t_unit_u_packfile_SOURCES = t/unit/u-packfile.c t/unit/tap.h
t_unit_u_packfile_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_packfile_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-crd
t_unit_u_crd_SOURCES = t/unit/u-crd.c t/unit/tap.h
t_unit_u_crd_CPPFLAGS = $(TABLES_CPPFLAGS)
t_unit_u_crd_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-pattern
t_unit_u_pattern_SOURCES = t/unit/u-pattern.c t/unit/tap.h
t_unit_u_pattern_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-problem
t_unit_u_problem_SOURCES = t/unit/u-problem.c t/unit/tap.h
t_unit_u_problem_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-quote
t_unit_u_quote_SOURCES = t/unit/u-quote.c t/unit/tap.h
t_unit_u_quote_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-developers
t_unit_u_developers_SOURCES = t/unit/u-developers.c t/unit/tap.h \
	t/unit/softkey.h
t_unit_u_developers_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_developers_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-receive
t_unit_u_receive_SOURCES = t/unit/u-receive.c t/unit/tap.h
t_unit_u_receive_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_receive_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-render-tree
t_unit_u_render_tree_SOURCES = t/unit/u-render-tree.c t/unit/tap.h
t_unit_u_render_tree_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_render_tree_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-render
t_unit_u_render_SOURCES = t/unit/u-render.c t/unit/tap.h
t_unit_u_render_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-repo
t_unit_u_repo_SOURCES = t/unit/u-repo.c t/unit/tap.h
t_unit_u_repo_CFLAGS = $(AM_CFLAGS) $(LIBGIT2_CFLAGS)
t_unit_u_repo_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-rules
t_unit_u_rules_SOURCES = t/unit/u-rules.c t/unit/tap.h
t_unit_u_rules_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-wishes
t_unit_u_wishes_SOURCES = t/unit/u-wishes.c t/unit/tap.h
t_unit_u_wishes_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-scope
t_unit_u_scope_SOURCES = t/unit/u-scope.c t/unit/tap.h
t_unit_u_scope_LDADD = $(UNIT_LDADD)

# tables of rules with what an API server says of them
CEL_TABLE = t/unit/cel-table.c t/unit/cel-table.h
EXTRA_DIST += t/fixtures/cel

UNIT_TESTS += t/unit/u-cel
t_unit_u_cel_SOURCES = t/unit/u-cel.c $(CEL_TABLE) t/unit/tap.h
t_unit_u_cel_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFIXTURES='"$(abs_top_srcdir)/t/fixtures"'
t_unit_u_cel_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-crd-rules
t_unit_u_crd_rules_SOURCES = t/unit/u-crd-rules.c t/unit/tap.h
t_unit_u_crd_rules_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-formats
t_unit_u_formats_SOURCES = t/unit/u-formats.c t/unit/tap.h
t_unit_u_formats_LDADD = $(UNIT_LDADD)

# where the schema tables are before anything is installed
TABLES_CPPFLAGS = $(AM_CPPFLAGS) \
	-DTABLES='"$(abs_top_srcdir)/schema/openapi"'

UNIT_TESTS += t/unit/u-openapi
t_unit_u_openapi_SOURCES = t/unit/u-openapi.c t/unit/tap.h
t_unit_u_openapi_CPPFLAGS = $(TABLES_CPPFLAGS)
t_unit_u_openapi_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-openapi-check
t_unit_u_openapi_check_SOURCES = t/unit/u-openapi-check.c t/unit/judged.h \
	t/unit/tap.h
t_unit_u_openapi_check_CPPFLAGS = $(TABLES_CPPFLAGS)
t_unit_u_openapi_check_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-values
t_unit_u_values_SOURCES = t/unit/u-values.c t/unit/tap.h
t_unit_u_values_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-values-pod
t_unit_u_values_pod_SOURCES = t/unit/u-values-pod.c t/unit/judged.h \
	t/unit/tap.h
t_unit_u_values_pod_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-origins
t_unit_u_origins_SOURCES = t/unit/u-origins.c t/unit/tap.h
t_unit_u_origins_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-promotion-walk
t_unit_u_promotion_walk_SOURCES = t/unit/u-promotion-walk.c t/unit/tap.h
t_unit_u_promotion_walk_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_promotion_walk_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-shelf
t_unit_u_shelf_SOURCES = t/unit/u-shelf.c t/unit/tap.h
t_unit_u_shelf_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_shelf_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-manifest-files
t_unit_u_manifest_files_SOURCES = t/unit/u-manifest-files.c t/unit/tap.h
t_unit_u_manifest_files_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-validate
t_unit_u_validate_SOURCES = t/unit/u-validate.c t/unit/tap.h
t_unit_u_validate_CPPFLAGS = $(TABLES_CPPFLAGS)
t_unit_u_validate_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_validate_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-sums
t_unit_u_sums_SOURCES = t/unit/u-sums.c t/unit/tap.h
t_unit_u_sums_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-json
t_unit_u_json_SOURCES = t/unit/u-json.c t/unit/tap.h
t_unit_u_json_LDADD = $(UNIT_LDADD)

# the engine's pure judgements
UNIT_TESTS += t/unit/u-pod-said
t_unit_u_pod_said_SOURCES = t/unit/u-pod-said.c t/unit/tap.h t/unit/tree.h
t_unit_u_pod_said_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-health
t_unit_u_health_SOURCES = t/unit/u-health.c t/unit/tap.h t/unit/tree.h
t_unit_u_health_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-drift
t_unit_u_drift_SOURCES = t/unit/u-drift.c t/unit/tap.h t/unit/tree.h
t_unit_u_drift_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFIXTURES='"$(abs_top_srcdir)/t/fixtures"'
t_unit_u_drift_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-live-diff
t_unit_u_live_diff_SOURCES = t/unit/u-live-diff.c t/unit/tap.h
t_unit_u_live_diff_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFIXTURES='"$(abs_top_srcdir)/t/fixtures"'
t_unit_u_live_diff_LDADD = $(ENGINE_LIBS)
EXTRA_DIST += t/fixtures/custom t/fixtures/health t/fixtures/live t/fixtures/openapi t/fixtures/published-0.1

# the engine's runtime
UNIT_TESTS += t/unit/u-loop
t_unit_u_loop_SOURCES = t/unit/u-loop.c t/unit/tap.h
t_unit_u_loop_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-json-split
t_unit_u_json_split_SOURCES = t/unit/u-json-split.c t/unit/tap.h
t_unit_u_json_split_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-kube-json
t_unit_u_kube_json_SOURCES = t/unit/u-kube-json.c t/unit/tap.h
t_unit_u_kube_json_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-kube
t_unit_u_kube_SOURCES = t/unit/u-kube.c t/unit/tap.h
t_unit_u_kube_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-kube-call
t_unit_u_kube_call_SOURCES = t/unit/u-kube-call.c t/unit/http-server.c \
	t/unit/http-server.h t/unit/tap.h
t_unit_u_kube_call_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-kube-config
t_unit_u_kube_config_SOURCES = t/unit/u-kube-config.c t/unit/tap.h
t_unit_u_kube_config_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
t_unit_u_kube_config_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-channel-spec
t_unit_u_channel_spec_SOURCES = t/unit/u-channel-spec.c t/unit/tap.h
t_unit_u_channel_spec_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-consent
t_unit_u_consent_SOURCES = t/unit/u-consent.c t/unit/tap.h
t_unit_u_consent_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-manifest
t_unit_u_manifest_SOURCES = t/unit/u-manifest.c t/unit/tap.h
t_unit_u_manifest_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-metrics
t_unit_u_metrics_SOURCES = t/unit/u-metrics.c t/unit/tap.h
t_unit_u_metrics_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-http
t_unit_u_http_SOURCES = t/unit/u-http.c t/unit/http-server.c \
	t/unit/http-server.h t/unit/tap.h
t_unit_u_http_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-download
t_unit_u_download_SOURCES = t/unit/u-download.c t/unit/http-server.c \
	t/unit/http-server.h t/unit/tap.h
t_unit_u_download_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
t_unit_u_download_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-ipc
t_unit_u_ipc_SOURCES = t/unit/u-ipc.c t/unit/tap.h
t_unit_u_ipc_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
t_unit_u_ipc_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-confine
t_unit_u_confine_SOURCES = t/unit/u-confine.c t/unit/tap.h
t_unit_u_confine_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-fetching
t_unit_u_fetching_SOURCES = t/unit/u-fetching.c t/unit/tap.h
t_unit_u_fetching_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) $(LIBGIT2_CFLAGS)
t_unit_u_fetching_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-state
t_unit_u_state_SOURCES = t/unit/u-state.c t/unit/tap.h
t_unit_u_state_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS) $(LIBGIT2_CFLAGS)
t_unit_u_state_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-packscan
t_unit_u_packscan_SOURCES = t/unit/u-packscan.c t/unit/tap.h
t_unit_u_packscan_CFLAGS = $(AM_CFLAGS) $(ZLIB_CFLAGS)
t_unit_u_packscan_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-adopt
t_unit_u_adopt_SOURCES = t/unit/u-adopt.c t/unit/tap.h t/unit/tree.h
t_unit_u_adopt_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-share
t_unit_u_share_SOURCES = t/unit/u-share.c t/unit/tap.h t/unit/tree.h
t_unit_u_share_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-namespaces
t_unit_u_namespaces_SOURCES = t/unit/u-namespaces.c t/unit/tap.h
t_unit_u_namespaces_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-writes
t_unit_u_writes_SOURCES = t/unit/u-writes.c t/unit/tap.h
t_unit_u_writes_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-inventory
t_unit_u_inventory_SOURCES = t/unit/u-inventory.c t/unit/tap.h
t_unit_u_inventory_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-verdict
t_unit_u_verdict_SOURCES = t/unit/u-verdict.c t/unit/tap.h
t_unit_u_verdict_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-reporter
t_unit_u_reporter_SOURCES = t/unit/u-reporter.c t/unit/tap.h \
	t/unit/idle-engine.h
t_unit_u_reporter_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-rollout
t_unit_u_rollout_SOURCES = t/unit/u-rollout.c t/unit/tap.h t/unit/idle-engine.h
t_unit_u_rollout_LDADD = $(ENGINE_LIBS)

UNIT_TESTS += t/unit/u-kinds
t_unit_u_kinds_SOURCES = t/unit/u-kinds.c t/unit/tap.h t/unit/idle-engine.h \
	t/unit/tree.h
t_unit_u_kinds_LDADD = $(ENGINE_LIBS)

# the frame of the Git host
UNIT_TESTS += t/unit/u-config
t_unit_u_config_SOURCES = t/unit/u-config.c t/unit/tap.h
t_unit_u_config_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_config_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-images
t_unit_u_images_SOURCES = t/unit/u-images.c t/unit/tap.h
t_unit_u_images_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_images_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-notify
t_unit_u_notify_SOURCES = t/unit/u-notify.c t/unit/tap.h
t_unit_u_notify_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_notify_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-feedback
t_unit_u_feedback_SOURCES = t/unit/u-feedback.c t/unit/tap.h
t_unit_u_feedback_LDADD = $(HOOKS_LIBS)

UNIT_TESTS += t/unit/u-serve
t_unit_u_serve_SOURCES = t/unit/u-serve.c t/unit/tap.h
t_unit_u_serve_CFLAGS = $(HOOKS_CFLAGS)
t_unit_u_serve_LDADD = $(SERVE_LIBS)
UNIT_TESTS += t/unit/u-yaml
t_unit_u_yaml_SOURCES = t/unit/u-yaml.c t/unit/tap.h
t_unit_u_yaml_LDADD = $(UNIT_LDADD)

UNIT_TESTS += t/unit/u-yaml-vectors
t_unit_u_yaml_vectors_SOURCES = t/unit/u-yaml-vectors.c t/unit/tap.h
t_unit_u_yaml_vectors_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFIXTURES='"$(abs_top_srcdir)/t/fixtures"'
t_unit_u_yaml_vectors_LDADD = $(UNIT_LDADD)
EXTRA_DIST += t/fixtures/yaml t/fixtures/values

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
