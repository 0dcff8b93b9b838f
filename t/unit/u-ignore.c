/*
 * .windlassignore: the rules of gitignore(5), each with what it matches and
 * what it does not. Stock git judges the same table (git check-ignore).
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/ignore.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static const char *const texts[] = {
	"foo\n", "/foo\n", "foo/\n", "/foo/\n", "foo/bar\n", "/foo/bar",
	"*.yaml\n!keep.yaml\n", "*\n!*.yaml\n", "*\n!*/\n!*.yaml\n",
	"foo/\n!foo/keep.yaml\n", "foo/*\n!foo/keep.yaml\n",
	"**/foo\n", "foo/**\n", "a/**/b\n", "**/a/**/b/**\n", "**\n", "a**b\n",
	"a/**/**/b\n", "**/\n", "/**\n", "/*\n!/foo\n", "a*/b\n", "a?b\n",
	"[ab].yaml\n", "[!ab].yaml\n", "[^a].yaml\n", "[a-c]\n", "[[:digit:]]\n",
	"[ab\n", "[]]\n", "\\[ab\n", "a[/]b\n", "foo\\*\n", "a/b*\n",
	"# c\n\\#x\n", "\\!x\n", "!x\n", "foo \n", "foo\\ \n", "foo\t\n",
	"foo\r\nbar\r\n", ("\xef\xbb\xbf" "foo\n"), "\n\n/\n//\nfoo//\n", "foo\\\n",
	"foo/bar/\n", "*/foo\n", "b/../foo\n", "./foo\n", "a//b\n", "!foo\nfoo\n",
	"foo\n!foo\n", "*.y*ml\n", "*[.]yaml\n", ".*\n", "f\\oo\n",
	"**foo\n", "foo**\n", "a/b**\n", "a/**b/c\n", "**/**\n", "[[:foo:]]\n",
	"foo/**/\n", "!/*\n", "[[:alpha:]]*\n", "[a\\]]b\n", "[]-]\n", "[[]ab\n",
	"[!]]\n", "[[:alpha:]\n", "\\[ab]\n", "x[\n", "**/b/../\n", "a/\n!a/b/\n!a/b/c\n",
};

static const char *const paths[] = {
	"foo", "bar", "foo/bar", "foo/bar/x", "a/foo", "a/foo/bar", "a/b/foo",
	"foo/keep.yaml", "keep.yaml", "x.yaml", "a/x.yaml", "a.yaml",
	"b.yaml", "a", "b", "a/b", "a/x/b", "a/x/y/b", "a/x/y/b/z", "x/a/b/c",
	"ab", "axb", "aa/b", "ab/b", "5", "[ab", "]", "a]b", "foo*", "fooX",
	"#x", "!x", "x", "foo ", "foo\t", "foo\\", "foo\r", "z", ".foo",
	"a/.foo/x", "a/b/c", "a/bc", "a/bc/d", "a/xb/c", "a[/]b", "x/a/y/b/z",
	"a/b/c/d.yml", "# c", "a-b", "-",
};

static void test_table(const char *dir)
{
	char *git_dir = xasprintf("--git-dir=%s/.git", dir);
	char *work_tree = xasprintf("--work-tree=%s", dir);
	char *file = xasprintf("%s/" ".gitignore", dir);
	struct buf in = BUF_INIT(65536), out = BUF_INIT(65536);
	struct err err = ERR_INIT;
	const char *check[] = { "git", git_dir, work_tree,
		"-c", "core.excludesFile=/dev/null", "check-ignore",
		"--no-index", "-z", "--stdin", NULL };
	struct proc p = { .argv = check, .dir = dir, .out = &out };
	int wrong = 0, runs = 0, ignored = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		buf_add(&in, paths[i], strlen(paths[i]) + 1);
	p.in = in.data;
	p.in_len = in.len;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		struct ignore *ig;
		const char *at;
		int status;

		ignore_new(&ig);
		ignore_add(ig, "", texts[t], strlen(texts[t]), &err);
		buf_reset(&out);
		if (fs_write(AT_FDCWD, file, texts[t], strlen(texts[t]), 0600,
			     &err) || proc_run(&p, &status, &err)) {
			ok(0, "%s", err.msg);
			break;
		}
		at = out.data;
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
			bool git = at < out.data + out.len &&
				   !strcmp(at, paths[i]);
			bool ours = ignore_match(ig, paths[i]);

			if (git)
				at += strlen(at) + 1;
			ignored += git;
			runs++;
			if (git == ours)
				continue;
			wrong++;
			printf("# '%s' by '%s': git %d, we %d\n", paths[i],
			       texts[t], git, ours);
		}
		ignore_free(ig);
	}
	is_int(wrong, 0, "we ignore exactly what git ignores");
	ok(runs == ARRAY_SIZE(texts) * ARRAY_SIZE(paths) && ignored > 200,
	   "%d cases, %d ignored", runs, ignored);
	buf_release(&in);
	buf_release(&out);
	free(git_dir);
	free(work_tree);
	free(file);
}

static void test_nested(void)
{
	static const char top[] = "*.yaml\n/gen/\n!gen/x.yaml\n";
	static const char sub[] = "!web.yaml\n/only\n";
	struct ignore *ig;
	struct err err = ERR_INIT;

	ignore_new(&ig);
	ok(!ignore_match(ig, "a.yaml"), "nothing is ignored at first");
	ignore_add(ig, "apps/a", sub, strlen(sub), &err);
	ignore_add(ig, "", top, strlen(top), &err);
	ok(ignore_match(ig, "web.yaml") && ignore_match(ig, "apps/web.yaml") &&
	   !ignore_match(ig, "apps/a/web.yaml") &&
	   !ignore_match(ig, "apps/a/b/web.yaml"),
	   "a nearer file wins below it");
	ok(ignore_match(ig, "apps/a/only") && !ignore_match(ig, "apps/only") &&
	   !ignore_match(ig, "apps/a/b/only"),
	   "its patterns are relative to it");
	ok(ignore_match(ig, "gen/x.yaml") && ignore_match(ig, "gen/a/b"),
	   "nothing comes back from an ignored directory");
	ignore_free(ig);
}

static void test_limits(void)
{
	char *text = xmalloc(LIMIT_IGNORE_BYTES + 1);
	struct ignore *ig;
	struct err err = ERR_INIT;

	ignore_new(&ig);
	memset(text, '\n', LIMIT_IGNORE_BYTES + 1);
	is_int(ignore_add(ig, "", text, LIMIT_IGNORE_BYTES, &err), 0,
	       "a text at the limit");
	is_int(ignore_add(ig, "", text, LIMIT_IGNORE_BYTES + 1, &err), -1,
	       "one byte beyond");
	is_str(err.msg, ".windlassignore is larger than 65536 bytes",
	       "the message says so");
	ok(ignore_add(ig, "", "a\0b\n", 4, &err) < 0, "NUL bytes are refused");
	/* backtracking must not explode */
	for (size_t i = 0; i + 3 <= 3000; i += 3)
		memcpy(text + i, "**/", 3);
	memcpy(text + 3000, "x\n", 2);
	ok(!ignore_add(ig, "", text, 3002, &err) &&
	   !ignore_match(ig, "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/y"),
	   "a thousand '**/' end in time");
	memset(text, '*', 200);
	for (size_t i = 1; i < 200; i += 2)
		text[i] = 'a';
	memcpy(text + 200, "x\n", 2);
	ok(!ignore_add(ig, "", text, 202, &err) &&
	   !ignore_match(ig, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaay"),
	   "so does '*a*a*a...x'");
	ignore_free(ig);
	free(text);
}

/* A large text in many directories. */
static void test_all_bytes(void)
{
	const size_t n = LIMIT_IGNORE_ALL_BYTES / LIMIT_IGNORE_BYTES;
	char *text = xmalloc(LIMIT_IGNORE_BYTES), dir[32];
	struct err err = ERR_INIT;
	struct ignore *ig;
	size_t good = 0;

	ignore_new(&ig);
	memset(text, '\n', LIMIT_IGNORE_BYTES);
	for (size_t i = 0; i < n; i++) {
		snprintf(dir, sizeof(dir), "d%zu", i);
		good += !ignore_add(ig, dir, text, LIMIT_IGNORE_BYTES, &err);
	}
	is_int(good, n, "as many as may be in all");
	ok(ignore_add(ig, "more", "#", 1, &err) < 0 &&
	   strstr(err.msg, "16777216"), "not one byte more");
	ignore_free(ig);
	free(text);
}

/* A pattern and a name that take a million steps, and differ at once. */
static void test_steps(void)
{
	const size_t len = 49728, name_len = 1287;
	char *text = xmalloc(len), *name = xmalloc(name_len + 1);
	struct err err = ERR_INIT;
	struct ignore *ig;
	size_t n = LIMIT_IGNORE_STEPS / 1000000;

	ignore_new(&ig);
	memset(text, 'x', len);
	memset(name, 'y', name_len);
	name[name_len] = '\0';
	ignore_add(ig, "", text, len, &err);
	for (size_t i = 0; i < n; i++)
		ignore_match(ig, name);
	is_int(ignore_check(ig, &err), 0, "as many steps as may be");
	ok(!ignore_match(ig, "a") && ignore_check(ig, &err) < 0 &&
	   strstr(err.msg, "500000000 steps"), "one more is too many");
	ignore_free(ig);
	free(text);
	free(name);
}

int main(void)
{
	char dir[] = "/tmp/u-ignore.XXXXXX";
	struct err err = ERR_INIT;
	const char *init[] = { "git", "init", "-q", dir, NULL };
	struct proc p = { .argv = init };

	if (!mkdtemp(dir) || proc_check(&p, &err)) {
		ok(0, "git init: %s", err.msg);
		return tap_done();
	}
	test_table(dir);
	test_nested();
	test_limits();
	test_all_bytes();
	test_steps();
	fs_remove_tree(dir, &err);
	return tap_done();
}
