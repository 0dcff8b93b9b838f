/*
 * `windlass-hook serve` as git has it with git-remote-https: a program of its
 * own, because of what it is linked with. An HTTP server and TLS are nine
 * libraries, which a push would load twice, for each of its hooks, and never
 * use. Trusts the folder of this program, and the one where it was installed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "hooks/commands.h"
#include "schema/base/complete.h"
#include "schema/base/fs.h"
#include "schema/base/strvec.h"

#define SERVE "windlass-serve"

/* Beside this program, as a build leaves it, or else where it is installed. */
static void find_program(char ret[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", ret, PATH_MAX - sizeof(SERVE));
	char *slash = len > 0 ? memrchr(ret, '/', (size_t)len) : NULL;

	if (slash)
		memcpy(slash + 1, SERVE, sizeof(SERVE));
	if (!slash || !fs_exists(AT_FDCWD, ret))
		memcpy(ret, PKGLIBEXECDIR "/" SERVE,
		       sizeof(PKGLIBEXECDIR "/" SERVE));
}

int cmd_serve(int argc, char **argv)
{
	struct strvec words = STRVEC_INIT;
	struct err err = ERR_INIT;
	char path[PATH_MAX];

	find_program(path);
	strvec_push(&words, "windlass-hook");
	if (complete_asked())
		strvec_push(&words, "--complete");
	strvec_push(&words, "serve");
	for (int i = 1; i < argc; i++)
		strvec_push(&words, argv[i]);
	execv(path, words.v);
	err_sys(&err, "cannot start '%s', which `serve` is and `make install` "
		"puts there", path);
	strvec_release(&words);
	command_fail(&err);
	return EXIT_TROUBLE;
}
