/*
 * The walls round the fetching child: this process puts them round itself
 * and tries what is outside and inside. A helper that stays outside changes
 * files under it.
 */
#include "config.h"
#include "engine/confine.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/role.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

#define SELF "run by itself"

static char base[] = "/tmp/u-confine-XXXXXX";
static char *root, *secret, *authority;
static struct err err;
static int to_helper, from_helper;
static pid_t helper;

/* ---- the helper, outside ---- */

static void write_file(const char *path)
{
	if (fs_write_cache(AT_FDCWD, path, "x", 1, 0700, &err) < 0)
		exit(1);
}

static char act(char what)
{
	switch (what) {
	case 'a':
		write_file(authority);
		break;
	case 'r':
		if (fs_remove_tree(root, &err) < 0 || mkdir(root, 0700) < 0)
			return 'n';
		break;
	case 'd':
		return dlopen("libnss_compat.so.2", RTLD_NOW) ? 'y' : 'n';
	}
	return 'y';
}

static void start_helper(void)
{
	int in[2], out[2];
	char what;

	if (pipe(in) < 0 || pipe(out) < 0)
		exit(1);
	helper = fork();
	if (helper == 0) {
		close(in[1]);
		while (read(in[0], &what, 1) == 1) {
			what = act(what);
			if (write(out[1], &what, 1) != 1)
				break;
		}
		fs_remove_tree(base, &err);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	to_helper = in[1];
	from_helper = out[0];
}

static bool ask(char what)
{
	char answer = 'n';

	return write(to_helper, &what, 1) == 1 &&
	       read(from_helper, &answer, 1) == 1 && answer == 'y';
}

/* ---- 0, or the errno ---- */

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_in(const char *dir, const char *name, int flags)
{
	char *path = xasprintf("%s/%s", dir, name);
	int e = try_open(path, flags);

	free(path);
	return e;
}

static int try_run(const char *path)
{
	char *argv[] = { (char *)"u-confine", (char *)SELF, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv(path, argv);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int try_socket(bool listens)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(listens ? 0 : 1),
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
	};
	const struct sockaddr *a = (const struct sockaddr *)(void *)&in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = listens ? bind(fd, a, sizeof(in)) : connect(fd, a, sizeof(in));
	int e = rc < 0 ? errno : 0;

	close(fd);
	return e;
}

static int try_kill(pid_t pid)
{
	return kill(pid, 0) < 0 ? errno : 0;
}

/* ---- tests ---- */

static void test_outside(const struct confined *c)
{
	is_int(try_open(secret, O_RDONLY), EACCES, "a file beside is not read");
	is_int(try_open(secret, O_WRONLY), EACCES, "nor written");
	is_int(try_in(base, "new", O_WRONLY | O_CREAT), EACCES, "nor made");
	is_int(try_open(base, O_RDONLY | O_DIRECTORY), EACCES,
	       "its folder is not listed");
	is_int(try_open("/etc/passwd", O_RDONLY), EACCES,
	       "nor is all of /etc there");
	is_int(try_open("/bin/sh", O_RDONLY), EACCES, "nor programs");
#ifndef ROLE_SANITIZED
	is_int(try_open("/proc/self/environ", O_RDONLY), EACCES, "nor /proc");
#endif
	is_int(try_open("/dev/zero", O_RDONLY), EACCES, "nor other devices");
	is_int(try_run("/bin/true"), EACCES, "a program is not run");
	if (c->landlock >= 4)
		is_int(try_socket(true), EACCES, "no port is bound");
	if (c->landlock >= 6)
		is_int(try_kill(getppid()), EPERM, "no signal leaves");
}

static void test_root(const struct confined *c)
{
	char *a = xasprintf("%s/a", root), *b = xasprintf("%s/b", root);
	char *script = xasprintf("%s/script", root);
	char *other = xasprintf("%s/other", a);

	ok(mkdir(a, 0700) == 0 && rename(a, b) == 0 && mkdir(a, 0700) == 0,
	   "in the state directory folders are made and moved");
	ok(fs_write(AT_FDCWD, script, "#!/bin/sh\n", 10, 0700, &err) == 0,
	   "files are written");
	ok(truncate(script, 5) == 0 && try_open(script, O_RDWR) == 0,
	   "read and cut");
	is_int(link(script, other) < 0 ? errno : 0,
	       c->landlock >= 2 ? 0 : EXDEV, "and linked elsewhere");
	is_int(symlink("/etc/passwd", b) < 0 ? errno : 0, EEXIST,
	       "what is there is there");
	is_int(rmdir(b), 0, "folders are removed");
	is_int(symlink("/etc/passwd", b) < 0 ? errno : 0, EACCES,
	       "no link is made");
	is_int(try_run(script), EACCES, "nothing in it is run");
	is_int(fs_remove_tree(a, &err), 0, "all can be removed");
	unlink(script);
	free(a);
	free(b);
	free(script);
	free(other);
}

static void test_needed(void)
{
	struct addrinfo *ai = NULL;

	is_int(try_run("/proc/self/exe"), 42, "our own program is run");
	is_int(try_open("/dev/null", O_RDWR), 0, "/dev/null is there");
	is_int(try_open(authority, O_RDONLY), 0, "SSL_CERT_FILE is read");
	if (access("/etc/resolv.conf", R_OK) == 0)
		is_int(try_open("/etc/resolv.conf", O_RDONLY), 0,
		       "resolv.conf is read");
	ok(getaddrinfo("localhost", NULL, NULL, &ai) == 0, "names are known");
	if (ai)
		freeaddrinfo(ai);
	is_int(dlopen("libnss_compat.so.2", RTLD_NOW) != NULL, ask('d'),
	       "libraries are loaded as before");
	is_int(try_socket(false), ECONNREFUSED, "connections are made");
}

static void test_stale(const struct confined *c)
{
	const char *path = confined_stale(c);

	ok(!path, "nothing was replaced: %s", path ? path : "");
	ok(ask('a'), "the authorities are replaced");
	is_int(try_open(authority, O_RDONLY), EACCES, "now they are not read");
	is_str(confined_stale(c), authority, "which is noticed");
	ok(ask('r'), "the state directory is made anew");
	is_int(try_in(root, "new", O_WRONLY | O_CREAT), EACCES,
	       "now it is not written");
	is_str(confined_stale(c), root, "which is noticed");
}

static void test_more(int landlock)
{
	confine_more();
	is_int(try_run("/proc/self/exe"), EACCES, "now nothing is run");
	if (landlock >= 4)
		is_int(try_socket(false), EACCES, "nor connected to");
}

/* Where the state directory cannot be made there are no walls, until it is. */
static void test_no_root(void)
{
	char *path = xasprintf("%s/state", secret);
	struct confined c;

	is_int(confine(path, &c, &err), -1, "a state directory below a file");
	is_int(c.landlock, 0, "nothing is confined");
	ok(strstr(err.msg, path) != NULL, "and it is said why: %s", err.msg);
	is_str(confined_stale(&c), NULL, "it is still not there");
	ok(unlink(secret) == 0 && mkdir(secret, 0700) == 0 &&
	   mkdir(path, 0700) == 0, "it is made");
	is_str(confined_stale(&c), path, "which is noticed");
	rmdir(path);
	rmdir(secret);
	confined_release(&c);
	free(path);
}

int main(int argc, char **argv)
{
	struct confined c;

	if (argc == 2 && !strcmp(argv[1], SELF))
		return 42;
	if (!mkdtemp(base) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 1;
	root = xasprintf("%s/state/engine", base);
	secret = xasprintf("%s/secret", base);
	authority = xasprintf("%s/ca.crt", base);
	write_file(secret);
	write_file(authority);
	test_no_root();
	write_file(secret);
	setenv("SSL_CERT_FILE", authority, 1);
	start_helper();
	if (confine(root, &c, &err) < 0) {
		close(to_helper);
		waitpid(helper, NULL, 0);
		printf("# SKIP the rest: %s\n", err.msg);
		return tap_done();
	}
	ok(c.landlock > 0, "confined, by Landlock %d", c.landlock);
	test_outside(&c);
	test_root(&c);
	test_needed();
	test_stale(&c);
	test_more(c.landlock);
	confined_release(&c);
	close(to_helper);
	waitpid(helper, NULL, 0);
	free(root);
	free(secret);
	free(authority);
	(void)argv;
	return tap_done();
}
