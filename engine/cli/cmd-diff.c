/*
 * windlass diff: what one bundle would change against another, as the lines
 * of the objects that are applied; or what is other in the cluster. Secrets
 * show which keys moved, never a value.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/cli/live.h"
#include "engine/cli/patch-out.h"
#include "schema/base/options.h"
#include "schema/json.h"

static const char usage[] =
"usage: windlass diff [OPTION]... BUNDLE [BUNDLE]\n"
"       windlass diff --live [OPTION]... BUNDLE\n"
"\n"
"Shows what differs between two bundles, object by object; with one BUNDLE,\n"
"between it and the one before. Of Secrets only the names of the keys that\n"
"changed are shown.\n"
"\n"
"With --live, shows what is other in the cluster than BUNDLE says: the fields\n"
"that it sets and their values there, who changed them and when, what is\n"
"missing, and what is left over. Lines with - are the bundle's, with + the\n"
"cluster's. CHANNEL alone is then the bundle that the cluster has accepted.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --repo DIR         the repository (default: $GIT_DIR, or here)\n"
"  --name-only        only the list of objects\n"
"  --exit-code        exit 1 if anything differs; always so with --live\n"
"  --live             compare with the cluster\n"
"  --output json      with --live: an object a line\n"
"  --kubeconfig FILE  with --live: as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME     with --live\n"
"\n"
"Exit status: 0 if nothing differs, 1 if something does, 2 for any trouble.\n"
"With neither --exit-code nor --live, 0, or 1 if there is no such bundle.\n";

struct diff {
	git_repository *repo;
	const char *dir;
	bool name_only, exit_code, color, live;
	const char *kubeconfig, *context;	/* these with live */
	enum cli_output output;
	size_t changes;
};

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
		rc = patch_print(&old_text, &new_text, d->color, false,
				 err);
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
		OPTION_FLAG("live", &d->live),
		OPTION_TAKE("output", cli_take_output, &d->output),
		OPTION_TEXT("kubeconfig", &d->kubeconfig),
		OPTION_TEXT("context", &d->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);
	int n = argc - optind;

	if (status >= 0)
		return status;
	if (d->live && n != 1)
		return usage_error(usage, "name one bundle or channel to "
				   "compare with the cluster");
	if (n < 1 || n > 2)
		return usage_error(usage, "name one bundle or two");
	if (!d->live && (d->kubeconfig || d->context))
		return usage_error(usage, "--kubeconfig and --context are for "
				   "--live");
	if (!d->live && d->output != OUTPUT_TEXT)
		return usage_error(usage, "--output json is for --live");
	return -1;
}

static int compare_live(struct diff *d, const char *bundle)
{
	struct cluster c = CLUSTER_INIT;
	struct live_out out = {
		.output = d->output, .name_only = d->name_only,
		.color = d->color,
	};
	struct err err = ERR_INIT;
	int status = EXIT_TROUBLE;

	if (bundles_open(d->dir, &d->repo, &err) < 0 ||
	    cluster_open(&c, d->kubeconfig, d->context, &err) < 0)
		command_fail(&err);
	else
		status = live_compare(&c, d->repo, bundle, &out);
	cluster_close(&c);
	return status;
}

static int compare_bundles(struct diff *d, char **names, int n)
{
	struct bundle_at from, to;
	struct err err = ERR_INIT;
	int none = 0, status;

	if (bundles_open(d->dir, &d->repo, &err) < 0 ||
	    bundle_find(d->repo, names[n - 1], &to, &err) < 0)
		goto fail;
	if (n == 2)
		none = bundle_find(d->repo, names[0], &from, &err);
	else
		none = bundle_before(d->repo, &to, &from, &err);
	if (none < 0 || bundle_changes(d->repo, none ? NULL : &from, &to,
				       print_change, d, &err) < 0)
		goto fail;
	return d->exit_code && d->changes ? EXIT_REFUSED : EXIT_OK;
fail:
	status = command_fail(&err);
	/* 1 says that they differ */
	return d->exit_code ? EXIT_TROUBLE : status;
}

int cmd_diff(int argc, char **argv)
{
	struct diff d = { .color = cli_color(stdout) };
	int status = parse_options(argc, argv, &d);

	if (status >= 0)
		return status;
	status = d.live ? compare_live(&d, argv[optind])
			: compare_bundles(&d, argv + optind, argc - optind);
	git_repository_free(d.repo);
	return status;
}
