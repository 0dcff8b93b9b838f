/*
 * The lines that two bundles differ by. See bundle-diff.h. What is in a
 * bundle is a stranger's, so all of it is scrubbed; Secrets show which keys
 * moved, never a value.
 */
#include "config.h"
#include "engine/cli/bundle-diff.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/patch-out.h"
#include "schema/base/mem.h"
#include "schema/json.h"

static void print_key(FILE *out, char op, const struct node_pair *p)
{
	fprintf(out, "%c data.", op);
	cli_scrub(out, p->key, p->key_len);
	fputs(" (value hidden)\n", out);
}

/* Which keys of its data came, went or changed. */
static void print_keys(FILE *out, const struct node *old_data,
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
				print_key(out, i ? '+' : '-', p);
			else if (i && !node_equal(p->value, other))
				print_key(out, '~', p);
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

static int print_secret(FILE *out, bool color, const struct buf *old_text,
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
		print_keys(out, node_get(old, "data"), node_get(new, "data"));
		write_rest(&a, old, &old_rest);
		write_rest(&a, new, &new_rest);
		rc = patch_print(out, &old_rest, &new_rest, color, false, err);
	}
	arena_wipe(&a);
	buf_release(&old_rest);
	buf_release(&new_rest);
	return rc;
}

/* ---- the lines of one ---- */

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

static void print_fence(FILE *out, size_t n, const char *info)
{
	while (n--)
		putc('`', out);
	fprintf(out, "%s\n", info);
}

/* A path as HTML: names of RBAC objects may have all sorts of characters. */
static void print_html(FILE *out, const char *path)
{
	for (; *path; path++)
		if (strchr("<>&\"'`", *path))
			fprintf(out, "&#%d;", *path);
		else
			cli_scrub(out, path, 1);
}

static int print_lines(FILE *out, bool color, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err)
{
	static const struct buf none = BUF_INIT(1);

	if (bundle_path_is_secret(path))
		return print_secret(out, color, old_text, new_text, err);
	return patch_print(out, old_text ? old_text : &none,
			   new_text ? new_text : &none, color, false, err);
}

static int print_plain(struct bundle_diff *d, char op, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err)
{
	printf("%s%c ", d->color ? "\033[1m" : "", op);
	cli_print_scrubbed(path, strlen(path));
	puts(d->color ? "\033[m" : "");
	return d->name_only ? 0 : print_lines(stdout, d->color, path, old_text,
					      new_text, err);
}

/* ---- as markdown ---- */

/* A stream into memory. */
struct piece {
	FILE *out;
	char *text;
	size_t len;
};

static int piece_open(struct piece *p, struct err *err)
{
	p->out = open_memstream(&p->text, &p->len);
	return p->out ? 0 : err_set(err, ERR_TRANSIENT, "out of memory");
}

static int piece_close(struct piece *p, struct err *err)
{
	FILE *out = p->out;

	p->out = NULL;
	return !out || fclose(out) == 0 ? 0 :
	       err_set(err, ERR_TRANSIENT, "out of memory");
}

static void print_line(FILE *out, char op, const char *path)
{
	fprintf(out, "- <code>%c ", op);
	print_html(out, path);
	fputs("</code>\n", out);
}

static int print_folded(FILE *out, char op, const char *path,
			const struct buf *old_text,
			const struct buf *new_text, struct err *err)
{
	size_t a = backticks(old_text), b = backticks(new_text);
	size_t fence = (a > b ? a : b) < 3 ? 3 : (a > b ? a : b) + 1;
	int rc;

	fprintf(out, "<details><summary><code>%c ", op);
	print_html(out, path);
	fputs("</code></summary>\n\n", out);
	print_fence(out, fence, "diff");
	rc = print_lines(out, false, path, old_text, new_text, err);
	print_fence(out, fence, "");
	fputs("\n</details>\n\n", out);
	return rc;
}

static int print_markdown(struct bundle_diff *d, char op, const char *path,
			  const struct buf *old_text,
			  const struct buf *new_text, struct err *err)
{
	struct piece line = { 0 }, text = { 0 };
	int rc = -1;

	if (piece_open(&line, err) < 0 || piece_open(&text, err) < 0)
		goto out;
	print_line(line.out, op, path);
	d->text.names = d->name_only;
	if (d->name_only)
		print_line(text.out, op, path);
	else if (print_folded(text.out, op, path, old_text, new_text, err) < 0)
		goto out;
	if (piece_close(&line, err) < 0 || piece_close(&text, err) < 0)
		goto out;
	markdown_add(&d->text, line.text, text.text, text.len);
	rc = 0;
out:
	if (line.out)
		fclose(line.out);
	if (text.out)
		fclose(text.out);
	free(line.text);
	free(text.text);
	return rc;
}

/* ---- one object ---- */

int bundle_diff_object(struct bundle_diff *d, char op, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err)
{
	int rc;

	d->changes++;
	if (d->markdown)
		rc = print_markdown(d, op, path, old_text, new_text, err);
	else
		rc = print_plain(d, op, path, old_text, new_text, err);
	return rc < 0 ? err_wrap(err, "'%s'", path) : 0;
}

void bundle_diff_end(struct bundle_diff *d)
{
	markdown_end(&d->text);
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
