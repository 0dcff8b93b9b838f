/*
 * Where objects came from. See origins.h. Trusts nothing: the text may come
 * out of a bundle that a thief of the key signed, and ends up in messages.
 */
#include "config.h"
#include "schema/origins.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/utf8.h"
#include "schema/limits.h"
#include "schema/sums.h"

bool origin_path_ok(const char *path)
{
	size_t len = strlen(path);

	if (!len || len > LIMIT_PATH_BYTES)
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(path + i, len - i);
		if (!n || (unsigned char)path[i] < ' ' || path[i] == 0x7f)
			return false;
	}
	return true;
}

static void add(struct origins *o, const struct origin *e)
{
	if (o->n == o->alloc) {
		o->alloc = o->alloc ? o->alloc * 2 : 16;
		o->v = xreallocarray(o->v, o->alloc, sizeof(*o->v));
	}
	o->v[o->n++] = *e;
}

/* "<name> <path>:<line>"; a path may hold spaces and colons itself. */
static int parse_line(const char *line, size_t len, struct arena *a,
		      struct origin *ret)
{
	const char *space = memchr(line, ' ', len);
	const char *colon = memrchr(line, ':', len);
	struct origin e;
	uint64_t no;

	if (!space || !colon || colon < space || memchr(line, '\0', len))
		return -1;
	if (parse_u64n(colon + 1, len - (size_t)(colon + 1 - line), 1,
		       UINT32_MAX, &no) < 0)
		return -1;
	e.name = arena_strndup(a, line, (size_t)(space - line));
	e.path = arena_strndup(a, space + 1, (size_t)(colon - space - 1));
	e.line = (uint32_t)no;
	if (!bundle_name_ok(e.name) || !origin_path_ok(e.path))
		return -1;
	*ret = e;
	return 0;
}

static int parse_lines(const char *text, size_t len, struct origins *o,
		       struct err *err)
{
	for (size_t at = 0, no = 1; at < len; no++) {
		const char *lf = memchr(text + at, '\n', len - at);
		struct origin e;

		if (!lf || parse_line(text + at, (size_t)(lf - text) - at,
				      &o->arena, &e) < 0)
			return err_set(err, ERR_INVALID, "origins line %zu: "
				       "not '<name> <path>:<line>'", no);
		if (o->n && strcmp(o->v[o->n - 1].name, e.name) >= 0)
			return err_set(err, ERR_INVALID, "origins line %zu: "
				       "'%s' is not in order", no, e.name);
		add(o, &e);
		at = (size_t)(lf - text) + 1;
	}
	return 0;
}

int origins_parse(const char *text, size_t len, struct origins *ret,
		  struct err *err)
{
	struct origins o = ORIGINS_INIT;

	if (!len)
		return err_set(err, ERR_INVALID, "an origins file is empty");
	if (len > LIMIT_SUMS_BYTES)
		return err_set(err, ERR_INVALID, "an origins file is larger "
			       "than %u bytes", LIMIT_SUMS_BYTES);
	if (parse_lines(text, len, &o, err) < 0) {
		origins_release(&o);
		return -1;
	}
	*ret = o;
	return 0;
}

static void write_line(const struct origin *e, struct buf *out)
{
	buf_addf(out, "%s %s:%u\n", e->name, e->path, (unsigned)e->line);
}

static int by_name(const void *a, const void *b)
{
	const struct origin *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct origin *origins_find(const struct origins *o, const char *name)
{
	struct origin key = { .name = name };

	return o->n ? bsearch(&key, o->v, o->n, sizeof(*o->v), by_name) : NULL;
}

void origins_edit(const struct origins *old, struct origin *edits, size_t n,
		  struct buf *out)
{
	size_t i = 0;

	if (n)
		qsort(edits, n, sizeof(*edits), by_name);
	for (size_t e = 0; e < n; e++) {
		for (; old && i < old->n; i++) {
			int c = strcmp(old->v[i].name, edits[e].name);

			if (c > 0)
				break;
			if (c < 0)
				write_line(&old->v[i], out);
		}
		if (edits[e].path)
			write_line(&edits[e], out);
	}
	for (; old && i < old->n; i++)
		write_line(&old->v[i], out);
}

void origins_release(struct origins *o)
{
	free(o->v);
	arena_release(&o->arena);
	*o = (struct origins)ORIGINS_INIT;
}
