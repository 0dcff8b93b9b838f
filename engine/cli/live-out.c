/*
 * What `windlass diff --live` prints: a line for each object, one for each
 * field with who changed it, and the values as `git diff` has them, the
 * bundle's with - and the cluster's with +. Or one JSON object for each.
 * Of a Secret only what is known to be no secret is shown.
 */
#include "config.h"
#include "engine/cli/live.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cli/patch-out.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

/* owners of one field that are named in a text */
#define NAMED 3

static const char *const words[] = {
	"changed", "missing", "left-over", "being-deleted",
};

static void print_scrubbed(const char *s)
{
	cli_print_scrubbed(s, strlen(s));
}

/* ---- where it is written ---- */

/* "objects/a/b/C/name.json" to "origins/a/b/C" and "name". */
static void split_path(const char *path, char **ret_origins, char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t len = strlen(slash + 1) - strlen(".json");

	*ret_origins = xasprintf("origins%.*s", (int)(slash - path) - 7,
				 path + 7);
	*ret_name = xstrndup(slash + 1, len);
}

static void read_origins(struct live_out *o, const char *path)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES * 4);
	struct err err = ERR_INIT;
	char id[GIT_HEX_SIZE];
	unsigned mode;
	git_oid blob;

	if (o->origins_path && !strcmp(o->origins_path, path))
		return;
	free(o->origins_path);
	o->origins_path = xstrdup(path);
	origins_release(&o->origins);
	o->origins = (struct origins)ORIGINS_INIT;
	/* a bundle that lacks them has been refused by every engine; here it
	 * only costs the place */
	if (repo_tree_entry(o->repo, &o->tree, path, &blob, &mode, &err))
		return;
	git_oid_tostr(id, sizeof(id), &blob);
	if (repo_read(o->repo, id, GIT_OBJECT_BLOB, &text, &err) == 0 &&
	    origins_parse(text.data, text.len, &o->origins, &err) < 0)
		o->origins = (struct origins)ORIGINS_INIT;
	buf_release(&text);
}

/* "deploy/web.yaml:12", malloced; NULL if nothing says so. */
static char *place_of(struct live_out *o, const char *path)
{
	const struct origin *found;
	char *origins, *name, *place = NULL;

	split_path(path, &origins, &name);
	read_origins(o, origins);
	found = origins_find(&o->origins, name);
	if (found)
		place = xasprintf("%s:%u", found->path, found->line);
	free(origins);
	free(name);
	return place;
}

/* ---- an object ---- */

static void print_object(struct live_out *o, enum live_what what,
			 const char *path, const char *why, const char *place)
{
	static const char ops[] = "~-+-";

	if (!o->begun && !o->name_only)
		printf("--- %s\n+++ %s\n", o->from, o->to);
	o->begun = true;
	printf("%s%c ", o->color ? "\033[1m" : "", ops[what]);
	print_scrubbed(path);
	fputs(o->color ? "\033[m" : "", stdout);
	if (!o->name_only && place) {
		fputs("  ", stdout);
		print_scrubbed(place);
	}
	if (!o->name_only && why) {
		fputs("  ", stdout);
		print_scrubbed(why);
	}
	putchar('\n');
}

void live_out_object(struct live_out *o, enum live_what what,
		     const char *path, const char *why)
{
	char *place = what == LIVE_LEFT_OVER ? NULL : place_of(o, path);
	struct arena *a = &o->arena;

	o->counts[what]++;
	if (o->output == OUTPUT_TEXT) {
		print_object(o, what, path, why, place);
	} else {
		o->json = node_map(a);
		node_set(a, o->json, "object", node_str(a, path));
		node_set(a, o->json, "difference", node_str(a, words[what]));
		if (place)
			node_set(a, o->json, "source",
				 node_str_clean(a, place));
		if (why)
			node_set(a, o->json, "message",
				 node_str_clean(a, why));
		o->fields = NULL;
	}
	free(place);
}

void live_out_end(struct live_out *o)
{
	struct buf line = BUF_INIT(4 * LIMIT_KUBE_OBJECT_BYTES);

	if (o->output == OUTPUT_JSON) {
		json_write_compact(o->json, &line);
		if (buf_check(&line, "an object's differences", &o->err) == 0)
			puts(line.data);
	}
	buf_release(&line);
	arena_reset(&o->arena);
}

/* ---- a field ---- */

/* Annotations may hold a copy of it all: one by one, and not that. */
static bool is_hidden(const char *object, const char *path)
{
	static const char *const open[] = {
		"metadata.labels", "metadata.finalizers",
		"metadata.ownerReferences", "metadata.annotations.",
		"metadata.annotations[", "immutable", "type",
	};

	if (!bundle_path_is_secret(object))
		return false;
	if (!strncmp(path, "metadata.annotations", 20) &&
	    bundle_may_be_copy(path))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		if (!strncmp(path, open[i], strlen(open[i])))
			return false;
	return true;
}

static const char *text_of(const struct node *entry, const char *key)
{
	const char *s = node_text(node_get(entry, key));

	return s ? s : "";
}

static void print_owners(const struct live_difference *d)
{
	for (size_t i = 0; i < d->n_owners && i < NAMED; i++) {
		const struct node *e = d->owners[i];
		const char *sub = text_of(e, "subresource");

		fputs(i ? ", " : "  by ", stdout);
		print_scrubbed(text_of(e, "manager"));
		fputs(" (", stdout);
		print_scrubbed(text_of(e, "operation"));
		fputs(*sub ? " of " : "", stdout);
		print_scrubbed(sub);
		fputs(")", stdout);
		fputs(*text_of(e, "time") ? " " : "", stdout);
		print_scrubbed(text_of(e, "time"));
	}
	if (d->n_owners > NAMED)
		printf(" and %zu more", d->n_owners - NAMED);
}

/* A text of several lines as it is, all else as canonical JSON. */
static void write_value(const struct node *n, struct buf *out)
{
	if (!n)
		return;
	if (n->type == NODE_STR && memchr(n->str, '\n', n->n))
		buf_add(out, n->str, n->n);
	else
		json_write_canonical(n, out);
}

static void print_values(struct live_out *o, const struct live_difference *d)
{
	struct buf want = BUF_INIT(2 * LIMIT_KUBE_OBJECT_BYTES);
	struct buf live = BUF_INIT(2 * LIMIT_KUBE_OBJECT_BYTES);

	write_value(d->want, &want);
	write_value(d->live, &live);
	/* the same text: a number and its text, or a line's end */
	if (want.len == live.len && !memcmp(want.data, live.data, want.len)) {
		buf_reset(&want);
		buf_reset(&live);
		json_write_canonical(d->want, &want);
		json_write_canonical(d->live, &live);
	}
	if (buf_check(&want, "a field", &o->err) == 0 &&
	    buf_check(&live, "a field", &o->err) == 0)
		patch_print(stdout, &want, &live, o->color, true,
			    &o->err);
	buf_release(&want);
	buf_release(&live);
}

static void print_field(struct live_out *o, const struct live_difference *d,
			bool hide)
{
	fputs("  ", stdout);
	print_scrubbed(d->path);
	if (d->order)
		fputs(": in another order", stdout);
	else if (hide)
		fputs(!d->live ? ": missing (value hidden)" :
		      !d->want ? ": not in the bundle (value hidden)" :
		      ": another value (hidden)", stdout);
	print_owners(d);
	putchar('\n');
	if (!hide && !d->order)
		print_values(o, d);
}

static void add_owners(struct arena *a, struct node *field,
		       const struct live_difference *d)
{
	static const char *const keys[] = {
		"manager", "operation", "subresource", "time",
	};
	struct node *list = node_seq(a);

	for (size_t i = 0; i < d->n_owners; i++) {
		struct node *owner = node_map(a);

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (*text_of(d->owners[i], keys[k]))
				node_set(a, owner, keys[k],
					 node_str(a, text_of(d->owners[i],
							     keys[k])));
		node_append(a, list, owner);
	}
	node_set(a, field, "owners", list);
}

static void add_field(struct live_out *o, const struct live_difference *d,
		      bool hide)
{
	struct arena *a = &o->arena;
	struct node *field = node_map(a);

	node_set(a, field, "path", node_str_clean(a, d->path));
	node_set(a, field, "difference",
		 node_str(a, d->order ? "order" : !d->live ? "missing" :
			  !d->want ? "not-in-bundle" : "value"));
	if (hide)
		node_set(a, field, "hidden", node_bool(a, true));
	if (d->want && !hide && !d->order)
		node_set(a, field, "bundle", node_copy(a, d->want));
	if (d->live && !hide && !d->order)
		node_set(a, field, "cluster", node_copy(a, d->live));
	add_owners(a, field, d);
	if (!o->fields) {
		o->fields = node_seq(a);
		node_set(a, o->json, "fields", o->fields);
	}
	node_append(a, o->fields, field);
}

void live_out_field(struct live_out *o, const char *path,
		    const struct live_difference *d)
{
	bool hide = is_hidden(path, d->path);

	if (o->output == OUTPUT_JSON)
		add_field(o, d, hide);
	else if (!o->name_only)
		print_field(o, d, hide);
}

/* ---- all of it ---- */

void live_out_summary(const struct live_out *o, size_t objects)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(o->counts); i++)
		n += o->counts[i];
	if (o->output == OUTPUT_JSON || o->name_only)
		return;
	if (!n)
		printf("%s: %zu object%s as in the cluster\n", o->from,
		       objects, objects == 1 ? "" : "s");
	else
		printf("%s: %zu object%s; %zu changed, %zu missing, %zu left "
		       "over, %zu being deleted\n", o->from, objects,
		       objects == 1 ? "" : "s", o->counts[LIVE_CHANGED],
		       o->counts[LIVE_MISSING], o->counts[LIVE_LEFT_OVER],
		       o->counts[LIVE_GOING]);
}

void live_out_release(struct live_out *o)
{
	free(o->origins_path);
	origins_release(&o->origins);
	arena_release(&o->arena);
}
