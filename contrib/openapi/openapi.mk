# What makes schema/openapi/*, and the tables themselves.
check_PROGRAMS += contrib/openapi/openapi-compile
contrib_openapi_openapi_compile_SOURCES = contrib/openapi/compile.c
contrib_openapi_openapi_compile_LDADD = $(SCHEMA_LIBS)
EXTRA_DIST += contrib/openapi/README.md contrib/openapi/tables \
	contrib/openapi/required contrib/openapi/retired contrib/openapi/zones \
	contrib/openapi/mutate contrib/openapi/exceptions \
	contrib/openapi/v1.34 contrib/openapi/v1.35
