/*
 * windlass show: one bundle and what it changed, or one object of it.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/bundles.h"
#include "schema/base/clock.h"
#include "schema/base/options.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass show [--repo DIR] BUNDLE [OBJECT]\n"
"\n"
"Shows what a bundle says about itself and the objects that it created,\n"
"changed and deleted. With OBJECT, a path as that list prints it, shows the\n"
"object exactly as it is applied; the values of a Secret are hidden.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --repo DIR       the repository (default: $GIT_DIR, or here)\n";

static int print_change(void *arg, char op, const char *path,
			const git_oid *old_id, const git_oid *new_id,
			struct err *err)
{
	bool color = *(bool *)arg;
	const char *paint = op == '+' ? "\033[32m" : op == '-' ? "\033[31m"
							       : "\033[33m";

	printf("%s%c%s ", color ? paint : "", op, color ? "\033[m" : "");
	cli_print_scrubbed(path, strlen(path));
	putchar('\n');
	return 0;
}

static int show_bundle(git_repository *repo, const struct bundle_at *at,
		       struct err *err)
{
	const struct bundle *b = &at->commit.bundle;
	char when[CLOCK_TEXT_SIZE], content[SHA256_HEX_SIZE];
	struct buf people = BUF_INIT(4096);
	bool color = cli_color(stdout);
	struct bundle_at before;
	int none = bundle_before(repo, at, &before, err);

	if (none < 0)
		return -1;
	clock_format(b->issued, when);
	sha256_hex(&b->content, content);
	buf_adds(&people, "author     ");
	buf_add_scrubbed(&people, at->commit.author,
			 strlen(at->commit.author));
	buf_adds(&people, "\npublisher  ");
	buf_add_scrubbed(&people, at->commit.committer,
			 strlen(at->commit.committer));
	printf("bundle     %s %" PRIu64 ".%" PRIu64 "\n", b->channel, b->epoch,
	       b->sequence);
	printf("commit     %s\nparent     %s\n", at->id,
	       at->commit.parent[0] ? at->commit.parent : "none");
	printf("content    sha256:%s\n", content);
	printf("source     %s %s\n%s\nissued     %s\nrenderer   %s\n",
	       b->source_commit, b->source_ref, people.data, when,
	       b->renderer);
	if (b->pushers.n)
		printf("pushed by  %s", b->pushers.v[0]);
	for (size_t i = 1; i < b->pushers.n; i++)
		printf(", %s", b->pushers.v[i]);
	if (b->pushers.n)
		puts("");
	printf("objects    %" PRIu64 " (+%" PRIu64 " ~%" PRIu64 " -%" PRIu64
	       ")\n\n", b->objects, b->created, b->changed, b->deleted);
	buf_release(&people);
	return bundle_changes(repo, none ? NULL : &before, at, print_change,
			      &color, err);
}

/* For a terminal, that no object shall control. */
static void print_lines(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *lf = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((lf ? lf : end) - text);

		cli_print_scrubbed(text, n);
		putchar('\n');
		text += n + 1;
	}
}

static int show_object(git_repository *repo, const struct bundle_at *at,
		       const char *path, struct err *err)
{
	struct buf text = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	git_oid tree, blob;
	unsigned mode;
	int rc;

	if (repo_commit_tree(repo, at->id, &tree, err) < 0)
		return -1;
	rc = repo_tree_entry(repo, &tree, path, &blob, &mode, err);
	if (rc > 0)
		return err_set(err, ERR_INVALID, "bundle %.12s has no '%s'; "
			       "`windlass show` lists what changed", at->id,
			       path);
	if (rc == 0)
		rc = bundle_object(repo, path, &blob, &text, err);
	if (rc == 0 && isatty(STDOUT_FILENO))
		print_lines(text.data, text.len);
	else if (rc == 0)
		fwrite(text.data, 1, text.len, stdout);
	buf_release(&text);
	return rc;
}

static int parse_options(int argc, char **argv, const char **repo)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", repo),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && (argc - optind < 1 || argc - optind > 2))
		return usage_error(usage, "name one bundle");
	return status;
}

int cmd_show(int argc, char **argv)
{
	const char *dir = NULL;
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	struct bundle_at at;
	int status = parse_options(argc, argv, &dir);

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (bundles_open(dir, &repo, &err) < 0 ||
	    bundle_find(repo, argv[optind], &at, &err) < 0 ||
	    (argc - optind == 2
	     ? show_object(repo, &at, argv[optind + 1], &err)
	     : show_bundle(repo, &at, &err)) < 0)
		status = command_fail(&err);
	git_repository_free(repo);
	return status;
}
