/*
 * Taking over from other tools. See adopt.h. The list that is patched comes
 * from the API server a moment ago; the patch tests its resourceVersion, so
 * that nobody's later write is undone.
 */
#include "config.h"
#include "engine/adopt.h"

#include <string.h>

#include "engine/kube-json.h"
#include "engine/managed.h"
#include "schema/base/mem.h"

/* ---- sets of fields ---- */

static bool is_leaf(const struct node *fields)
{
	return fields->type != NODE_MAP || fields->n == 0;
}

/* Is the path of this element itself in the set, not only what is below? */
static bool has_self(const struct node *fields)
{
	return is_leaf(fields) || node_get(fields, ".");
}

/* One that it does not have: a set may have thousands, so it is not looked. */
static void put_new(struct arena *arena, struct node *set,
		    const struct node_pair *p, struct node *below)
{
	node_append_pair(arena, set, arena_strndup(arena, p->key, p->key_len),
			 p->key_len, below);
}

struct node *fields_union(const struct node *a, const struct node *b,
			  struct arena *arena)
{
	struct node *out = node_map(arena);

	if (is_leaf(a) && is_leaf(b))
		return out;
	if (has_self(a) || has_self(b))
		node_set(arena, out, ".", node_map(arena));
	for (uint32_t i = 0; !is_leaf(a) && i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i];
		const struct node *other = node_get(b, p->key);

		if (strcmp(p->key, "."))
			put_new(arena, out, p, other ?
				fields_union(p->value, other, arena) :
				node_copy(arena, p->value));
	}
	for (uint32_t i = 0; !is_leaf(b) && i < b->n; i++)
		if (!node_get(a, b->pairs[i].key) &&
		    strcmp(b->pairs[i].key, "."))
			put_new(arena, out, &b->pairs[i],
				node_copy(arena, b->pairs[i].value));
	node_index(arena, out);
	return out;
}

struct node *fields_minus(const struct node *a, const struct node *b,
			  struct arena *arena)
{
	struct node *out;

	if (is_leaf(a))
		return has_self(b) ? NULL : node_map(arena);
	out = node_map(arena);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i];
		const struct node *other = node_get(b, p->key);
		struct node *left;

		if (!strcmp(p->key, ".")) {
			if (!has_self(b))
				node_set(arena, out, ".", node_map(arena));
			continue;
		}
		left = other ? fields_minus(p->value, other, arena) :
			       node_copy(arena, p->value);
		if (left)
			put_new(arena, out, p, left);
	}
	node_index(arena, out);
	return out->n ? out : NULL;
}

/* ---- entries ---- */

static const struct node *entries_of(const struct node *object)
{
	const struct node *list = node_path(object, "metadata",
					    "managedFields", NULL);

	return list && list->type == NODE_SEQ ? list : NULL;
}

/* The channel whose entry this is, another than ours; or NULL. */
static const char *other_channel(const struct adopter *a,
				 const struct node *entry)
{
	const char *manager = node_text(node_get(entry, "manager"));
	const char *op = node_text(node_get(entry, "operation"));

	if (!manager || !op || strcmp(op, "Apply") ||
	    strncmp(manager, MANAGER_PREFIX, strlen(MANAGER_PREFIX)) ||
	    !strcmp(manager, a->manager))
		return NULL;
	return manager + strlen(MANAGER_PREFIX);
}

const char *adopt_rival(const struct adopter *a, const struct node *object)
{
	const struct node *list = entries_of(object);

	for (uint32_t i = 0; list && i < list->n; i++) {
		const char *name = other_channel(a, list->items[i]);

		if (name && a->channel_exists(a->arg, name))
			return name;
	}
	return NULL;
}

static bool same_version(const struct node *a, const struct node *b)
{
	const char *x = node_text(node_get(a, "apiVersion"));
	const char *y = node_text(node_get(b, "apiVersion"));

	return x && y && !strcmp(x, y);
}

static void add_op(struct arena *arena, struct node *patch, const char *op,
		   const char *path, struct node *value)
{
	struct node *n = node_map(arena);

	node_set(arena, n, "op", node_str(arena, op));
	node_set(arena, n, "path", node_str(arena, path));
	node_set(arena, n, "value", value);
	node_append(arena, patch, n);
}

static struct node *make_patch(const struct node *object, struct node *list,
			       struct arena *arena)
{
	const char *version = node_path_str(object, "metadata",
					    "resourceVersion", NULL);
	struct node *patch = node_seq(arena);

	if (!version)
		return NULL;
	/* what cannot be sent back as it was is left as it is */
	for (uint32_t i = 0; i < list->n; i++)
		if (kube_json_folded(managed_fields(list->items[i])))
			return NULL;
	/* an empty list would mean "reset" to the server; ours is in it */
	add_op(arena, patch, "test", "/metadata/resourceVersion",
	       node_str(arena, version));
	add_op(arena, patch, "replace", "/metadata/managedFields", list);
	return patch;
}

static bool is_one_of(const struct node *entry, const char *const *names,
		      size_t n)
{
	const char *manager = node_text(node_get(entry, "manager"));

	for (size_t i = 0; manager && i < n; i++)
		if (!strcmp(manager, names[i]))
			return true;
	return false;
}

/* Tools that made the object as a whole, as we do now; not those by which a
 * person adds a label or restarts something. */
static bool is_maker(const struct node *entry)
{
	static const char *const makers[] = {
		"before-first-apply", "kubectl", "kubectl-autoscale",
		"kubectl-client-side-apply", "kubectl-create",
		"kubectl-expose", "kubectl-replace", "kubectl-run",
	};

	return is_one_of(entry, makers, ARRAY_SIZE(makers)) &&
	       managed_is_leftover(entry);
}

/*
 * Controllers that kept the object equal to a repository before us. Flux
 * applies on the server, and its Helm 3 updates; Argo CD does what kubectl
 * does on the client (an update, by either name), or applies on the server.
 * What they track objects by is in these entries, and goes with them.
 */
static bool is_predecessor(const struct node *entry)
{
	static const char *const controllers[] = {
		"argocd-application-controller", "argocd-controller",
		"helm-controller", "kustomize-controller",
	};
	const char *op = node_text(node_get(entry, "operation"));
	const char *sub = node_text(node_get(entry, "subresource"));

	return op && (!strcmp(op, "Apply") || !strcmp(op, "Update")) &&
	       (!sub || !*sub) &&
	       is_one_of(entry, controllers, ARRAY_SIZE(controllers));
}

static bool can_take(const struct adopter *a, const struct node *entry)
{
	const struct node *fields = managed_fields(entry);
	const char *name = other_channel(a, entry);

	return fields && fields->type == NODE_MAP &&
	       (is_maker(entry) || is_predecessor(entry) ||
		(name && !a->channel_exists(a->arg, name)));
}

/*
 * Was it written after ours? Then the object was ours already, and a person
 * added something to it since. (RFC 3339 in UTC: order of bytes is order of
 * time.)
 */
static bool came_later(const struct node *entry, const struct node *ours)
{
	const char *time = node_text(node_get(entry, "time"));
	const char *our_time = node_text(node_get(ours, "time"));

	return time && our_time && strcmp(time, our_time) > 0;
}

struct node *adopt_take_over(const struct adopter *a,
			     const struct node *object, struct arena *arena)
{
	const struct node *list = entries_of(object);
	struct node *ours = NULL, *out = node_seq(arena);
	const struct node *have = managed_entry(object, a->manager);
	bool took = false;

	if (have && managed_fields(have))
		ours = node_copy(arena, have);
	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct node *e = list->items[i];

		if (e == have && ours)
			continue;
		if (!can_take(a, e) || came_later(e, have) ||
		    (ours && !same_version(ours, e))) {
			node_append(arena, out, node_copy(arena, e));
			continue;
		}
		took = true;
		if (ours) {
			node_set(arena, ours, "fieldsV1",
				 fields_union(managed_fields(ours),
					      managed_fields(e), arena));
			continue;
		}
		ours = node_copy(arena, e);
		node_set(arena, ours, "manager", node_str(arena, a->manager));
		node_set(arena, ours, "operation", node_str(arena, "Apply"));
	}
	if (!took)
		return NULL;
	node_append(arena, out, ours);
	return make_patch(object, out, arena);
}

/* Ours, by a patch (mend.h). */
static bool is_own_update(const struct adopter *a, const struct node *entry)
{
	const char *manager = node_text(node_get(entry, "manager"));
	const char *op = node_text(node_get(entry, "operation"));
	const char *sub = node_text(node_get(entry, "subresource"));

	return manager && op && !strcmp(manager, a->manager) &&
	       !strcmp(op, "Update") && (!sub || !*sub);
}

struct node *adopt_disown(const struct adopter *a, const struct node *object,
			  struct arena *arena)
{
	const struct node *list = entries_of(object);
	const struct node *ours = managed_entry(object, a->manager);
	struct node *out = node_seq(arena);
	bool changed = false;

	if (!ours || !managed_fields(ours))
		return NULL;
	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct node *e = list->items[i];
		const struct node *fields = managed_fields(e);
		struct node *copy = node_copy(arena, e), *left;

		if ((managed_is_leftover(e) || is_own_update(a, e)) && fields &&
		    fields->type == NODE_MAP && same_version(ours, e)) {
			left = fields_minus(fields, managed_fields(ours),
					    arena);
			changed = changed || !left || !node_equal(left, fields);
			if (!left)
				continue;
			node_set(arena, copy, "fieldsV1", left);
		}
		node_append(arena, out, copy);
	}
	return changed ? make_patch(object, out, arena) : NULL;
}

struct node *adopt_replace(const struct node *object, const struct node *entry,
			   struct node *by, struct arena *arena)
{
	const struct node *list = entries_of(object);
	struct node *out = node_seq(arena);

	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct node *e = list->items[i];

		if (e != entry)
			node_append(arena, out, node_copy(arena, e));
		else if (by)
			node_append(arena, out, by);
	}
	return make_patch(object, out, arena);
}
