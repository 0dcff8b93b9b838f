/*
 * Starting our own binary in another role. See role.h. Trusts the parent's
 * environment for a few named variables only; between fork and exec nothing
 * is called that another thread (libcurl's resolver) could have locked.
 */
#include "config.h"
#include "engine/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/fetch-child.h"
#include "engine/pack-child.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"

/*
 * What a child may know: where programs and certificates are, the proxies to
 * use, and what the sanitizers' run-time needs. Nothing else of ours.
 */
static const char *const kept[] = {
	"PATH", "TZ", "LANG", "LC_ALL", "TMPDIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
	"no_proxy", "NO_PROXY",
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

bool role_play(int argc, char **argv, int *ret_status)
{
	if (argc < 2)
		return false;
	if (!strcmp(argv[1], ROLE_FETCH)) {
		*ret_status = fetch_child_main(ROLE_FD);
		return true;
	}
	if (!strcmp(argv[1], ROLE_PACK)) {
		*ret_status = pack_child_main(argc - 2, argv + 2, ROLE_FD);
		return true;
	}
	return false;
}

static void make_env(struct strvec *env)
{
	if (!getenv("PATH"))
		strvec_push(env, "PATH=/usr/bin:/bin");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *value = getenv(kept[i]);

		if (value)
			strvec_pushf(env, "%s=%s", kept[i], value);
	}
}

/*
 * Lowers a limit; one that is lower already stays. Descriptors may go up to
 * what the hard limit allows: the soft one is for programs that use select.
 * 0: none of ours.
 */
static int limit(int what, uint64_t n)
{
	struct rlimit r;
	rlim_t now;

	if (!n)
		return 0;
	if (getrlimit((__rlimit_resource_t)what, &r) < 0)
		return -1;
	now = what == RLIMIT_NOFILE ? r.rlim_max : r.rlim_cur;
	if (n > now)
		n = now;
	r.rlim_cur = r.rlim_max = n;
	return setrlimit((__rlimit_resource_t)what, &r);
}

/* In the child; -1 if it cannot be made as harmless as it has to be. */
static int restrain(const struct role_limits *l)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 ||
	    limit(RLIMIT_CPU, l->cpu) < 0 ||
	    limit(RLIMIT_FSIZE, l->file) < 0 ||
	    limit(RLIMIT_NOFILE, l->files) < 0)
		return -1;
#ifndef ROLE_SANITIZED
	if (limit(RLIMIT_AS, l->memory) < 0)
		return -1;
#endif
	return 0;
}

/* Moves the three descriptors to where they belong, and drops the others. */
static int arrange_fds(int fd, int null)
{
	if (fd != ROLE_FD && dup2(fd, ROLE_FD) < 0)
		return -1;
	/* dup2 onto itself would leave close-on-exec set */
	if (fd == ROLE_FD && fcntl(fd, F_SETFD, 0) < 0)
		return -1;
	if (dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	return close_range(ROLE_FD + 1, ~0U, 0);
}

_Noreturn static void run_child(char *const *argv, char *const *env, int fd,
				int null, pid_t parent,
				const struct role_limits *limits)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (arrange_fds(fd, null) == 0 && restrain(limits) == 0 &&
	    getppid() == parent)
		execve("/proc/self/exe", argv, env);
	_exit(127);
}

/* An fd above those that arrange_fds overwrites. */
static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, ROLE_FD + 1);

	close(fd);
	return up;
}

int role_spawn(const char *role, const char *const *args, int fd,
	       const struct role_limits *limits, pid_t *ret_pid,
	       struct err *err)
{
	struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
	pid_t pid = -1, parent = getpid();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	fd = move_up(fd);
	if (null >= 0)
		null = move_up(null);
	strvec_pushl(&argv, program_invocation_short_name, role, NULL);
	for (; args && *args; args++)
		strvec_push(&argv, *args);
	make_env(&env);
	if (fd < 0 || null < 0)
		err_sys(err, "cannot open descriptors for '%s'", role);
	else if ((pid = fork()) < 0)
		err_sys(err, "cannot fork for '%s'", role);
	if (pid == 0)
		run_child(argv.v, env.v, fd, null, parent, limits);
	if (fd >= 0)
		close(fd);
	if (null >= 0)
		close(null);
	strvec_release(&argv);
	strvec_release(&env);
	if (pid < 0)
		return -1;
	*ret_pid = pid;
	return 0;
}
