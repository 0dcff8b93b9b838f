/*
 * Mending lists. See mend.h. Both objects were accepted by an API server;
 * depth is bounded by LIMIT_DEPTH, so recursion is safe.
 */
#include "config.h"
#include "engine/mend.h"

#include <string.h>

#include "engine/compare.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

#define TRIES_MAX 4

struct mend {
	struct arena *arena;
	struct node *patch;
	struct buf path;		/* a JSON pointer */
};

static void add_op(struct mend *m, const char *op, const char *path,
		   struct node *value)
{
	struct node *n = node_map(m->arena);

	node_set(m->arena, n, "op", node_str(m->arena, op));
	node_set(m->arena, n, "path", node_str(m->arena, path));
	node_set(m->arena, n, "value", value);
	node_append(m->arena, m->patch, n);
}

static void add_part(struct buf *path, const char *key)
{
	buf_addc(path, '/');
	for (; *key; key++) {
		if (*key == '~' || *key == '/')
			buf_adds(path, *key == '~' ? "~0" : "~1");
		else
			buf_addc(path, *key);
	}
}

/* True if they differ outside of lists that are mended. */
static bool differs(struct mend *m, const struct node *want,
		    const struct node *live);

static bool map_differs(struct mend *m, const struct node *want,
			const struct node *live)
{
	size_t before = m->path.len;
	bool found = false;

	for (uint32_t i = 0; i < want->n; i++) {
		const struct node_pair *p = &want->pairs[i];

		add_part(&m->path, p->key);
		found |= differs(m, p->value,
				 node_getn(live, p->key, p->key_len));
		buf_truncate(&m->path, before);
	}
	return found;
}

static bool list_differs(struct mend *m, const struct node *want,
			 const struct node *live)
{
	size_t before = m->path.len;
	bool found = want->n != live->n;

	for (uint32_t i = 0; !found && i < want->n; i++) {
		buf_addf(&m->path, "/%u", i);
		found = differs(m, want->items[i], live->items[i]);
		buf_truncate(&m->path, before);
	}
	if (found)
		add_op(m, "replace", m->path.data,
		       node_copy(m->arena, want));
	return false;
}

static bool differs(struct mend *m, const struct node *want,
		    const struct node *live)
{
	if (live && want->type == NODE_MAP && live->type == NODE_MAP)
		return map_differs(m, want, live);
	if (live && want->type == NODE_SEQ && live->type == NODE_SEQ)
		return list_differs(m, want, live);
	/* emptyDir: {} is a value that nothing stands for */
	if (!live && (want->type == NODE_MAP || want->type == NODE_SEQ))
		return true;
	return !live_equal(want, live);
}

struct node *mend_patch(const struct node *desired, const struct node *live,
			struct arena *arena)
{
	const char *version = node_path_str(live, "metadata",
					    "resourceVersion", NULL);
	struct mend m = {
		.arena = arena, .patch = node_seq(arena),
		.path = BUF_INIT(LIMIT_OBJECT_BYTES),
	};

	if (version) {
		add_op(&m, "test", "/metadata/resourceVersion",
		       node_str(arena, version));
		map_differs(&m, live_wanted(desired, arena), live);
	}
	buf_release(&m.path);
	return m.patch->n > 1 ? m.patch : NULL;
}

/* ---- by requests ---- */

/* Its controller may have written it in between; whatever else comes of it,
 * the apply says. */
static void on_mended(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;

	op->call = NULL;
	if (a->err && op->takes++ < TRIES_MAX)
		mend_begin(op);
	else
		op_apply(op);
}

static void on_whole(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *live, *patch = NULL;

	op->call = NULL;
	if (!a->err && kube_answer_object(a, &op->arena, &live, &err) == 0)
		patch = mend_patch(op->wanted, live, &op->arena);
	if (patch)
		op_patch(op, patch, on_mended);
	else
		op_apply(op);
}

void mend_begin(struct op *op)
{
	struct kube_request r = {
		.method = "GET", .account = op->channel->account,
		.on_done = on_whole,
	};

	op->mended = true;
	op_send(op, &r);
}
