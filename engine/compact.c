/*
 * Keeping a cache small. See pull.h. Every bundle brings a pack, and libgit2
 * completes thin ones with their bases, so after some dozens of bundles most
 * of the cache is old. A pack child writes what is still needed into a new
 * repository beside the old one; then the two change places. Packs that came
 * meanwhile move along. Whatever fails, the old one stays in use.
 */
#include "config.h"
#include "engine/pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/pack-child.h"
#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"

/* packs that may gather: libgit2 looks through all of them for an object */
#define COMPACT_PACKS 50

struct compaction {
	struct pull *pull;
	struct pack_job *job;
	char *new_path;
	struct strvec before;	/* files in objects/pack when it began */
};

static void list_packs(const char *repo, struct strvec *ret)
{
	char *path = xasprintf("%s/objects/pack", repo);
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "pack-", 5))
			strvec_push(ret, e->d_name);
	if (d)
		closedir(d);
	free(path);
}

static void destroy(struct compaction *c)
{
	struct err ignored = ERR_INIT;

	c->pull->compaction = NULL;
	if (fs_exists(AT_FDCWD, c->new_path) &&
	    fs_remove_tree(c->new_path, &ignored) < 0)
		log_warn("compact", LOG_S("error", ignored.msg));
	strvec_release(&c->before);
	free(c->new_path);
	free(c);
}

void compact_cancel(struct pull *p)
{
	if (!p->compaction)
		return;
	pack_job_cancel(p->compaction->job);
	destroy(p->compaction);
}

/* Takes packs along that came while the new repository was written. */
static int move_new_packs(struct compaction *c, struct err *err)
{
	const char *old = c->pull->cache.path;
	struct strvec now = STRVEC_INIT;
	int rc = 0;

	list_packs(old, &now);
	for (size_t i = 0; !rc && i < now.n; i++) {
		char *from, *to;

		if (strvec_has(&c->before, now.v[i]))
			continue;
		from = xasprintf("%s/objects/pack/%s", old, now.v[i]);
		to = xasprintf("%s/objects/pack/%s", c->new_path, now.v[i]);
		if (link(from, to) < 0 && errno != EEXIST)
			rc = err_sys(err, "cannot link '%s'", to);
		free(from);
		free(to);
	}
	strvec_release(&now);
	return rc;
}

static int change_places(struct compaction *c, struct err *err)
{
	struct cache *cache = &c->pull->cache;
	char *old = xasprintf("%s.old", cache->path);
	int rc = -1;

	if (move_new_packs(c, err) < 0)
		goto out;
	if (fs_exists(AT_FDCWD, old) && fs_remove_tree(old, err) < 0)
		goto out;
	if (rename(cache->path, old) < 0) {
		err_sys(err, "cannot rename '%s'", cache->path);
		goto out;
	}
	if (rename(c->new_path, cache->path) < 0) {
		err_sys(err, "cannot rename '%s'", c->new_path);
		if (rename(old, cache->path) < 0)
			err_wrap(err, "and '%s' is gone", cache->path);
		goto out;
	}
	if (cache_refresh(cache, err) < 0 || fs_remove_tree(old, err) < 0)
		goto out;
	rc = cache_set_ref(cache, c->pull->config.s.name,
			   c->pull->accepted.bundle, err);
out:
	free(old);
	return rc;
}

static void done(void *arg, const char *name, const struct err *failed)
{
	struct compaction *c = arg;
	const char *channel = c->pull->config.s.name;
	struct err err = ERR_INIT;

	if (failed)
		log_warn("compact", LOG_S("channel", channel),
			 LOG_S("error", failed->msg));
	else if (job_is_packing(c->pull->job))
		log_info("compact-later", LOG_S("channel", channel));
	else if (change_places(c, &err) < 0)
		log_warn("compact", LOG_S("channel", channel),
			 LOG_S("error", err.msg));
	destroy(c);
}

void compact_begin(struct pull *p)
{
	const char *args[7] = { "compact", p->cache.path };
	struct compaction *c;
	struct err err = ERR_INIT;
	size_t n = 3;

	if (p->compaction || !pull_known(p, p->accepted.bundle) ||
	    cache_packs(&p->cache, NULL) < COMPACT_PACKS)
		return;
	c = xcalloc(1, sizeof(*c));
	c->pull = p;
	c->new_path = xasprintf("%s.new", p->cache.path);
	list_packs(p->cache.path, &c->before);
	args[2] = c->new_path;
	/* newest first: the history between the first and the last is kept */
	if (pull_known(p, p->candidate) &&
	    strcmp(p->candidate, p->accepted.bundle))
		args[n++] = p->candidate;
	args[n++] = p->accepted.bundle;
	if (pull_known(p, p->applied.bundle) &&
	    strcmp(p->applied.bundle, p->accepted.bundle))
		args[n++] = p->applied.bundle;
	p->compaction = c;
	if (pack_job_start(p->child->loop, args, done, c, &c->job, &err) < 0) {
		log_warn("compact", LOG_S("error", err.msg));
		destroy(c);
	}
}
