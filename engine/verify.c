/*
 * Judging commits and trees. See verify.h. Nothing that a bundle says about
 * itself is believed: its counts are recounted, its digests computed, its
 * objects read to see that they are what their paths say.
 */
#include "config.h"
#include "engine/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/object.h"
#include "schema/render.h"
#include "schema/sshsig.h"

static int refuse(struct verdict *v, enum source_reason r)
{
	*v = (struct verdict){ SOURCE_VERIFIED, r };
	return -1;
}

/* What is not at hand, or a damaged cache, is no fault of the bundle. */
static int refuse_bundle(struct verdict *v, const struct err *err)
{
	if (err->class == ERR_TRANSIENT)
		*v = (struct verdict){ SOURCE_FETCHED, SOURCE_NO_PATH };
	else if (err->class == ERR_INTERNAL)
		*v = (struct verdict){ SOURCE_FETCHED, SOURCE_STATE_DIR };
	else
		*v = (struct verdict){ SOURCE_VERIFIED, SOURCE_BUNDLE };
	return -1;
}

/* ---- commits ---- */

struct signed_commit {
	struct bundle_commit c;
	struct buf armour, payload;
};

static int read_commit(const struct cache *cache, const char *id,
		       struct signed_commit *ret, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_COMMIT_BYTES);
	git_oid oid;
	int rc = -1;

	if (git_oid_fromstr(&oid, id) < 0)
		err_set(err, ERR_DENIED, "'%s' is no object id", id);
	else
		rc = cache_read(cache, &oid, GIT_OBJECT_COMMIT, &raw, err);
	if (!rc)
		rc = bundle_commit_parse(raw.data, raw.len, &ret->c,
					 &ret->armour, &ret->payload, err);
	if (rc)
		err_wrap(err, "bundle %.12s", id);
	buf_release(&raw);
	return rc;
}

static int check_ids(const struct bundle *b, const char *id,
		     const struct verify_rules *r, struct verdict *v,
		     struct err *err)
{
	if (!strcmp(b->channel, r->channel) &&
	    !strcmp(b->channel_id, r->channel_id))
		return 0;
	err_set(err, ERR_DENIED, "bundle %.12s is of channel '%s' with id %s",
		id, b->channel, b->channel_id);
	return refuse(v, SOURCE_WRONG_CHANNEL);
}

static int check_signer(const struct signed_commit *s, const char *id,
			const struct verify_rules *r, int64_t key_time,
			char *publisher, struct verdict *v, struct err *err)
{
	const struct trust_key *holder;
	struct sshkey key;

	if (sshsig_verify(s->armour.data, s->armour.len, "git",
			  s->payload.data, s->payload.len, &key, NULL,
			  err) < 0) {
		err_wrap(err, "bundle %.12s", id);
		return refuse(v, SOURCE_SIGNATURE);
	}
	holder = trust_find(r->publishers, &key, key_time, err);
	if (!holder) {
		err_wrap(err, "bundle %.12s", id);
		return refuse(v, SOURCE_UNKNOWN_KEY);
	}
	if (publisher)
		memcpy(publisher, holder->principal,
		       sizeof(holder->principal));
	return 0;
}

int verify_commit(const struct cache *c, const char *id,
		  const struct verify_rules *r, int64_t key_time,
		  struct bundle_commit *ret,
		  char publisher[LIMIT_PRINCIPAL_BYTES + 1],
		  struct verdict *ret_verdict, struct err *err)
{
	struct signed_commit s = {
		.armour = BUF_INIT(LIMIT_COMMIT_BYTES),
		.payload = BUF_INIT(LIMIT_COMMIT_BYTES),
	};
	int rc;

	if (read_commit(c, id, &s, err) < 0)
		rc = refuse_bundle(ret_verdict, err);
	else
		rc = check_signer(&s, id, r, key_time, publisher, ret_verdict,
				  err);
	if (!rc)
		rc = check_ids(&s.c.bundle, id, r, ret_verdict, err);
	if (!rc)
		*ret = s.c;
	buf_release(&s.armour);
	buf_release(&s.payload);
	return rc;
}

int verify_ancestor(const struct cache *c, const char *id,
		    const struct verify_rules *r, struct bundle_commit *ret,
		    struct verdict *ret_verdict, struct err *err)
{
	struct signed_commit s = {
		.armour = BUF_INIT(LIMIT_COMMIT_BYTES),
		.payload = BUF_INIT(LIMIT_COMMIT_BYTES),
	};
	int rc;

	if (read_commit(c, id, &s, err) < 0)
		rc = refuse_bundle(ret_verdict, err);
	else
		rc = check_ids(&s.c.bundle, id, r, ret_verdict, err);
	if (!rc)
		*ret = s.c;
	buf_release(&s.armour);
	buf_release(&s.payload);
	return rc;
}

int verify_pinned(const struct cache *c, const struct verify_rules *r,
		  const struct source_pin *pin, struct bundle_commit *ret,
		  struct verdict *ret_verdict, struct err *err)
{
	struct bundle_commit found;
	const struct bundle *b = &found.bundle;

	if (verify_ancestor(c, pin->bundle, r, &found, ret_verdict, err) < 0)
		return -1;
	if (b->epoch != pin->epoch || b->sequence != pin->sequence ||
	    !sha256_equal(&b->content, &pin->content)) {
		err_set(err, ERR_DENIED, "bundle %.12s is not what was "
			"recorded for %" PRIu64 ".%" PRIu64, pin->bundle,
			pin->epoch, pin->sequence);
		return refuse(ret_verdict, SOURCE_BUNDLE);
	}
	*ret = found;
	return 0;
}

int verify_is_of_head(const struct bundle_commit *c, const struct head *h,
		      struct verdict *ret_verdict, struct err *err)
{
	const struct bundle *b = &c->bundle;

	if (b->epoch == h->epoch && b->sequence == h->sequence &&
	    sha256_equal(&b->content, &h->content))
		return 0;
	err_set(err, ERR_DENIED, "bundle %.12s says it is %" PRIu64 ".%"
		PRIu64 "%s, its head says %" PRIu64 ".%" PRIu64, h->bundle,
		b->epoch, b->sequence,
		sha256_equal(&b->content, &h->content) ? "" :
		" with other content", h->epoch, h->sequence);
	return refuse(ret_verdict, SOURCE_BUNDLE);
}

int verify_link(const struct bundle_commit *newer,
		const struct bundle_commit *older,
		struct verdict *ret_verdict, struct err *err)
{
	const struct bundle *n = &newer->bundle, *o = &older->bundle;

	/* counts are at most LIMIT_BUNDLE_OBJECTS, so sums do not overflow */
	if (n->epoch != o->epoch || n->sequence != o->sequence + 1)
		err_set(err, ERR_DENIED, "bundle %" PRIu64 ".%" PRIu64
			" has %" PRIu64 ".%" PRIu64 " as its parent", n->epoch,
			n->sequence, o->epoch, o->sequence);
	else if (n->objects + n->deleted != o->objects + n->created)
		err_set(err, ERR_DENIED, "bundle %" PRIu64 ".%" PRIu64
			" has %" PRIu64 " objects: its parent's %" PRIu64
			" and its Changes do not add up to that", n->epoch,
			n->sequence, n->objects, o->objects);
	else
		return 0;
	return refuse(ret_verdict, SOURCE_BUNDLE);
}

/* ---- one object ---- */

/* The channel's own objects, which would let a push change its own rules. */
static int check_not_own(const struct object_id *id, const char *channel,
			 struct err *err)
{
	if (!strcmp(id->group, "windlass.dev") &&
	    !strcmp(id->kind, "Channel") && !strcmp(id->name, channel))
		return err_set(err, ERR_DENIED, "a channel may not have its "
			       "own Channel");
	if (!strcmp(id->group, "apiextensions.k8s.io") &&
	    !strcmp(id->kind, "CustomResourceDefinition") &&
	    !strcmp(id->name, "channels.windlass.dev"))
		return err_set(err, ERR_DENIED, "a channel may not have the "
			       "definition of Channels");
	return 0;
}

static int check_label(const struct node *root, const char *channel,
		       struct err *err)
{
	struct buf want = BUF_INIT(128);
	const char *got = node_path_str(root, "metadata", "labels",
					APPLYSET_PART_OF, NULL);
	int rc = 0;

	render_applyset_id(channel, &want);
	if (!got || strcmp(got, want.data))
		rc = err_set(err, ERR_DENIED, "its label " APPLYSET_PART_OF
			     " is not this channel's");
	buf_release(&want);
	return rc;
}

static int check_object(const char *path, const struct buf *body,
			const char *channel, struct arena *a, struct err *err)
{
	struct object_id stated, is;
	struct node *root;

	if (object_path_parse(path, a, &stated, err) < 0 ||
	    check_not_own(&stated, channel, err) < 0 ||
	    json_read(body->data, body->len, a, &root, err) < 0 ||
	    object_id_of(root, a, &is, err) < 0)
		return -1;
	if (!object_id_equal(&stated, &is))
		return err_set(err, ERR_DENIED, "the body is another object "
			       "than the path names");
	return check_label(root, channel, err);
}

/* ---- trees ---- */

struct verify_tree {
	const struct cache *cache;
	char channel[LIMIT_CHANNEL_BYTES + 1];
	struct bundle bundle;
	bool whole, parent, trusted;
	uint64_t had;			/* objects of `before` */
	uint64_t created, changed, deleted;
	struct walk *walk;
	struct arena arena;
	struct buf body;
};

struct verify_tree *verify_tree_new(const struct cache *c, const char *channel,
				    const struct bundle_commit *commit,
				    const struct bundle_commit *before,
				    bool trusted)
{
	struct verify_tree *v = xcalloc(1, sizeof(*v));
	struct walk_tree new = { .content = commit->bundle.content };
	struct walk_tree old = { 0 };

	v->cache = c;
	snprintf(v->channel, sizeof(v->channel), "%s", channel);
	v->bundle = commit->bundle;
	v->whole = !before;
	v->trusted = trusted;
	git_oid_fromstr(&new.id, commit->tree);
	if (before) {
		git_oid_fromstr(&old.id, before->tree);
		old.content = before->bundle.content;
		v->had = before->bundle.objects;
		v->parent = before->bundle.epoch == commit->bundle.epoch &&
			before->bundle.sequence + 1 == commit->bundle.sequence;
	}
	v->walk = walk_new(c, before ? &old : NULL, &new);
	buf_init(&v->body, LIMIT_SUMS_BYTES);
	return v;
}

void verify_tree_free(struct verify_tree *v)
{
	if (!v)
		return;
	walk_free(v->walk);
	arena_release(&v->arena);
	buf_release(&v->body);
	free(v);
}

static void count(struct verify_tree *v, enum source_op op)
{
	if (op == SOURCE_CREATE)
		v->created++;
	else if (op == SOURCE_CHANGE)
		v->changed++;
	else
		v->deleted++;
}

static int check_file(struct verify_tree *v, const struct walk_item *item,
		      struct err *err)
{
	struct sha256 got;

	if (item->object)
		count(v, item->op);
	if (item->op == SOURCE_DELETE)
		return 0;
	buf_reset(&v->body);
	v->body.max = item->object ? LIMIT_OBJECT_BYTES : LIMIT_SUMS_BYTES;
	if (cache_read(v->cache, &item->id, GIT_OBJECT_BLOB, &v->body,
		       err) < 0)
		return -1;
	sha256_of(v->body.data, v->body.len, &got);
	if (!sha256_equal(&got, &item->digest))
		return err_set(err, ERR_DENIED, "its bytes have not the "
			       "digest that SHA256SUMS states");
	if (!item->object || v->trusted)
		return 0;
	arena_reset(&v->arena);
	return check_object(item->path, &v->body, v->channel, &v->arena, err);
}

static int check_counts(const struct verify_tree *v, struct err *err)
{
	const struct bundle *b = &v->bundle;
	uint64_t objects = v->had + v->created - v->deleted;

	if (objects != b->objects)
		return err_set(err, ERR_DENIED, "it says Objects: %" PRIu64
			       ", and has %" PRIu64, b->objects, objects);
	if (v->parent && (v->created != b->created ||
			  v->changed != b->changed ||
			  v->deleted != b->deleted))
		return err_set(err, ERR_DENIED, "it says Changes: +%" PRIu64
			       " ~%" PRIu64 " -%" PRIu64 ", and they are +%"
			       PRIu64 " ~%" PRIu64 " -%" PRIu64, b->created,
			       b->changed, b->deleted, v->created, v->changed,
			       v->deleted);
	return 0;
}

static int step_err(const struct verify_tree *v, struct verdict *verdict,
		    struct err *err)
{
	/* readers of texts call a fault invalid; in a bundle it is a lie */
	if (err->class == ERR_INVALID)
		err->class = ERR_DENIED;
	err_wrap(err, "bundle %" PRIu64 ".%" PRIu64, v->bundle.epoch,
		 v->bundle.sequence);
	return refuse_bundle(verdict, err);
}

int verify_tree_step(struct verify_tree *v, int64_t deadline,
		     struct verdict *ret_verdict, struct err *err)
{
	struct walk_item item;
	int rc;

	do {
		rc = walk_next(v->walk, &item, err);
		if (rc < 0)
			return step_err(v, ret_verdict, err);
		if (rc == 0) {
			if (check_counts(v, err) < 0)
				return step_err(v, ret_verdict, err);
			return 0;
		}
		if (check_file(v, &item, err) < 0) {
			err_wrap(err, "'%s'", item.path);
			return step_err(v, ret_verdict, err);
		}
		if (v->created > LIMIT_BUNDLE_OBJECTS) {
			err_set(err, ERR_DENIED, "more than %d objects",
				LIMIT_BUNDLE_OBJECTS);
			return step_err(v, ret_verdict, err);
		}
	} while (clock_mono_ms() < deadline);
	return 1;
}
