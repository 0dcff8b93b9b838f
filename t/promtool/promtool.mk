# A real promtool for the tests of metrics and alerts: a script, nothing to
# build here.
EXTRA_DIST += t/promtool/build t/promtool/go.mod t/promtool/go.sum
