/*
 * Which tag is the newest, and the markers in manifests: versions by
 * semver.org, ranges as Masterminds/semver reads them, numbers, words,
 * filters; edits that touch the marked bytes and nothing else.
 */
#include "config.h"
#include "hooks/image-marker.h"
#include "hooks/tag-policy.h"

#include <fcntl.h>
#include <git2.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

static char *folder;

/* ---- versions ---- */

static int compare(const char *a, const char *b)
{
	struct version v, w;

	if (version_parse(a, strlen(a), &v) < 0 ||
	    version_parse(b, strlen(b), &w) < 0)
		return 99;
	return version_compare(&v, &w);
}

static void test_versions(void)
{
	/* the order that semver.org gives, and numbers beyond 64 bits in
	 * what is before a release */
	static const char *const rising[] = {
		"0.0.1", "0.9.0", "1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1",
		"1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-beta.99999999999999999999999",
		"1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "v2.0.0",
		"18446744073709551615.0.0",
	};
	static const char *const none[] = {
		"", "1", "1.2", "v", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-",
		"1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3 ", " 1.2.3", "x",
		"1.2.x", "latest", "18446744073709551616.0.0", "1.2.3-a_b",
		"vv1.2.3", "1.2.3-\xc3\xa9",
	};
	struct version v;

	for (size_t i = 0; i < ARRAY_SIZE(rising); i++)
		for (size_t j = 0; j < ARRAY_SIZE(rising); j++) {
			int c = compare(rising[i], rising[j]);

			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				ok(false, "%s against %s", rising[i],
				   rising[j]);
		}
	ok(compare("1.0.0+a", "v1.0.0+b") == 0, "metadata orders nothing");
	ok(compare("1.0.0-01a", "1.0.0-01a") == 0, "01a is a word");
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ok(version_parse(none[i], strlen(none[i]), &v) < 0,
		   "'%s' is no version", none[i]);
}

static bool in_range(const char *range, const char *version)
{
	struct version_range *r;
	struct version v;
	struct err err = ERR_INIT;
	bool in;

	if (version_range_parse(range, &r, &err) < 0 ||
	    version_parse(version, strlen(version), &v) < 0) {
		printf("# %s: %s\n", range, err.msg);
		return false;
	}
	in = version_range_has(r, &v);
	version_range_free(r);
	return in;
}

static void test_ranges(void)
{
	static const struct {
		const char *range, *in, *out;	/* words */
	} cases[] = {
		{ "*", "0.0.0 9.9.9", "1.0.0-rc.1" },
		{ "1.x", "1.0.0 1.99.0", "0.9.9 2.0.0 1.1.0-rc.1" },
		{ "1", "1.0.0 1.99.0", "0.9.9 2.0.0" },
		{ "v1.2", "1.2.0 1.2.9", "1.3.0 1.1.9" },
		{ "1.2.3", "1.2.3", "1.2.4 1.2.2" },
		{ "=1.2.X", "1.2.7", "1.3.0" },
		{ "!=1.2.x", "1.3.0 1.1.9", "1.2.0 1.2.9" },
		{ "!=1.2.3", "1.2.4", "1.2.3" },
		{ ">1.2.3", "1.2.4", "1.2.3" },
		{ ">11", "12.0.0", "11.1.0 11.0.0" },
		{ ">11.1", "11.2.0", "11.1.5" },
		{ ">=1.2", "1.2.0 9.0.0", "1.1.9" },
		{ "=>1.2", "1.2.0", "1.1.9" },
		{ "<1.2", "1.1.9", "1.2.0 1.2.0-rc.1" },
		{ "<=11", "11.9.9", "12.0.0" },
		{ "<=1.2.3", "1.2.3", "1.2.4" },
		{ "~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0" },
		{ "~>1.2", "1.2.0 1.2.9", "1.3.0" },
		{ "~1", "1.0.0 1.9.0", "2.0.0" },
		{ "^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 1.9.0-rc.1" },
		{ "^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2" },
		{ "^0.0.3", "0.0.3", "0.0.4 0.0.2" },
		{ "^0.0", "0.0.0 0.0.9", "0.1.0" },
		{ "^0", "0.0.1 0.9.0", "1.0.0" },
		{ ">=1.2 <2, !=1.5.0", "1.2.0 1.9.0", "1.5.0 2.0.0 1.1.0" },
		{ ">= 1.2, < 2.0.0", "1.2.0", "2.0.0" },
		{ "1.2 - 1.4.5", "1.2.0 1.4.5", "1.1.9 1.4.6" },
		{ "1.2 - 1.4", "1.2.0 1.4.9", "1.5.0" },
		{ "1.1.x || ^3", "1.1.5 3.2.0", "1.2.0 4.0.0 2.0.0" },
		{ ">=1.0.0-0", "1.0.0 1.0.0-rc.1 2.0.0-a", "0.9.9" },
		{ "^1.2.0-0", "1.2.0-rc.1 1.3.0-a 1.9.0", "2.0.0-rc.1 2.0.0" },
		{ ">=1.0.0-0 <2.0.0", "1.5.0-rc.1", "2.0.0" },
		{ "18446744073709551615.x", "18446744073709551615.9.0", "1.0.0" },
	};
	static const char *const none[] = {
		"", " ", "latest", "1.2.3.4", ">", "^", "<*", ">x", "1 ||",
		"|| 1", "1.x.3", "1.2 -", "1.2 - x", "^^1", "<>1", "1|2",
		"^18446744073709551615", "1.2.3-", ">=1.2 - 1.4",
	};
	struct err err = ERR_INIT;
	struct version_range *r;
	char *words, *save, *w;

	for (size_t i = 0; i + 1 < ARRAY_SIZE(cases); i++) {
		words = xstrdup(cases[i].in);
		for (w = strtok_r(words, " ", &save); w;
		     w = strtok_r(NULL, " ", &save))
			ok(in_range(cases[i].range, w), "%s has %s",
			   cases[i].range, w);
		free(words);
		words = xstrdup(cases[i].out);
		for (w = strtok_r(words, " ", &save); w;
		     w = strtok_r(NULL, " ", &save))
			ok(!in_range(cases[i].range, w), "%s has not %s",
			   cases[i].range, w);
		free(words);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ok(version_range_parse(none[i], &r, &err) < 0,
		   "'%s' is no range", none[i]);
}

/* ---- policies ---- */

static int read_policies(const char *text, struct tag_policies *ret,
			 struct err *err)
{
	char *path = xasprintf("%s/config", folder);
	char *all = xasprintf("[core]\nrepositoryformatversion = 0\n"
			      "bare = true\n%s", text);
	git_repository *repo;
	struct err ignored = ERR_INIT;
	int rc;

	*err = (struct err)ERR_INIT;
	unlink(path);
	if (fs_write(AT_FDCWD, path, all, strlen(all), 0644, &ignored) < 0 ||
	    repo_open(folder, false, &repo, &ignored) < 0) {
		printf("Bail out! %s\n", ignored.msg);
		exit(1);
	}
	rc = tag_policies_read(repo, ret, err);
	git_repository_free(repo);
	free(path);
	free(all);
	return rc;
}

/* What the policy of these lines selects of the tags. */
static void selects(const char *lines, const char *tags, const char *want)
{
	char *text = xasprintf("[windlass-image \"ns:web\"]\nimage = r/web\n"
			       "%s", lines);
	struct tag_policies ps = TAG_POLICIES_INIT;
	struct strvec sv = STRVEC_INIT;
	struct err err;
	const char *got = NULL;
	char *words = xstrdup(tags), *save, *w;

	for (w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		strvec_push(&sv, w);
	if (read_policies(text, &ps, &err) < 0)
		printf("# %s\n", err.msg);
	else
		got = tag_policy_select(&ps.v[0], &sv);
	ok(want ? got && !strcmp(got, want) : !got, "%s of %s: %s", lines,
	   tags, got ? got : "none");
	tag_policies_release(&ps);
	strvec_release(&sv);
	free(words);
	free(text);
}

static void refused(const char *text, const char *part)
{
	struct tag_policies ps = TAG_POLICIES_INIT;
	struct err err;
	int rc = read_policies(text, &ps, &err);

	ok(rc < 0 && strstr(err.msg, part), "refused: %s", err.msg);
	tag_policies_release(&ps);
}

#define S "[windlass-image \"ns:web\"]\n"

static void test_policies(void)
{
	selects("semver = 1.x", "1.2.0 1.10.0 v1.9.0 2.0.0 latest 1.11.0-rc.1",
		"1.10.0");
	selects("semver = 3.x", "1.2.0 latest", NULL);
	selects("numeric = asc", "9 10 08 x", "10");
	selects("numeric = desc", "9 10 8 x", "8");
	selects("numeric = asc", "-2 -1.5 -1.50 -3", "-1.50");
	selects("numeric = asc", "1.5 1.45 1.05", "1.5");
	selects("numeric = asc",
		"100000000000000000000000001 100000000000000000000000000",
		"100000000000000000000000001");
	selects("alphabetical = asc", "apple pear zoo", "zoo");
	selects("alphabetical = desc", "apple pear zoo", "apple");
	selects("alphabetical = asc\nfilter = ^RELEASE\\\\.",
		"RELEASE.2024 RELEASE.2025 zoo", "RELEASE.2025");
	selects("numeric = asc\n"
		"filter = \"^main-[a-f0-9]+-(?P<ts>[0-9]+)$\"\nextract = $ts",
		"main-ab-9 main-00-10 dev-ff-99 main-ab-x", "main-00-10");
	selects("numeric = asc\nfilter = \"^b([0-9]+)\"\nextract = ${1}",
		"b9-z b10-a", "b10-a");
	selects("semver = *\nfilter = \"^(.*)-alpine$\"\nextract = $1",
		"1.0.0-alpine 2.0.0-alpine 3.0.0", "2.0.0-alpine");
	selects("numeric = asc\nfilter = \"^b([0-9]+)\"\nextract = $7",
		"b9 b10", NULL);
	/* takes for ever: no match, and soon */
	selects("alphabetical = asc\nfilter = \"^(a+)+$\"",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
		NULL);
	refused(S "image = r/web\n", "does not say which tag");
	refused(S "semver = 1.x\n", "has no image");
	refused(S "image = r/web:1.2\n", "image without its tag");
	refused(S "image = https://r/web\n", "image without its tag");
	refused(S "image = r/../web\n", "image without its tag");
	refused(S "semver = new\n", "range of versions");
	refused(S "semver = 1.x\nnumeric = asc\n", "the only one");
	refused(S "numeric = up\n", "asc");
	refused(S "filter = (\n", "regular expression");
	refused(S "extract = ts\n", "group");
	refused(S "image = r/w\nsemver = *\nextract = $1\n", "no filter");
	refused(S "sember = 1.x\n", "semver");
	refused("[windlass-image]\nimage = r/w\n", "policy's name");
	refused("[windlass-image \"a b\"]\nimage = r/w\n", "policy's name");
}

static void test_newer(void)
{
	struct tag_policies ps = TAG_POLICIES_INIT;
	struct err err;

	ok(!read_policies(S "image = r/w\nsemver = 1.x\n", &ps, &err), "reads");
	ok(tag_policy_newer(&ps.v[0], "1.3.0", "1.2.0") > 0, "newer");
	ok(tag_policy_newer(&ps.v[0], "1.3.0", "2.0.0") < 0,
	   "what is beyond the range is newer all the same");
	ok(!tag_policy_newer(&ps.v[0], "1.3.0", "v1.3.0"), "the same");
	ok(tag_policy_newer(&ps.v[0], "1.3.0", "latest") > 0,
	   "latest says nothing");
	tag_policies_release(&ps);
}

/* ---- markers ---- */

/* Sets every value of the text to `value`; it must then be `want`. */
static void sets(const char *text, const char *value, const char *want,
		 const char *what)
{
	struct image_markers ms = IMAGE_MARKERS_INIT;
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	const char *values[8] = { NULL };
	int rc = image_markers_find(text, strlen(text), &ms, &err);

	for (size_t i = 0; i < ms.n && i < ARRAY_SIZE(values); i++)
		values[i] = ms.v[i].is_value ? value : NULL;
	if (!rc)
		rc = image_markers_set(text, strlen(text), &ms, values, &out,
				       &err);
	if (rc < 0 || strcmp(out.data, want))
		printf("# %s\n# %s\n", err.msg, out.data);
	ok(!rc && !strcmp(out.data, want), "%s", what);
	buf_release(&out);
	image_markers_release(&ms);
}

#define MARK " # {\"$imagepolicy\": \"ns:web\"}\n"

static void test_markers(void)
{
	struct image_markers ms = IMAGE_MARKERS_INIT;
	struct err err = ERR_INIT;
	static const char fields[] =
		"a: x:1 # {\"$imagepolicy\": \"ns:web:tag\"}\n"
		"b: x:1\t#{ \"$imagepolicy\":\"ns:web:name\" }  \r\n"
		"c: x:1 # {\"$imagepolicy\": \"ns:tag\"}\n"
		"d: sha256:1 # {\"$imagepolicy\": \"ns:web:digest\"}";

	sets("image: x:1" MARK, "x:2", "image: x:2" MARK, "plain");
	sets("image:   \"x:1\"  " MARK, "x:2", "image:   \"x:2\"  " MARK,
	     "in quotes");
	sets("image: 'x:1'" MARK, "x:22", "image: 'x:22'" MARK, "in others");
	sets("l:\n- x:1" MARK "- name: y\n  image: x:1" MARK, "x:2",
	     "l:\n- x:2" MARK "- name: y\n  image: x:2" MARK, "in lists");
	sets("\xc3\xa9: {}\na: \"\xc3\xa9\"\n---\n\xc3\xa9: x:1" MARK, "x:2",
	     "\xc3\xa9: {}\na: \"\xc3\xa9\"\n---\n\xc3\xa9: x:2" MARK,
	     "columns are characters");
	sets("tag: v1" MARK, "1.10", "tag: \"1.10\"" MARK,
	     "what would be no text any more gets quotes");
	sets("tag: v1" MARK, "1e3", "tag: \"1e3\"" MARK, "1e3, too");
	sets("tag: \"1.9\"" MARK, "1.10", "tag: \"1.10\"" MARK,
	     "or has them");
	sets("text: |\n  image: x:1" MARK "image: x:1\n", "x:2",
	     "text: |\n  image: x:1" MARK "image: x:1\n",
	     "a block of text has no markers");
	sets("a: {image: x:1}" MARK, "x:2", "a: {image: x:1}" MARK,
	     "behind braces there is no value");
	sets("# image: x:1" MARK "a: b\n", "x:2", "# image: x:1" MARK "a: b\n",
	     "a comment has none");
	sets("a: b x:1" MARK, "x:2", "a: b x:1" MARK, "a part of a text");
	sets("a: x:1#{\"$imagepolicy\":\"ns:web\"}\n", "x:2",
	     "a: x:1#{\"$imagepolicy\":\"ns:web\"}\n", "no comment");
	sets("a: &one x:1" MARK "b: *one\n", "x:2",
	     "a: &one x:1" MARK "b: *one\n", "an anchor's value stays");

	ok(!image_markers_find(fields, strlen(fields), &ms, &err), "fields");
	ok(ms.n == 4 && ms.v[0].field == FIELD_TAG &&
	   ms.v[1].field == FIELD_NAME && ms.v[2].field == FIELD_IMAGE &&
	   ms.v[3].field == FIELD_DIGEST, "of each kind");
	ok(ms.n == 4 && !strcmp(ms.v[2].policy, "ns:tag") &&
	   !strcmp(ms.v[1].policy, "ns:web") && ms.v[1].is_value &&
	   ms.v[3].line == 4 && ms.v[3].is_value, "with their policies");
	image_markers_release(&ms);
	ok(image_markers_find("a: [" MARK, strlen("a: [" MARK), &ms, &err) < 0,
	   "no YAML");
}

int main(void)
{
	char template[] = "/tmp/u-images-XXXXXX";
	struct err err = ERR_INIT;
	git_repository *repo = NULL;

	if (repo_init_library(&err) < 0 || !mkdtemp(template))
		return 1;
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL,
			 template);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG,
			 template);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM,
			 template);
	folder = xasprintf("%s/r.git", template);
	if (git_repository_init(&repo, folder, true) < 0)
		return 1;
	git_repository_free(repo);
	test_versions();
	test_ranges();
	test_policies();
	test_newer();
	test_markers();
	fs_remove_tree(template, &err);
	free(folder);
	git_libgit2_shutdown();
	return tap_done();
}
