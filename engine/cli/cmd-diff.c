/*
 * windlass diff: what one bundle would change against another, as the lines
 * of the objects that are applied. Secrets show which keys moved, never a
 * value.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <string.h>

#include "engine/cli/bundles.h"
#include "schema/base/options.h"
#include "schema/json.h"

static const char usage[] =
"usage: windlass diff [--repo DIR] [--name-only] BUNDLE [BUNDLE]\n"
"\n"
"Shows what differs between two bundles, object by object; with one BUNDLE,\n"
"between it and the one before. Of Secrets only the names of the keys that\n"
"changed are shown.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --repo DIR       the repository (default: $GIT_DIR, or here)\n"
"  --name-only      only the list of objects\n"
"  --exit-code      exit 1 if anything differs\n";

struct diff {
	git_repository *repo;
	const char *dir;
	bool name_only, exit_code, color;
	size_t changes;
};

static void print_line(const struct diff *d, char op, const char *text,
		       size_t len)
{
	const char *paint = op == '+' ? "\033[32m" : op == '-' ? "\033[31m"
							       : "";
	const char *end = *paint ? "\033[m" : "";

	printf("%s%c", d->color ? paint : "", op);
	cli_print_scrubbed(text, len);
	puts(d->color ? end : "");
}

static int print_patch_line(const git_diff_delta *delta,
			    const git_diff_hunk *hunk,
			    const git_diff_line *line, void *arg)
{
	const struct diff *d = arg;
	size_t len = line->content_len;

	if (line->origin == GIT_DIFF_LINE_HUNK_HDR) {
		printf("%s@@ -%d,%d +%d,%d @@%s\n", d->color ? "\033[36m" : "",
		       hunk->old_start, hunk->old_lines, hunk->new_start,
		       hunk->new_lines, d->color ? "\033[m" : "");
		return 0;
	}
	if (line->origin != '+' && line->origin != '-' && line->origin != ' ')
		return 0;
	if (len && line->content[len - 1] == '\n')
		len--;
	print_line(d, line->origin, line->content, len);
	return 0;
}

static int print_patch(struct diff *d, const struct buf *old_text,
		       const struct buf *new_text, struct err *err)
{
	git_patch *patch;

	if (git_patch_from_buffers(&patch, old_text->data, old_text->len, NULL,
				   new_text->data, new_text->len, NULL,
				   NULL) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot compare an object");
	git_patch_print(patch, print_patch_line, d);
	git_patch_free(patch);
	return 0;
}

/* One side of a Secret; NULL where there is none. */
static int load_secret(git_repository *repo, const git_oid *blob,
		       struct arena *a, struct node **ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	char id[GIT_HEX_SIZE];
	int rc = 0;

	*ret = NULL;
	if (blob) {
		git_oid_tostr(id, sizeof(id), blob);
		rc = repo_read(repo, id, GIT_OBJECT_BLOB, &text, err);
		if (rc == 0)
			rc = json_read(text.data, text.len, a, ret, err);
	}
	buf_wipe(&text);
	return rc;
}

static void print_key(char op, const struct node_pair *p)
{
	printf("%c data.", op);
	cli_print_scrubbed(p->key, p->key_len);
	puts(" (value hidden)");
}

/* Which keys of its data came, went or changed. */
static void print_keys(const struct node *old_data,
		       const struct node *new_data)
{
	const struct node *sides[2] = { old_data, new_data };

	for (int i = 0; i < 2; i++) {
		const struct node *here = sides[i], *there = sides[!i];

		for (uint32_t k = 0; here && here->type == NODE_MAP &&
		     k < here->n; k++) {
			const struct node_pair *p = &here->pairs[k];
			const struct node *other = node_getn(there, p->key,
							     p->key_len);

			if (!other)
				print_key(i ? '+' : '-', p);
			else if (i && !node_equal(p->value, other))
				print_key('~', p);
		}
	}
}

/* What is no secret about it: its labels, its type. */
static void write_rest(struct arena *a, struct node *secret, struct buf *out)
{
	if (!secret)
		return;
	node_del(secret, "data");
	bundle_hide_secret(a, secret);
	json_write_canonical(secret, out);
}

static int print_secret(struct diff *d, const git_oid *old_id,
			const git_oid *new_id, struct err *err)
{
	struct buf old_text = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct buf new_text = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct arena a = ARENA_INIT;
	struct node *old, *new;
	int rc = load_secret(d->repo, old_id, &a, &old, err);

	if (rc == 0)
		rc = load_secret(d->repo, new_id, &a, &new, err);
	if (rc == 0) {
		print_keys(node_get(old, "data"), node_get(new, "data"));
		write_rest(&a, old, &old_text);
		write_rest(&a, new, &new_text);
		rc = print_patch(d, &old_text, &new_text, err);
	}
	arena_wipe(&a);
	buf_release(&old_text);
	buf_release(&new_text);
	return rc;
}

static int print_change(void *arg, char op, const char *path,
			const git_oid *old_id, const git_oid *new_id,
			struct err *err)
{
	struct diff *d = arg;
	struct buf old_text = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct buf new_text = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	int rc = 0;

	d->changes++;
	printf("%s%c ", d->color ? "\033[1m" : "", op);
	cli_print_scrubbed(path, strlen(path));
	puts(d->color ? "\033[m" : "");
	if (d->name_only)
		return 0;
	if (bundle_path_is_secret(path))
		return print_secret(d, old_id, new_id, err) < 0 ?
		       err_wrap(err, "'%s'", path) : 0;
	if (old_id)
		rc = bundle_object(d->repo, path, old_id, &old_text, err);
	if (rc == 0 && new_id)
		rc = bundle_object(d->repo, path, new_id, &new_text, err);
	if (rc == 0)
		rc = print_patch(d, &old_text, &new_text, err);
	buf_release(&old_text);
	buf_release(&new_text);
	return rc;
}

static int parse_options(int argc, char **argv, struct diff *d)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &d->dir),
		OPTION_FLAG("name-only", &d->name_only),
		OPTION_FLAG("exit-code", &d->exit_code),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && (argc - optind < 1 || argc - optind > 2))
		return usage_error(usage, "name one bundle or two");
	return status;
}

int cmd_diff(int argc, char **argv)
{
	struct diff d = { .color = cli_color(stdout) };
	struct bundle_at from, to;
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &d), none = 0;

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (bundles_open(d.dir, &d.repo, &err) < 0 ||
	    bundle_find(d.repo, argv[argc - 1], &to, &err) < 0)
		goto fail;
	if (argc - optind == 2)
		none = bundle_find(d.repo, argv[optind], &from, &err);
	else
		none = bundle_before(d.repo, &to, &from, &err);
	if (none < 0 || bundle_changes(d.repo, none ? NULL : &from, &to,
				       print_change, &d, &err) < 0)
		goto fail;
	if (d.exit_code && d.changes)
		status = EXIT_REFUSED;
	goto out;
fail:
	status = command_fail(&err);
out:
	git_repository_free(d.repo);
	return status;
}
