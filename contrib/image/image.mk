# The engine's image: scripts, nothing to compile before.
EXTRA_DIST += \
	contrib/image/Containerfile \
	contrib/image/README.md \
	contrib/image/build \
	contrib/image/contents

.PHONY: image
image:
	$(srcdir)/contrib/image/build -o windlass-image.tar
CLEANFILES += windlass-image.tar
