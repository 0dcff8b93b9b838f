/*
 * What the commands share: usage errors, the last word on a failure, and
 * opening the repository with its configuration. See commands.h.
 */
#include "config.h"
#include "hooks/commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int usage_help(const char *usage)
{
	fputs(usage, stdout);
	return 0;
}

int usage_error(const char *usage, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fputs("windlass-hook: ", stderr);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "%.*s\n", (int)strcspn(usage, "\n"), usage);
	return EXIT_USAGE;
}

int command_fail(const struct err *err)
{
	fprintf(stderr, "windlass-hook: %s\n", err->msg);
	return err->class == ERR_INVALID || err->class == ERR_DENIED
		? EXIT_REFUSED : EXIT_TROUBLE;
}

int host_open(const char *dir, bool from_env, struct host *ret,
	      struct err *err)
{
	struct host h = HOST_INIT;

	if (!dir)
		dir = getenv("GIT_DIR");
	if (repo_open(dir ? dir : ".", from_env, &h.repo, err) < 0)
		return -1;
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
