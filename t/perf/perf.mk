# t/perf: what the benchmarks measure with.
check_PROGRAMS += t/perf/raw-apply t/perf/waiters \
	t/perf/reporters
t_perf_raw_apply_SOURCES = t/perf/raw-apply.c
t_perf_raw_apply_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
t_perf_raw_apply_LDADD = $(ENGINE_LIBS)
t_perf_waiters_SOURCES = t/perf/waiters.c
t_perf_waiters_LDADD = libschema.a
t_perf_reporters_SOURCES = t/perf/reporters.c
t_perf_reporters_LDADD = $(SCHEMA_LIBS)
EXTRA_DIST += t/perf/run t/perf/lib.sh t/perf/engine.sh t/perf/approve.sh \
	t/perf/hook.sh t/perf/waiters.sh t/perf/channels.sh t/perf/reports.sh \
	t/perf/validate.sh t/perf/json-schemas.py \
	t/perf/manifests.py t/perf/kubeconform/go.mod \
	t/perf/kubeconform/go.sum
