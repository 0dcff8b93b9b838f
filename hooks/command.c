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

int host_each(const struct host *h, int n, char **names,
	      int (*run)(const void *arg, const struct host *h,
			 const struct channel_config *ch), const void *arg)
{
	const struct host_config *c = &h->config;
	int worst = EXIT_OK, status;

	for (size_t i = 0; n == 0 && i < c->n; i++) {
		status = run(arg, h, &c->channels[i]);
		worst = status > worst ? status : worst;
	}
	for (int i = 0; i < n; i++) {
		const struct channel_config *ch = config_channel(c, names[i]);
		struct err err = ERR_INIT;

		if (ch) {
			status = run(arg, h, ch);
		} else {
			err_set(&err, ERR_INVALID, "no channel '%s' is "
				"configured in '%s'", names[i], c->git_dir);
			status = command_fail(&err);
		}
		worst = status > worst ? status : worst;
	}
	return worst;
}
