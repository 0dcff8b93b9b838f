/*
 * openapi-compile: schema tables (schema/openapi-layout.h) out of OpenAPI v3
 * documents on the disk. Run by contrib/openapi/tables, and by the tests
 * that compare. Trusts the documents to be Kubernetes' own.
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/openapi-build.h"
#include "schema/openapi.h"

static const char usage[] =
"usage: openapi-compile --kubernetes VERSION --required LIST -o FILE DOCUMENT...\n"
"\n"
"Makes a schema table out of the OpenAPI v3 documents of one API server.\n"
"LIST has a field a line that the server really requires, of those that\n"
"OpenAPI calls so: SCHEMA.FIELD; # begins a comment.\n";

static int read_required(const char *path, struct map *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OPENAPI_DOCUMENT);
	int rc = fs_read(AT_FDCWD, path, &text, err);

	for (char *at = text.data; !rc && *at;) {
		char *end = strchrnul(at, '\n');
		size_t len = strcspn(at, "#\n \t");

		if (len)
			map_putn(ret, at, len, ret);
		at = end + (*end == '\n');
	}
	buf_release(&text);
	return rc;
}

static int read_document(const char *path, struct openapi_source *s,
			 struct arena *a, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OPENAPI_DOCUMENT);
	struct node *document;
	int rc = fs_read(AT_FDCWD, path, &text, err);

	if (!rc)
		rc = json_read(text.data, text.len, a, &document, err);
	if (!rc)
		rc = openapi_source_add(s, document, err);
	buf_release(&text);
	return rc ? err_wrap(err, "'%s'", path) : 0;
}

static int compile(const struct openapi_source *s, const char *path,
		   struct err *err)
{
	struct buf table = BUF_INIT(LIMIT_OPENAPI_BYTES);
	struct openapi o = OPENAPI_INIT;
	int rc = openapi_build(s, &table, err);

	if (!rc)
		rc = openapi_of(table.data, table.len, &o, err);
	if (!rc && !o.n_kinds)
		rc = err_set(err, ERR_INVALID, "the documents have no kind");
	if (!rc)
		rc = fs_write(AT_FDCWD, path, table.data, table.len, 0644,
			      err);
	if (!rc)
		printf("%s: %s, %u kinds, %u types, %u fields, %zu bytes\n",
		       path, openapi_kubernetes(&o), o.n_kinds, o.n_types,
		       o.n_fields, table.len);
	openapi_close(&o);
	buf_release(&table);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "kubernetes", required_argument, NULL, 'k' },
		{ "required", required_argument, NULL, 'r' },
		{ 0 },
	};
	struct openapi_source source = OPENAPI_SOURCE_INIT;
	const char *out = NULL, *required = NULL;
	struct map enforced = MAP_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	int c, rc = 0;

	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (c == 'k')
			source.kubernetes = optarg;
		else if (c == 'r')
			required = optarg;
		else if (c == 'o')
			out = optarg;
		else
			rc = -1;
	}
	if (rc || !source.kubernetes || !out || !required || optind == argc) {
		fputs(usage, stderr);
		return 129;
	}
	source.enforced = &enforced;
	rc = read_required(required, &enforced, &err);
	for (int i = optind; !rc && i < argc; i++)
		rc = read_document(argv[i], &source, &a, &err);
	if (!rc)
		rc = compile(&source, out, &err);
	if (rc)
		fprintf(stderr, "openapi-compile: %s\n", err.msg);
	openapi_source_release(&source);
	map_release(&enforced, NULL);
	arena_release(&a);
	return rc ? 1 : 0;
}
