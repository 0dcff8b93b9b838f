# schema/values/: what the API server checks in Go, one file for each thing.
libschema_a_SOURCES += \
	schema/values/address.c schema/values/address.h \
	schema/values/admission.c schema/values/admission.h \
	schema/values/affinity.c \
	schema/values/at.c schema/values/at.h \
	schema/values/autoscaling.c \
	schema/values/claim.c \
	schema/values/class.c \
	schema/values/common.c schema/values/common.h \
	schema/values/container.c \
	schema/values/core.c \
	schema/values/cron.c schema/values/cron.h \
	schema/values/disruption.c \
	schema/values/endpoints.c \
	schema/values/env.c \
	schema/values/flowcontrol.c \
	schema/values/immutable-kinds.c schema/values/immutable-kinds.h \
	schema/values/immutable.c schema/values/immutable.h \
	schema/values/ingress.c \
	schema/values/job.c schema/values/job.h \
	schema/values/kinds.h \
	schema/values/mount.c \
	schema/values/network.c \
	schema/values/node.c \
	schema/values/pod-annotation.c \
	schema/values/pod-network.c \
	schema/values/pod-total.c \
	schema/values/pod-volume.c \
	schema/values/pod.c schema/values/pod.h \
	schema/values/policy.c \
	schema/values/probe.c \
	schema/values/projected.c \
	schema/values/quantity.c schema/values/quantity.h \
	schema/values/quota.c \
	schema/values/rbac.c \
	schema/values/resource.c schema/values/resource.h \
	schema/values/resources.c \
	schema/values/same.c schema/values/same.h \
	schema/values/security.c \
	schema/values/selector.c \
	schema/values/service.c \
	schema/values/source.c \
	schema/values/storage.h \
	schema/values/values.c schema/values/values.h \
	schema/values/volume.c \
	schema/values/workload.c schema/values/workload.h \
	schema/values/zones.inc
