/*
 * Running stock git. See git.h. A hook inherits an environment that git made
 * for it; what would point a child elsewhere is taken out. Trusts the git
 * that PATH finds, as the hook that runs us does.
 */
#include "config.h"
#include "hooks/git.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/base/proc.h"

/* With ret_status NULL any exit status but 0 is an error. */
static int run(const struct host_config *host, const char *const *argv,
	       struct proc *p, int *ret_status, struct err *err)
{
	char *git_dir = xasprintf("GIT_DIR=%s", host->git_dir);
	const char *const env[] = {
		git_dir, "GIT_NO_REPLACE_OBJECTS=1", "GIT_TERMINAL_PROMPT=0",
		"LC_ALL=C", "GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH",
		"GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE",
		"GIT_NAMESPACE", "GIT_PREFIX", "GIT_GRAFT_FILE",
		"GIT_SHALLOW_FILE", "GIT_CONFIG_PARAMETERS",
		"GIT_CONFIG_COUNT", NULL,
	};
	struct strvec args = STRVEC_INIT;
	int rc;

	strvec_push(&args, "git");
	for (; *argv; argv++)
		strvec_push(&args, *argv);
	p->env = env;
	p->argv = (const char *const *)args.v;
	rc = ret_status ? proc_run(p, ret_status, err) : proc_check(p, err);
	strvec_release(&args);
	free(git_dir);
	return rc;
}

int git_run(const struct host_config *host, const char *const *argv,
	    const void *in, size_t in_len, int out_fd, struct err *err)
{
	struct proc p = { .in = in, .in_len = in_len, .out_fd = out_fd };

	return run(host, argv, &p, NULL, err);
}

int git_try(const struct host_config *host, const char *const *argv,
	    int timeout_ms, struct buf *diag, int *ret_status,
	    struct err *err)
{
	struct proc p = { .diag = diag, .timeout_ms = timeout_ms };

	return run(host, argv, &p, ret_status, err);
}
