/*
 * What waits. See unpublished.h. Reads settings that the Git host has judged; one
 * that is odd shows nothing.
 */
#include "config.h"
#include "engine/cli/unpublished.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/repo.h"

/* The value, malloced, or NULL. */
static char *setting(git_config *config, const char *channel, const char *key)
{
	char *name = xasprintf("windlass.%s.%s", channel, key);
	git_buf value = GIT_BUF_INIT;
	char *ret = NULL;

	if (!git_config_get_string_buf(&value, config, name))
		ret = xstrdup(value.ptr);
	git_buf_dispose(&value);
	free(name);
	return ret;
}

struct comparison {
	git_repository *repo;
	git_oid a, b;
	bool differs;
};

static int compare_path(const git_config_entry *e, void *arg)
{
	struct comparison *c = arg;
	struct err unread = ERR_INIT;
	git_oid in_a = { { 0 } }, in_b = { { 0 } };
	char *path = xstrdup(e->value);
	size_t len = strlen(path);
	unsigned mode;

	while (len && path[len - 1] == '/')
		path[--len] = '\0';
	/* one that is not there is no other than itself */
	(void)repo_tree_entry(c->repo, &c->a, path, &in_a, &mode, &unread);
	(void)repo_tree_entry(c->repo, &c->b, path, &in_b, &mode, &unread);
	c->differs |= !git_oid_equal(&in_a, &in_b);
	free(path);
	return 0;
}

static bool differs(git_repository *repo, git_config *config,
		    const char *channel, const char *a, const char *b)
{
	char *name = xasprintf("windlass.%s.path", channel);
	struct comparison c = { .repo = repo };
	struct err unread = ERR_INIT;

	if (repo_commit_tree(repo, a, &c.a, &unread) < 0 ||
	    repo_commit_tree(repo, b, &c.b, &unread) < 0 ||
	    git_config_get_multivar_foreach(config, name, NULL, compare_path,
					    &c) < 0)
		c.differs = true;
	free(name);
	return c.differs;
}

void unpublished_read(git_repository *repo, const char *channel,
		  const char *source, struct unpublished *ret)
{
	struct unpublished w = UNPUBLISHED_INIT;
	struct err unread = ERR_INIT;
	git_config *config = NULL;

	*ret = w;
	if (git_repository_config_snapshot(&config, repo))
		return;
	w.after = setting(config, channel, "after");
	w.ref = setting(config, channel, "ref");
	if (w.after && w.ref && !repo_ref(repo, w.ref, w.commit, &unread) &&
	    strcmp(w.commit, source) &&
	    differs(repo, config, channel, w.commit, source))
		*ret = w;
	else
		unpublished_release(&w);
	git_config_free(config);
}

void unpublished_release(struct unpublished *w)
{
	free(w->ref);
	free(w->after);
	*w = (struct unpublished)UNPUBLISHED_INIT;
}
