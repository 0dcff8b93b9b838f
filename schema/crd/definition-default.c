/*
 * The default of a schema must be a value that the schema takes, with no
 * field that it does not have. See definition-private.h.
 */
#include "config.h"
#include "schema/crd/definition-private.h"

#include <string.h>

#include "schema/crd/crd-walk.h"
#include "schema/crd/settle.h"

#define WHY_MAX 512

/* Would pruning drop something? */
static bool has_unknown(const struct crd_schema *s, const struct node *n,
			bool keep)
{
	if (!s)
		return !keep && n->type == NODE_MAP && n->n;
	keep |= s->preserve;
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		if (has_unknown(s->items, n->items[i], keep))
			return true;
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];
		const struct crd_schema *f = crd_value(s, p->key, p->key_len);

		if (s->embedded && crd_is_meta(p->key))
			continue;
		if (!f && !keep && s->extra == EXTRA_UNSAID)
			return true;
		if (f && has_unknown(f, p->value, false))
			return true;
	}
	return false;
}

void definition_default(struct defining *d, const struct place *p)
{
	struct buf why = BUF_INIT(WHY_MAX);
	struct crd c = { .arena = ARENA_INIT };
	const struct crd_schema *s = crd_compile(&c, p->node);
	struct crd_walk w = { .judge = { .o = d->judge.o,
					 .ps = d->judge.ps },
			      .silent = 1, .first = &why };
	struct place top = { .node = s->fallback };
	struct spot value = { .place = top, .schema = s };

	if (s->fallback && has_unknown(s, s->fallback, false)) {
		place_about(d, p, "default", "crd-default", "has a field that "
			    "its schema does not have");
	} else if (s->fallback) {
		crd_walk_value(&w, &value, true);
		if (w.faults)
			place_about(d, p, "default", "crd-default", "is "
				    "refused by its own schema: %s",
				    buf_ok(&why) ? why.data : "see there");
	}
	for (map_each(&c.patterns, e)) {
		struct crd_pattern *pattern = e->value;

		pattern_free(pattern->compiled);
	}
	map_release(&c.patterns, NULL);
	arena_release(&c.arena);
	buf_release(&why);
}
