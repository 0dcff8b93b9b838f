/*
 * Who waits for whom. See references.h. An object that by depends-on waits
 * for itself is never applied, nor is what waits for it: an error, where all
 * else that is said of references are warnings. The shortest circle is what
 * an author can do something about; looking for it is bounded, and a circle
 * that is larger is the engine's to name.
 */
#include "config.h"
#include "schema/references/references.h"

#include <string.h>

#include "schema/base/map.h"
#include "schema/limits.h"

#define OBJECTS_MAX 512
#define NAMED_MAX 10
#define STEPS_LOOK 20

struct stop {
	const struct object_id *id;
	size_t from;		/* the one that waits for it; of the first,
				   itself */
};

struct way {
	const struct view *v;
	const struct object *o;
	struct arena a;
	struct map seen;	/* path in a bundle to anything */
	struct stop stops[OBJECTS_MAX];
	size_t n;
};

/* One that was there before, or for which there is no room, is left out. */
static void go_to(struct way *w, const struct object_id *id, size_t from)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err unnamed = ERR_INIT;

	if (w->n < OBJECTS_MAX && !object_path(id, &path, &unnamed) &&
	    !map_get(&w->seen, path.data)) {
		map_put(&w->seen, path.data, w);
		w->stops[w->n++] = (struct stop){ id, from };
	}
	buf_release(&path);
}

static void say(const struct way *w, size_t last, const struct reference *ref,
		struct problems *ps)
{
	const struct object_id *back[NAMED_MAX];
	struct buf text = BUF_INIT(LIMIT_PATH_BYTES);
	size_t n = 0, all = 1;

	for (size_t at = last; ; at = w->stops[at].from, all++) {
		back[n++ % NAMED_MAX] = w->stops[at].id;
		if (at == w->stops[at].from)
			break;
	}
	object_describe(&w->o->id, &text);
	for (size_t i = 0; i < all && i < NAMED_MAX; i++) {
		buf_adds(&text, " > ");
		object_describe(back[(n - 1 - i) % NAMED_MAX], &text);
	}
	if (all > NAMED_MAX)
		buf_addf(&text, " > %zu more", all - NAMED_MAX);
	buf_adds(&text, " > ");
	object_describe(&w->o->id, &text);
	problem_error(ps, w->o->path, ref->mark, "reference-circle",
		      "by depends-on it waits for itself: %s",
		      buf_ok(&text) ? text.data : "a long way round");
	buf_release(&text);
}

/* 1 if what waits at this stop waits for the object itself, 0, or -1. */
static int look(struct way *w, size_t at, struct err *err)
{
	struct facts f = { 0 };
	int rc = w->v->facts(w->v->arg, w->stops[at].id, &w->a, &f, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	for (size_t i = 0; i < f.n_refs; i++) {
		if (f.refs[i].to != TO_BEFORE)
			continue;
		if (object_id_equal(&f.refs[i].target, &w->o->id))
			return 1;
		go_to(w, &f.refs[i].target, at);
	}
	return 0;
}

int references_order(const struct view *v, const struct object *o,
		     const struct reference *ref, struct problems *ps,
		     struct err *err)
{
	struct way w = { .v = v, .o = o, .a = ARENA_INIT, .seen = MAP_INIT };
	int rc = 0;

	if (object_id_equal(&ref->target, &o->id)) {
		problem_error(ps, o->path, ref->mark, "reference-circle",
			      "by depends-on it waits for itself");
		return 0;
	}
	go_to(&w, &ref->target, 0);
	for (size_t at = 0; !rc && at < w.n; at++) {
		if (!problems_steps(ps, STEPS_LOOK))
			break;
		rc = look(&w, at, err);
		if (rc > 0)
			say(&w, at, ref, ps);
	}
	map_release(&w.seen, NULL);
	arena_release(&w.a);
	return rc < 0 ? -1 : 0;
}
