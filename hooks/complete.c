/*
 * What a shell is told at a prompt of windlass-hook: the repository's channels
 * and refs. What cannot be found out is not said, and no error is printed:
 * somebody is typing.
 */
#include "config.h"

#include <string.h>

#include "hooks/commands.h"
#include "schema/openapi.h"

static void channels(struct completion *c, const struct host *h)
{
	for (size_t i = 0; i < h->config.n; i++)
		completion_add(c, h->config.channels[i].name,
			       h->config.channels[i].ref);
}

static void branches(struct completion *c, const struct host *h)
{
	git_reference_iterator *each;
	const char *ref;

	if (git_reference_iterator_glob_new(&each, h->repo,
					    "refs/heads/*") < 0)
		return;
	while (git_reference_next_name(&ref, each) == 0)
		completion_add(c, ref, NULL);
	git_reference_iterator_free(each);
}

bool hook_complete(struct completion *c, const char *what)
{
	void (*fn)(struct completion *, const struct host *) =
		!strncmp(what, "CHANNEL", 7) ? channels :
		!strcmp(what, "REF") ? branches : NULL;
	struct host h;
	struct err err = ERR_INIT;

	if (!strcmp(what, "VERSION")) {
		openapi_complete(c);
		return true;
	}
	if (!fn)
		/* a path is one of the ref's tree, not of this folder */
		return !strcmp(what, "PATH");
	if (host_open(completion_option(c, "repo"), false, &h, &err) == 0) {
		fn(c, &h);
		host_close(&h);
	}
	return true;
}
