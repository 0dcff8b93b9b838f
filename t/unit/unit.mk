# Unit tests: one program an area, each prints TAP (t/unit/tap.h).
UNIT_TESTS = \
	t/unit/u-base

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
EXTRA_DIST += t/unit/tap.h

UNIT_LDADD = $(SCHEMA_LIBS)

t_unit_u_base_SOURCES = t/unit/u-base.c t/unit/tap.h
t_unit_u_base_LDADD = $(UNIT_LDADD)
