/*
 * Keeping what was told. See told.h. Trusts the folder, which the publisher
 * writes to, and who shares the repository with it; a file that is not as it
 * was written is no reason to be silent.
 */
#include "config.h"
#include "hooks/told.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/json.h"

#define TOLD_VERSION 1
/* some 500 bytes a cluster, of at most as many as kept_report_clusters says */
#define LIMIT_TOLD_BYTES (8u * 1024 * 1024)

/* By its section's name, or by its url, which may be no file's name. */
static int path_of(const struct host_config *host,
		   const struct channel_config *ch, const struct receiver *r,
		   struct buf *path, struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	struct sha256 digest;

	buf_addf(path, "%s/%s/notified/", host->state_dir, ch->name);
	if (r->name) {
		buf_adds(path, r->name);
	} else {
		sha256_of(r->url, strlen(r->url), &digest);
		sha256_hex(&digest, hex);
		buf_addf(path, "url.%.32s", hex);
	}
	return buf_check(path, "a path", err);
}

/* ---- one cluster ---- */

static int by_name(const void *a, const void *b)
{
	const struct told_cluster *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct told_cluster *told_cluster(struct told *t, const char *name)
{
	struct told_cluster key = { .there = false }, *c;

	snprintf(key.name, sizeof(key.name), "%s", name);
	c = t->n ? bsearch(&key, t->v, t->n, sizeof(*t->v), by_name) : NULL;
	if (c)
		return c;
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n++] = key;
	qsort(t->v, t->n, sizeof(*t->v), by_name);
	return bsearch(&key, t->v, t->n, sizeof(*t->v), by_name);
}

void told_sweep(struct told *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].there)
			t->v[n++] = t->v[i];
	t->n = n;
}

void told_release(struct told *t)
{
	free(t->v);
	*t = (struct told)TOLD_INIT;
}

/* ---- as text ---- */

static struct node *cluster_node(struct arena *a, const struct told_cluster *c)
{
	struct node *n = node_map(a);

	node_set(a, n, "commit", node_str(a, c->commit));
	node_set(a, n, "events", node_int(a, (int64_t)c->events));
	node_set(a, n, "failed", node_str(a, c->failed));
	node_set(a, n, "fighting", node_bool(a, c->fighting));
	node_set(a, n, "key", node_str(a, c->key));
	node_set(a, n, "perhaps", node_int(a, c->perhaps));
	node_set(a, n, "refused", node_str(a, c->refused));
	node_set(a, n, "stale", node_bool(a, c->stale));
	node_set(a, n, "state", node_str(a, c->state));
	node_set(a, n, "sure", node_bool(a, c->sure));
	node_set(a, n, "until", node_int(a, c->until));
	node_set(a, n, "waiting", node_str(a, c->waiting));
	return n;
}

int told_write(const struct host_config *host,
	       const struct channel_config *ch, const struct receiver *r,
	       const struct told *t, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_TOLD_BYTES);
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a), *clusters = node_map(&a);
	char *dir = xasprintf("%s/%s/notified", host->state_dir, ch->name);
	int rc = path_of(host, ch, r, &path, err);

	node_set(&a, n, "version", node_int(&a, TOLD_VERSION));
	node_set(&a, n, "channelId", node_str(&a, ch->id));
	node_set(&a, n, "until", node_int(&a, t->until));
	node_set(&a, n, "retryAt", node_int(&a, t->retry_at));
	node_set(&a, n, "failures", node_int(&a, (int64_t)t->failures));
	node_set(&a, n, "waitsSince", node_int(&a, t->waits_since));
	node_set(&a, n, "held", node_str(&a, t->held));
	node_set(&a, n, "rolled", node_str(&a, t->rolled));
	node_set(&a, n, "trouble", node_str_clean(&a, t->trouble));
	for (size_t i = 0; i < t->n; i++)
		node_set(&a, clusters, t->v[i].name,
			 cluster_node(&a, &t->v[i]));
	node_set(&a, n, "clusters", clusters);
	json_write_canonical(n, &text);
	if (!rc)
		rc = buf_check(&text, "what was told", err);
	if (!rc)
		rc = fs_mkdirs(dir, 0750, err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len, 0640,
			      err);
	free(dir);
	arena_release(&a);
	buf_release(&text);
	buf_release(&path);
	return rc;
}

static bool take_bool(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->type == NODE_BOOL && v->boolean;
}

static int64_t take_number(const struct node *n, const char *key)
{
	int64_t v = node_path_int(n, 0, key, NULL);

	return v > 0 ? v : 0;
}

static void take_cluster(struct told *t, const char *name,
			 const struct node *n)
{
	struct told_cluster *c = told_cluster(t, name);

	node_copy_str(n, "commit", c->commit, sizeof(c->commit));
	node_copy_str(n, "failed", c->failed, sizeof(c->failed));
	node_copy_str(n, "waiting", c->waiting, sizeof(c->waiting));
	node_copy_str(n, "state", c->state, sizeof(c->state));
	node_copy_str(n, "key", c->key, sizeof(c->key));
	node_copy_str(n, "refused", c->refused, sizeof(c->refused));
	c->fighting = take_bool(n, "fighting");
	c->stale = take_bool(n, "stale");
	c->sure = take_bool(n, "sure");
	c->perhaps = (unsigned)take_number(n, "perhaps") & NEWS_ALL;
	c->events = (uint64_t)take_number(n, "events");
	c->until = take_number(n, "until");
}

static int parse(const struct channel_config *ch, const struct buf *text,
		 struct told *t, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *n = NULL;
	const struct node *clusters;
	const char *id;
	int rc = json_read(text->data, text->len, &a, &n, err);

	id = rc ? NULL : node_path_str(n, "channelId", NULL);
	clusters = rc ? NULL : node_get(n, "clusters");
	if (!rc && (node_path_int(n, 0, "version", NULL) != TOLD_VERSION || !id ||
		    !clusters || clusters->type != NODE_MAP))
		rc = err_set(err, ERR_INVALID, "it is of another version");
	if (!rc && !strcmp(id, ch->id)) {
		t->until = take_number(n, "until");
		t->retry_at = take_number(n, "retryAt");
		t->failures = (uint64_t)take_number(n, "failures");
		t->waits_since = take_number(n, "waitsSince");
		node_copy_str(n, "held", t->held, sizeof(t->held));
		node_copy_str(n, "rolled", t->rolled, sizeof(t->rolled));
		node_copy_str(n, "trouble", t->trouble, sizeof(t->trouble));
		for (uint32_t i = 0; i < clusters->n; i++)
			take_cluster(t, clusters->pairs[i].key,
				     clusters->pairs[i].value);
	}
	arena_release(&a);
	return rc;
}

int told_read(const struct host_config *host, const struct channel_config *ch,
	      const struct receiver *r, struct told *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_TOLD_BYTES);
	struct told t = TOLD_INIT;
	int rc = path_of(host, ch, r, &path, err);

	if (!rc)
		rc = fs_read(AT_FDCWD, path.data, &text, err);
	if (!rc)
		rc = parse(ch, &text, &t, err);
	if (rc && err->sys == ENOENT) {
		err_clear(err);
		rc = 0;
	} else if (rc) {
		err_wrap(err, "'%s'", path.data);
	}
	buf_release(&text);
	buf_release(&path);
	*ret = t;
	return rc ? 1 : 0;
}

/* ---- shares ---- */

/* A clock that was set back must not make it silent for as long. */
static int64_t used(int64_t until, int burst, int seconds, int64_t now)
{
	int64_t most = now + (int64_t)burst * seconds;

	return until < now ? now : until > most ? most : until;
}

int64_t told_may(int64_t until, int burst, int seconds, int64_t now)
{
	return used(until, burst, seconds, now) -
	       (int64_t)(burst - 1) * seconds;
}

void told_take(int64_t *until, int burst, int seconds, int64_t now)
{
	*until = used(*until, burst, seconds, now) + seconds;
}
