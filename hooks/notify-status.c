/*
 * Commit statuses, as the API of each forge has them: Gitea's and Forgejo's
 * /api/v1, GitHub's REST API, GitLab's /api/v4. See notify.h. A forge gets no
 * more than its own commit's id, the names of channel and cluster, and a line
 * of text.
 */
#include "config.h"
#include "hooks/notify.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"

#define GITHUB "https://github.com"

/* Both halves of an url whose path has `names` names at its end. */
static const char *split(const char *url, size_t names)
{
	const char *s = url + strlen(url);

	while (names && s > url)
		if (*--s == '/')
			names--;
	return s;
}

void status_url(enum receiver_form form, const char *repository,
		const char *commit, struct buf *out)
{
	size_t len = strlen(repository);
	char *url;
	const char *path;

	/* as it is cloned, perhaps */
	if (len > 4 && !strcmp(repository + len - 4, ".git"))
		len -= 4;
	url = xstrndup(repository, len);
	path = split(url, 2);
	switch (form) {
	case RECEIVER_GITEA:
		/* which may stand below a path of its host */
		buf_addf(out, "%.*s/api/v1/repos%s/statuses/%s",
			 (int)(path - url), url, path, commit);
		break;
	case RECEIVER_GITHUB:
		if (path == url + strlen(GITHUB) &&
		    !strncmp(url, GITHUB, strlen(GITHUB)))
			buf_addf(out, "https://api.github.com/repos%s/statuses"
				 "/%s", path, commit);
		else
			buf_addf(out, "%.*s/api/v3/repos%s/statuses/%s",
				 (int)(path - url), url, path, commit);
		break;
	default:
		/* a project is below groups, and named by all of its path */
		path = strstr(url, "://") + 3;
		path += strcspn(path, "/");
		buf_addf(out, "%.*s/api/v4/projects/", (int)(path - url), url);
		for (path++; *path; path++) {
			if (*path == '/')
				buf_adds(out, "%2F");
			else
				buf_addc(out, *path);
		}
		buf_addf(out, "/statuses/%s", commit);
		break;
	}
	free(url);
}

void status_write(const struct notify_channel *c, const struct receiver *r,
		  const char *cluster, const struct status_news *s,
		  struct buf *out)
{
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a);
	char *context = xasprintf("windlass/%s/%s", c->ch->name, cluster);

	node_set(&a, n, "state",
		 node_str(&a, status_state_name(r->form, s->state)));
	node_set(&a, n, r->form == RECEIVER_GITLAB ? "name" : "context",
		 node_str(&a, context));
	node_set(&a, n, "description", node_str_clean(&a, s->description));
	if (r->link)
		node_set(&a, n, "target_url", node_str(&a, r->link));
	json_write_compact(n, out);
	arena_release(&a);
	free(context);
}
