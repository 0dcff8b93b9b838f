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

static int print_secret(struct bundle_diff *d, const git_oid *old_id,
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
		rc = patch_print(&old_text, &new_text, d->color, false,
				 err);
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
	struct bundle_diff *d = arg;
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
		rc = patch_print(&old_text, &new_text, d->color, false,
				 err);
	buf_release(&old_text);
	buf_release(&new_text);
	return rc;
}

int bundle_diff(struct bundle_diff *d, const struct bundle_at *from,
		const struct bundle_at *to, struct err *err)
{
	return bundle_changes(d->repo, from, to, print_change, d, err);
}
