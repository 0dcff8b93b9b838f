# A real S3 server for the tests of publishing into buckets: a script, nothing
# to build here.
EXTRA_DIST += t/versitygw/build t/versitygw/go.mod t/versitygw/go.sum
