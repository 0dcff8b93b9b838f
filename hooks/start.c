/*
 * Finding and becoming the program of a command. See start.h. Trusts the
 * folder of this program, and the one where it was installed.
 */
#include "config.h"
#include "hooks/start.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/complete.h"
#include "schema/base/fs.h"
#include "schema/base/program.h"
#include "schema/base/strvec.h"

/* Beside this program, as a build leaves it, or else where it is installed. */
static void find_program(const char *name, char ret[PATH_MAX])
{
	size_t room = PATH_MAX - strlen(name) - 1;
	ssize_t len = readlink("/proc/self/exe", ret, room);
	char *slash = len > 0 ? memrchr(ret, '/', (size_t)len) : NULL;

	if (slash)
		memcpy(slash + 1, name, strlen(name) + 1);
	if (!slash || !fs_exists(AT_FDCWD, ret))
		snprintf(ret, PATH_MAX, PKGLIBEXECDIR "/%s", name);
}

int start_program(const char *program, const char *command, int argc,
		  char **argv)
{
	struct strvec words = STRVEC_INIT;
	struct err err = ERR_INIT;
	char path[PATH_MAX];

	find_program(program, path);
	strvec_push(&words, "windlass-hook");
	if (complete_asked())
		strvec_push(&words, "--complete");
	strvec_push(&words, command);
	for (int i = 1; i < argc; i++)
		strvec_push(&words, argv[i]);
	execv(path, words.v);
	err_sys(&err, "cannot start '%s', which `%s` is and `make install` "
		"puts there", path, command);
	strvec_release(&words);
	command_fail(&err);
	return EXIT_TROUBLE;
}
