# A real control plane for the end-to-end tests: a script, nothing to build.
EXTRA_DIST += \
	contrib/cluster/README.md \
	contrib/cluster/cluster \
	contrib/cluster/go.mod \
	contrib/cluster/go.sum \
	contrib/cluster/kinds \
	contrib/cluster/lib/build.sh \
	contrib/cluster/lib/common.sh \
	contrib/cluster/lib/components.sh \
	contrib/cluster/lib/go.sh \
	contrib/cluster/lib/pki.sh \
	contrib/cluster/lib/process.sh
