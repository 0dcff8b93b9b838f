# schema/values/: what the API server checks in Go, one file for each thing.
libschema_a_SOURCES += \
	schema/values/at.c schema/values/at.h \
	schema/values/common.c schema/values/common.h \
	schema/values/container.c \
	schema/values/env.c \
	schema/values/kinds.h \
	schema/values/mount.c \
	schema/values/pod.c schema/values/pod.h \
	schema/values/probe.c \
	schema/values/quantity.c schema/values/quantity.h \
	schema/values/selector.c \
	schema/values/values.c schema/values/values.h \
	schema/values/workload.c
