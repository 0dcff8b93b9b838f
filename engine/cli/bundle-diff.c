/*
 * The lines that two bundles differ by. See bundle-diff.h. What is in a
 * bundle is a stranger's, so all of it is scrubbed; Secrets show which keys
 * moved, never a value.
 */
#include "config.h"
#include "engine/cli/bundle-diff.h"

#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/patch-out.h"
#include "schema/json.h"

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

/* One side of a Secret; NULL where there is none. */
static int parse_secret(const struct buf *text, struct arena *a,
			struct node **ret, struct err *err)
{
	*ret = NULL;
	return text ? json_read(text->data, text->len, a, ret, err) : 0;
}

static int print_secret(struct bundle_diff *d, const struct buf *old_text,
			const struct buf *new_text, struct err *err)
{
	struct buf old_rest = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct buf new_rest = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct arena a = ARENA_INIT;
	struct node *old, *new;
	int rc = parse_secret(old_text, &a, &old, err);

	if (rc == 0)
		rc = parse_secret(new_text, &a, &new, err);
	if (rc == 0) {
		print_keys(node_get(old, "data"), node_get(new, "data"));
		write_rest(&a, old, &old_rest);
		write_rest(&a, new, &new_rest);
		rc = patch_print(&old_rest, &new_rest, d->color, false, err);
	}
	arena_wipe(&a);
	buf_release(&old_rest);
	buf_release(&new_rest);
	return rc;
}

/* ---- one object ---- */

/* The longest run of ` in it: a fence must be longer. */
static size_t backticks(const struct buf *text)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; text && i < text->len; i++) {
		run = text->data[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void print_fence(size_t n, const char *info)
{
	while (n--)
		putchar('`');
	puts(info);
}

/* A path as HTML: names of RBAC objects may have all sorts of characters. */
static void print_html(const char *path)
{
	for (; *path; path++)
		if (strchr("<>&\"'`", *path))
			printf("&#%d;", *path);
		else
			cli_print_scrubbed(path, 1);
}

static void print_head(const struct bundle_diff *d, char op, const char *path)
{
	if (d->markdown && d->name_only) {
		printf("- <code>%c ", op);
		print_html(path);
		puts("</code>");
	} else if (d->markdown) {
		printf("<details><summary><code>%c ", op);
		print_html(path);
		puts("</code></summary>\n");
	} else {
		printf("%s%c ", d->color ? "\033[1m" : "", op);
		cli_print_scrubbed(path, strlen(path));
		puts(d->color ? "\033[m" : "");
	}
}

static int print_lines(struct bundle_diff *d, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err)
{
	static const struct buf none = BUF_INIT(1);

	if (bundle_path_is_secret(path))
		return print_secret(d, old_text, new_text, err);
	return patch_print(old_text ? old_text : &none,
			   new_text ? new_text : &none, d->color, false, err);
}

int bundle_diff_object(struct bundle_diff *d, char op, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err)
{
	size_t a = backticks(old_text), b = backticks(new_text);
	size_t fence = (a > b ? a : b) < 3 ? 3 : (a > b ? a : b) + 1;
	int rc;

	d->changes++;
	print_head(d, op, path);
	if (d->name_only)
		return 0;
	if (d->markdown)
		print_fence(fence, "diff");
	rc = print_lines(d, path, old_text, new_text, err);
	if (d->markdown) {
		print_fence(fence, "");
		puts("\n</details>\n");
	}
	return rc < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* ---- all of them ---- */

static int read_blob(git_repository *repo, const git_oid *blob,
		     struct buf *out, struct err *err)
{
	char id[GIT_HEX_SIZE];

	if (!blob)
		return 0;
	git_oid_tostr(id, sizeof(id), blob);
	return repo_read(repo, id, GIT_OBJECT_BLOB, out, err);
}

static int print_change(void *arg, char op, const char *path,
			const git_oid *old_id, const git_oid *new_id,
			struct err *err)
{
	struct bundle_diff *d = arg;
	struct buf old_text = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct buf new_text = BUF_INIT(LIMIT_OBJECT_BYTES);
	int rc = 0;

	if (!d->name_only &&
	    (read_blob(d->repo, old_id, &old_text, err) < 0 ||
	     read_blob(d->repo, new_id, &new_text, err) < 0))
		rc = err_wrap(err, "'%s'", path);
	if (!rc)
		rc = bundle_diff_object(d, op, path, old_id ? &old_text : NULL,
					new_id ? &new_text : NULL, err);
	buf_wipe(&old_text);
	buf_wipe(&new_text);
	return rc;
}

int bundle_diff(struct bundle_diff *d, const struct bundle_at *from,
		const struct bundle_at *to, struct err *err)
{
	return bundle_changes(d->repo, from, to, print_change, d, err);
}
