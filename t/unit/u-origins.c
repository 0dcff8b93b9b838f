/* Origins texts: read back what was written, refuse all else. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/origins.h"
#include "t/unit/tap.h"

static const char good[] =
	"a deploy/prod/a b:c.yaml:7\n"
	"system:x deploy/x.yaml:1\n"
	"web deploy/\xc3\xa9.yaml:4294967295\n";

static void test_read(void)
{
	struct origins o = ORIGINS_INIT;
	struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;
	const struct origin *e;

	ok(!origins_parse(good, strlen(good), &o, &err) && o.n == 3, "read");
	e = origins_find(&o, "a");
	ok(e && e->line == 7 && !strcmp(e->path, "deploy/prod/a b:c.yaml"),
	   "a path may hold spaces and colons");
	ok(!origins_find(&o, "b"), "what is not there is not found");
	origins_edit(&o, NULL, 0, &out);
	is_str(out.data, good, "written as it was read");
	origins_release(&o);
	buf_release(&out);
}

static void test_refuse(void)
{
	static const char *const bad[] = {
		"", "a p:1", "a p\n", "a p:0\n", "a p:01\n", "a :1\n",
		" p:1\n", "a p:4294967296\n", "b p:1\na p:1\n",
		"a p:1\na p:2\n", "a p:1\n\n", "a\tb p:1\n", "a p\x01:1\n",
		"a p\xff:1\n", "ap:1\n", ".a p:1\n", "a p:-1\n",
	};
	struct origins o = ORIGINS_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(origins_parse(bad[i], strlen(bad[i]), &o, &err) < 0 &&
		   err.class == ERR_INVALID && !o.v, "bad text %zu", i);
}

static void test_path_limit(void)
{
	char *p = xcalloc(1, LIMIT_PATH_BYTES + 2);

	memset(p, 'p', LIMIT_PATH_BYTES);
	ok(origin_path_ok(p), "a path at the limit");
	p[LIMIT_PATH_BYTES] = 'p';
	ok(!origin_path_ok(p), "a path one beyond");
	free(p);
}

static void test_edit(void)
{
	struct origins o = ORIGINS_INIT;
	struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;
	struct origin edits[] = {
		{ "zed", "z.yaml", 3 }, { "a", NULL, 0 },
		{ "b", "b.yaml", 2 }, { "web", "w.yaml", 9 },
		{ "gone", NULL, 0 },
	};
	struct origin del[] = { { "a", NULL, 0 } };

	origins_parse(good, strlen(good), &o, &err);
	origins_edit(&o, edits, ARRAY_SIZE(edits), &out);
	is_str(out.data, "b b.yaml:2\nsystem:x deploy/x.yaml:1\n"
	       "web w.yaml:9\nzed z.yaml:3\n", "set, replaced, removed");
	origins_release(&o);

	buf_reset(&out);
	origins_edit(NULL, edits + 1, 1, &out);
	is_str(out.data, "b b.yaml:2\n", "from nothing");
	buf_reset(&out);
	origins_parse("a p:1\n", 6, &o, &err);
	origins_edit(&o, del, 1, &out);
	is_str(out.data, "", "the last one removed leaves nothing");
	origins_release(&o);
	buf_release(&out);
}

int main(void)
{
	test_read();
	test_refuse();
	test_path_limit();
	test_edit();
	return tap_done();
}
