/*
 * An index of objects. See index.h. Memory follows their number, and what
 * they refer to; trees are not kept.
 */
#include "config.h"
#include "schema/references/index.h"

#include <string.h>

#include "schema/limits.h"

/* "<namespace>/<group>/<Kind>" and more */
#define KEY_MAX (4u * LIMIT_NAME_BYTES + 8)

void name_list_push(struct arena *a, struct name_list *l, const char *name)
{
	if (l->n == l->alloc) {
		const char **more;

		l->alloc = l->alloc ? 2 * l->alloc : 2;
		more = arena_array(a, l->alloc, sizeof(*more));
		if (l->n)
			memcpy(more, l->v, l->n * sizeof(*more));
		l->v = more;
	}
	l->v[l->n++] = name;
}

static void list_push(struct object_index *ix, struct map *lists,
		      const char *key, const char *word)
{
	struct name_list *l = map_get(lists, key);

	if (!l) {
		l = arena_alloc(&ix->a, sizeof(*l));
		map_put(lists, key, l);
	}
	name_list_push(&ix->a, l, word);
}

/* The list itself, with no room: whoever adds to it gets one of his own. */
static struct name_list list_of(const struct map *lists, const char *key,
				size_t max)
{
	const struct name_list *l = map_get(lists, key);
	struct name_list some = { 0 };

	if (l) {
		some.v = l->v;
		some.n = some.alloc = l->n < max ? l->n : max;
	}
	return some;
}

static void kind_key(const struct object_id *id, struct buf *out)
{
	buf_adds(out, id->namespace);
	buf_addc(out, '/');
	buf_adds(out, id->group);
	buf_addc(out, '/');
	buf_adds(out, id->kind);
}

void index_add(struct object_index *ix, const struct object *o,
	       const char *bundle_path)
{
	struct indexed *x = arena_alloc(&ix->a, sizeof(*x));
	struct buf key = BUF_INIT(KEY_MAX);
	const struct object_id *id = &o->id;

	x->o = *o;
	x->o.root = NULL;
	x->o.path = arena_strdup(&ix->a, o->path);
	x->o.id = (struct object_id){
		.group = arena_strdup(&ix->a, id->group),
		.version = arena_strdup(&ix->a, id->version),
		.kind = arena_strdup(&ix->a, id->kind),
		.namespace = arena_strdup(&ix->a, id->namespace),
		.name = arena_strdup(&ix->a, id->name),
	};
	if (ix->a.used <= LIMIT_REFERENCES_MEMORY)
		facts_of(o, &ix->a, &x->facts);
	else
		ix->skipped++;
	map_put(&ix->objects, bundle_path, x);
	kind_key(id, &key);
	if (!map_get(&ix->kinds, key.data))
		list_push(ix, &ix->namespaces, id->namespace,
			  arena_printf(&ix->a, "%s/%s", id->group, id->kind));
	list_push(ix, &ix->kinds, key.data, x->o.id.name);
	buf_release(&key);
}

const struct indexed *index_find(const struct object_index *ix,
				 const char *bundle_path)
{
	return map_get(&ix->objects, bundle_path);
}

struct name_list index_kinds(const struct object_index *ix,
			     const char *namespace)
{
	return list_of(&ix->namespaces, namespace, SIZE_MAX);
}

struct name_list index_names(const struct object_index *ix,
			     const struct object_id *kind, size_t max)
{
	struct buf key = BUF_INIT(KEY_MAX);
	struct name_list l;

	kind_key(kind, &key);
	l = list_of(&ix->kinds, key.data, max);
	buf_release(&key);
	return l;
}

/* ---- as a view ---- */

static const struct indexed *find(const struct object_index *ix,
				  const struct object_id *id)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	const struct indexed *x = NULL;
	struct err unnamed = ERR_INIT;

	if (!object_path(id, &path, &unnamed))
		x = index_find(ix, path.data);
	buf_release(&path);
	return x;
}

static int view_find(void *arg, const struct object_id *id, struct err *err)
{
	(void)err;
	return find(arg, id) ? 0 : 1;
}

static int view_facts(void *arg, const struct object_id *id, struct arena *a,
		      struct facts *ret, struct err *err)
{
	const struct indexed *x = find(arg, id);

	(void)a;
	(void)err;
	if (x)
		*ret = x->facts;
	return 0;
}

static int view_kinds(void *arg, const char *namespace, struct arena *a,
		      struct name_list *ret, struct err *err)
{
	(void)a;
	(void)err;
	*ret = index_kinds(arg, namespace);
	return 0;
}

static int view_names(void *arg, const struct object_id *kind, size_t max,
		      struct arena *a, struct name_list *ret, struct err *err)
{
	(void)a;
	(void)err;
	*ret = index_names(arg, kind, max);
	return 0;
}

struct view index_view(struct object_index *ix)
{
	return (struct view){
		.arg = ix, .find = view_find, .facts = view_facts,
		.kinds = view_kinds, .names = view_names,
	};
}

void index_release(struct object_index *ix)
{
	map_release(&ix->objects, NULL);
	map_release(&ix->kinds, NULL);
	map_release(&ix->namespaces, NULL);
	arena_release(&ix->a);
}
