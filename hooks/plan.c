/*
 * The list of changes. See plan.h. Trusts its callers; what is shown was
 * checked to be printable names before it got here.
 */
#include "config.h"
#include "hooks/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

/* lines of one sort that are shown: a screenful, and three fit the pipe */
#define SHOWN_MAX 100

void plan_add(struct plan *p, const struct plan_item *item)
{
	if (p->n == p->alloc) {
		p->alloc = p->alloc ? p->alloc * 2 : 16;
		p->v = xreallocarray(p->v, p->alloc, sizeof(*p->v));
	}
	p->v[p->n++] = *item;
	p->created += item->op == PLAN_CREATE;
	p->changed += item->op == PLAN_CHANGE;
	p->deleted += item->op == PLAN_DELETE;
}

int plan_origin(struct plan *p, const struct object_id *id, const char *file,
		uint32_t line, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct plan_origins *o;
	int rc = object_origin_path(id, &path, err);

	if (rc < 0)
		goto out;
	o = map_get(&p->origins, path.data);
	if (!o) {
		o = arena_alloc(&p->arena, sizeof(*o));
		o->path = arena_strdup(&p->arena, path.data);
		map_put(&p->origins, path.data, o);
	}
	if (o->n == o->alloc) {
		o->alloc = o->alloc ? o->alloc * 2 : 4;
		o->v = xreallocarray(o->v, o->alloc, sizeof(*o->v));
	}
	o->v[o->n++] = (struct origin){
		.name = arena_strdup(&p->arena, id->name),
		.path = file, .line = line,
	};
out:
	buf_release(&path);
	return rc;
}

static int by_path(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void plan_sort(struct plan *p)
{
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_path);
}

void plan_release(struct plan *p)
{
	for (map_each(&p->origins, e)) {
		struct plan_origins *o = e->value;

		free(o->v);
	}
	map_release(&p->origins, NULL);
	free(p->v);
	arena_release(&p->arena);
	*p = (struct plan)PLAN_INIT;
}

void plan_counts(const struct plan *p, struct buf *out)
{
	buf_addf(out, "+%" PRIu64 " ~%" PRIu64 " -%" PRIu64, p->created,
		 p->changed, p->deleted);
}

static void show_op(const struct plan *p, enum plan_op op,
		    struct feedback *fb)
{
	size_t shown = 0, n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct buf text = BUF_INIT(LIMIT_PATH_BYTES);

		if (p->v[i].op != op || ++n > SHOWN_MAX)
			continue;
		object_describe(&p->v[i].id, &text);
		feedback_line(fb, "  %c %s", (char)op, text.data);
		buf_release(&text);
		shown++;
	}
	if (n > shown)
		feedback_line(fb, "  %c ... and %zu more", (char)op,
			      n - shown);
}

void plan_show_deleted(const struct plan *p, struct feedback *fb)
{
	show_op(p, PLAN_DELETE, fb);
}

void plan_tell(const struct plan *p, const char *channel,
	       struct feedback *fb)
{
	struct buf counts = BUF_INIT(128);

	plan_counts(p, &counts);
	feedback_line(fb, "windlass: %s: %s", channel,
		      p->n ? counts.data : "no object changes");
	plan_show(p, fb);
	buf_release(&counts);
}

void plan_show(const struct plan *p, struct feedback *fb)
{
	plan_show_deleted(p, fb);
	show_op(p, PLAN_CREATE, fb);
	show_op(p, PLAN_CHANGE, fb);
}
