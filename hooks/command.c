/*
 * What the commands share: opening the repository with its configuration.
 * See commands.h.
 */
#include "config.h"
#include "hooks/commands.h"

#include <stdlib.h>

#include "hooks/share.h"

int host_open(const char *dir, bool from_env, struct host *ret,
	      struct err *err)
{
	struct host h = HOST_INIT;
	const char *namespace = getenv("GIT_NAMESPACE");

	/* git would show us refs by other names than those they have */
	if (namespace && *namespace)
		return err_set(err, ERR_INVALID, "GIT_NAMESPACE is '%.100s', "
			       "and Git namespaces are not supported: serve "
			       "the repository without one, or give the "
			       "channel's source a repository of its own",
			       namespace);
	if (!dir)
		dir = getenv("GIT_DIR");
	if (repo_open(dir ? dir : ".", from_env, &h.repo, err) < 0)
		return -1;
	share_umask(h.repo);
	if (config_read(h.repo, &h.config, err) < 0) {
		host_close(&h);
		return -1;
	}
	*ret = h;
	return 0;
}

void host_close(struct host *h)
{
	config_release(&h->config);
	git_repository_free(h->repo);
	h->repo = NULL;
}
