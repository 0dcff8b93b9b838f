# schema/references/: what objects say of each other.
libschema_a_SOURCES += \
	schema/references/facts.c \
	schema/references/index.c schema/references/index.h \
	schema/references/order.c \
	schema/references/pods.c \
	schema/references/references.c schema/references/references.h
