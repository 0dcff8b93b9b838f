/*
 * Runs in the background. See background.h. They hold nothing of ours but
 * what they are given: git would wait for whoever holds the pusher's pipe.
 */
#include "config.h"
#include "hooks/background.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/strvec.h"

_Noreturn static void become(char *const *argv, int out)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (out < 0)
		out = null;
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(1);
	close_range(3, ~0U, 0);
	execv("/proc/self/exe", argv);
	_exit(1);
}

void background_start(const char *const *words, int out)
{
	struct strvec argv = STRVEC_INIT;
	pid_t pid;

	strvec_push(&argv, "windlass-hook");
	while (*words)
		strvec_push(&argv, *words++);
	pid = fork();
	if (pid == 0) {
		/* twice, so that nobody has to wait for the second one */
		setsid();
		if (fork() == 0)
			become(argv.v, out);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	strvec_release(&argv);
}
