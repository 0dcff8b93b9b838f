/*
 * Answering the parent. See answer.h. Bundles at hand were verified as a
 * whole, so their trees are only walked here; a body is compared with the
 * digest that the parent asks for once more, because disks fail too.
 */
#include "config.h"
#include "engine/answer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/lookup.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/depends.h"
#include "schema/limits.h"
#include "schema/object.h"
#include "schema/origins.h"
#include "schema/wishes.h"

/* room for a batch of the longest items or places */
#define BATCH_BYTES LIMIT_IPC_FRAME
/* a batch is sent before it would not fit one more */
#define BATCH_FULL (LIMIT_IPC_FRAME / 2)
/* tree objects are kept for this long after the last question */
#define KEEP_MS 5000
/* bundles between the applied one and the accepted one that are looked into:
 * what only an older one had shows up as a leftover */
#define BETWEEN_MAX 1000

struct answer {
	struct answer *next;
	struct pull *pull;
	uint32_t request;
	enum source_msg kind;		/* DIFF, OBJECT, ORIGINS */
	git_oid root;			/* of the bundle asked about */

	struct walk *walk;		/* DIFF */
	/* from the applied bundle to the accepted one: those between, too */
	char from[GIT_HEX_SIZE];	/* "": not asked for */
	uint64_t from_sequence;
	struct walk_tree to;
	struct bundle_commit below;	/* how far down we are */
	unsigned between;		/* of them looked at */
	struct sha256 digest;		/* OBJECT */
	struct strvec paths;		/* OBJECT: one; ORIGINS */
	size_t at;
	char *origins_path;		/* ORIGINS: the text that is parsed */
	struct origins origins;

	struct buf batch;		/* items or places, without their head */
	uint32_t in_batch;
};

struct answers {
	struct child *child;
	struct answer *first, **tail;
	struct work work;
	struct lookup lookup;
	struct timer idle;
};

static void run(void *arg);

static void on_idle(void *arg)
{
	lookup_release(&((struct answers *)arg)->lookup);
}

struct answers *answers_new(struct child *child)
{
	struct answers *a = xcalloc(1, sizeof(*a));

	a->child = child;
	a->tail = &a->first;
	work_init(&a->work, run, a);
	timer_init(&a->idle, child->loop, on_idle, a);
	return a;
}

static void answer_free(struct answer *w)
{
	walk_free(w->walk);
	strvec_release(&w->paths);
	origins_release(&w->origins);
	free(w->origins_path);
	buf_release(&w->batch);
	free(w);
}

void answers_free(struct answers *a)
{
	if (!a)
		return;
	while (a->first) {
		struct answer *w = a->first;

		a->first = w->next;
		answer_free(w);
	}
	loop_undefer(a->child->loop, &a->work);
	timer_stop(&a->idle);
	lookup_release(&a->lookup);
	free(a);
}

static void drop_if(struct answers *a, const struct pull *p, bool all,
		    uint32_t request)
{
	struct answer **at = &a->first;

	while (*at) {
		struct answer *w = *at;

		if (w->pull == p && (all || w->request == request)) {
			*at = w->next;
			answer_free(w);
		} else {
			at = &w->next;
		}
	}
	a->tail = at;
}

void answers_cancel(struct answers *a, const struct pull *p,
		    uint32_t request)
{
	drop_if(a, p, false, request);
}

void answers_forget(struct answers *a, const struct pull *p)
{
	drop_if(a, p, true, 0);
	lookup_release(&a->lookup);
}

void answers_go_on(struct answers *a)
{
	if (a->first)
		loop_defer(a->child->loop, &a->work);
}

/* ---- sending ---- */

static void send_failed(struct answers *a, const struct pull *p,
			uint32_t request, const struct err *err)
{
	struct buf b = BUF_INIT(4096);

	ipc_put_u32(&b, request);
	ipc_put_u8(&b, (uint8_t)err->class);
	ipc_put_str(&b, err->msg);
	ipc_send(a->child->ipc, SOURCE_FAILED, p->handle, &b);
	buf_release(&b);
}

static void send_batch(struct answers *a, struct answer *w)
{
	struct buf b = BUF_INIT(BATCH_BYTES);

	if (!w->in_batch)
		return;
	ipc_put_u32(&b, w->request);
	ipc_put_u32(&b, w->in_batch);
	buf_add(&b, w->batch.data, w->batch.len);
	ipc_send(a->child->ipc, w->kind == SOURCE_DIFF ? SOURCE_ITEMS
						       : SOURCE_PLACES,
		 w->pull->handle, &b);
	buf_release(&b);
	buf_reset(&w->batch);
	w->in_batch = 0;
}

static bool batch_is_full(const struct answer *w)
{
	return w->in_batch == SOURCE_BATCH || w->batch.len > BATCH_FULL;
}

static void send_done(struct answers *a, struct answer *w)
{
	struct buf b = BUF_INIT(8);

	send_batch(a, w);
	ipc_put_u32(&b, w->request);
	ipc_send(a->child->ipc, SOURCE_DONE, w->pull->handle, &b);
	buf_release(&b);
}

/* ---- working: 1 there is more, 0 it is answered, -1 err ---- */

static void as_walk_tree(const struct bundle_commit *c, struct walk_tree *ret)
{
	git_oid_fromstr(&ret->id, c->tree);
	ret->content = c->bundle.content;
}

/*
 * A bundle that was accepted, and overtaken before all of it was applied, may
 * have made objects that neither the applied bundle nor the accepted one
 * names: what a bundle between had and the accepted one has not goes too. Its
 * commit is bound by the chain, and its tree by that. False at the end.
 */
static bool next_between(struct answer *w)
{
	const struct cache *cache = &w->pull->cache;
	struct verify_rules rules;
	struct verdict v;
	struct err err = ERR_INIT;
	struct walk_tree tree;
	char id[GIT_HEX_SIZE];

	pull_rules(w->pull, &rules);
	while (*w->from && w->between++ < BETWEEN_MAX) {
		memcpy(id, w->below.parent, GIT_HEX_SIZE);
		if (!*id || !strcmp(id, w->from) ||
		    verify_ancestor(cache, id, &rules, &w->below, &v, &err) < 0 ||
		    w->below.bundle.sequence <= w->from_sequence)
			return false;
		as_walk_tree(&w->below, &tree);
		if (git_odb_exists(cache->odb, &tree.id) != 1)
			continue;
		walk_free(w->walk);
		w->walk = walk_new(cache, &tree, &w->to);
		return true;
	}
	return false;
}

/* Could the author have said something about order, or another wish? If not,
 * nobody has to read the body before it is applied. */
static bool is_mentioned(const struct buf *body)
{
	static const char *const words[] = {
		WISH_PREFIX, "argocd.argoproj.io/sync-wave", DEPENDS_ON,
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (memmem(body->data, body->len, words[i], strlen(words[i])))
			return true;
	return false;
}

static int step_diff(struct answers *a, struct answer *w, struct err *err)
{
	struct walk_item found;
	struct source_item item;
	struct buf body = BUF_INIT(LIMIT_OBJECT_BYTES);
	int rc = walk_next(w->walk, &found, err);

	/* of one between only parts may be at hand: it is done without */
	if (rc < 0 && w->between)
		rc = 0;
	if (rc == 0 && next_between(w))
		return 1;
	if (rc == 0)
		send_done(a, w);
	if (rc <= 0 || !found.object ||
	    (w->between && found.op != SOURCE_DELETE))
		return rc;
	if (found.op != SOURCE_DELETE &&
	    cache_read(&w->pull->cache, &found.id, GIT_OBJECT_BLOB, &body,
		       err) < 0) {
		buf_release(&body);
		return err_wrap(err, "'%s'", found.path);
	}
	item = (struct source_item){
		.op = found.op, .path = found.path, .digest = found.digest,
		.size = body.len, .ordered = is_mentioned(&body),
	};
	buf_release(&body);
	source_put_item(&w->batch, &item);
	w->in_batch++;
	if (batch_is_full(w))
		send_batch(a, w);
	return 1;
}

static int step_object(struct answers *a, struct answer *w, struct err *err)
{
	struct buf body = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);
	const struct cache *c = &w->pull->cache;
	struct sha256 got;
	git_oid id;
	int rc = -1;

	if (lookup_blob(&a->lookup, c, &w->root, w->paths.v[0], &id, err) < 0 ||
	    cache_read(c, &id, GIT_OBJECT_BLOB, &body, err) < 0)
		goto out;
	sha256_of(body.data, body.len, &got);
	if (!sha256_equal(&got, &w->digest)) {
		err_set(err, ERR_DENIED, "'%s' has not the SHA-256 that is "
			"asked for", w->paths.v[0]);
		goto out;
	}
	ipc_put_u32(&b, w->request);
	ipc_put_bytes(&b, body.data, body.len);
	ipc_send(a->child->ipc, SOURCE_BODY, w->pull->handle, &b);
	rc = 0;
out:
	buf_release(&body);
	buf_release(&b);
	return rc;
}

/* Parses the origins text at `path` unless it is the one at hand. */
static int load_origins(struct answers *a, struct answer *w, const char *path,
			struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	git_oid id;
	int rc;

	if (w->origins_path && !strcmp(w->origins_path, path))
		return 0;
	origins_release(&w->origins);
	free(w->origins_path);
	w->origins_path = xstrdup(path);
	rc = lookup_blob(&a->lookup, &w->pull->cache, &w->root, path, &id,
			 err);
	if (!rc)
		rc = cache_read(&w->pull->cache, &id, GIT_OBJECT_BLOB, &text,
				err);
	if (!rc)
		rc = origins_parse(text.data, text.len, &w->origins, err);
	buf_release(&text);
	return rc;
}

/* "file:line" of one object, or "" where the bundle does not say. */
static void find_place(struct answers *a, struct answer *w, const char *path,
		       struct buf *ret)
{
	struct arena arena = ARENA_INIT;
	struct buf origin = BUF_INIT(SOURCE_PATH_SIZE);
	const struct origin *o = NULL;
	struct err ignored = ERR_INIT;
	struct object_id id;

	if (object_path_parse(path, &arena, &id, &ignored) == 0 &&
	    object_origin_path(&id, &origin, &ignored) == 0 &&
	    load_origins(a, w, origin.data, &ignored) == 0)
		o = origins_find(&w->origins, id.name);
	if (o)
		buf_addf(ret, "%s:%u", o->path, o->line);
	buf_release(&origin);
	arena_release(&arena);
}

static int step_origins(struct answers *a, struct answer *w)
{
	struct buf place = BUF_INIT(LIMIT_PATH_BYTES + 16);
	const char *path;

	if (w->at == w->paths.n) {
		send_done(a, w);
		return 0;
	}
	path = w->paths.v[w->at++];
	find_place(a, w, path, &place);
	ipc_put_str(&w->batch, path);
	ipc_put_str(&w->batch, place.data);
	w->in_batch++;
	if (batch_is_full(w))
		send_batch(a, w);
	buf_release(&place);
	return 1;
}

static int step(struct answers *a, struct answer *w, struct err *err)
{
	switch (w->kind) {
	case SOURCE_DIFF:
		return step_diff(a, w, err);
	case SOURCE_OBJECT:
		return step_object(a, w, err);
	default:
		return step_origins(a, w);
	}
}

/* The first in the queue gets a slice; if it is not done it goes last. */
static void run_first(struct answers *a)
{
	int64_t deadline = clock_mono_ms() + PULL_SLICE_MS;
	struct answer *w = a->first;
	struct err err = ERR_INIT;
	int rc;

	a->first = w->next;
	if (!a->first)
		a->tail = &a->first;
	w->next = NULL;
	do
		rc = step(a, w, &err);
	while (rc > 0 && ipc_has_room(a->child->ipc) &&
	       clock_mono_ms() < deadline);
	if (rc > 0) {
		*a->tail = w;
		a->tail = &w->next;
		return;
	}
	if (rc < 0) {
		send_failed(a, w->pull, w->request, &err);
		pull_doubt(w->pull);
	}
	answer_free(w);
}

static void run(void *arg)
{
	struct answers *a = arg;
	int64_t deadline = clock_mono_ms() + PULL_SLICE_MS;

	alarm(PULL_STUCK_S);
	while (a->first && ipc_has_room(a->child->ipc) &&
	       clock_mono_ms() < deadline)
		run_first(a);
	alarm(0);
	/* without room, on_room goes on */
	if (a->first && ipc_has_room(a->child->ipc))
		loop_defer(a->child->loop, &a->work);
	timer_set(&a->idle, KEEP_MS);
}

/* ---- taking ---- */

static void get_paths(struct ipc_in *in, uint32_t n, struct answer *w)
{
	char path[SOURCE_PATH_SIZE];

	if (n > SOURCE_BATCH) {
		in->bad = true;
		return;
	}
	while (n-- && !in->bad) {
		ipc_get_str(in, path, sizeof(path));
		strvec_push(&w->paths, path);
	}
}

static int read_question(const struct ipc_frame *f, struct answer *w,
			 char bundle[GIT_HEX_SIZE], char from[GIT_HEX_SIZE],
			 struct err *err)
{
	struct ipc_in in;

	ipc_in_init(&in, f);
	w->kind = (enum source_msg)f->type;
	w->request = ipc_get_u32(&in);
	from[0] = '\0';
	if (w->kind == SOURCE_DIFF)
		ipc_get_str(&in, from, GIT_HEX_SIZE);
	ipc_get_str(&in, bundle, GIT_HEX_SIZE);
	if (w->kind == SOURCE_OBJECT) {
		get_paths(&in, 1, w);
		ipc_get_digest(&in, &w->digest);
	} else if (w->kind == SOURCE_ORIGINS) {
		get_paths(&in, ipc_get_u32(&in), w);
	}
	return ipc_in_end(&in, source_msg_name(f->type), err);
}

/* 0, or -1 when a bundle that is asked about is not at hand. */
static int prepare(struct answer *w, const char *bundle, const char *from,
		   struct err *err)
{
	const struct known *to = pull_known(w->pull, bundle);
	const struct known *before = pull_known(w->pull, from);
	const struct pull *p = w->pull;
	struct walk_tree old;

	if (!to || (*from && !before))
		return err_set(err, ERR_TRANSIENT,
			       "bundle %.12s is not at hand",
			       to ? from : bundle);
	as_walk_tree(&to->commit, &w->to);
	git_oid_cpy(&w->root, &w->to.id);
	if (w->kind != SOURCE_DIFF)
		return 0;
	if (before)
		as_walk_tree(&before->commit, &old);
	w->walk = walk_new(&p->cache, before ? &old : NULL, &w->to);
	if (before && !strcmp(from, p->applied.bundle) &&
	    !strcmp(bundle, p->accepted.bundle) &&
	    before->commit.bundle.epoch == to->commit.bundle.epoch) {
		memcpy(w->from, from, GIT_HEX_SIZE);
		w->from_sequence = before->commit.bundle.sequence;
		w->below = to->commit;
	}
	return 0;
}

int answers_take(struct answers *a, struct pull *p, const struct ipc_frame *f,
		 struct err *err)
{
	char bundle[GIT_HEX_SIZE], from[GIT_HEX_SIZE];
	struct answer *w = xcalloc(1, sizeof(*w));
	struct err no = ERR_INIT;

	w->pull = p;
	buf_init(&w->batch, BATCH_BYTES);
	if (read_question(f, w, bundle, from, err) < 0) {
		answer_free(w);
		return -1;
	}
	if (prepare(w, bundle, from, &no) < 0) {
		send_failed(a, p, w->request, &no);
		answer_free(w);
		return 0;
	}
	*a->tail = w;
	a->tail = &w->next;
	loop_defer(a->child->loop, &a->work);
	return 0;
}
