/*
 * puppet PID WHAT...: what another process may do, found out by letting it
 * do that: it is stopped where it waits in the kernel, makes a system call
 * of ours in its own name, and goes on as if nothing had been. So a test
 * sees what somebody could do who has taken that process over.
 *
 *   read PATH       open a file for reading
 *   write PATH      open a file for writing, and make it if it is not there
 *   mkdir PATH      make a folder
 *   run PATH        execute a program; on success the process is that one
 *   listen          bind a TCP port
 *   abstract NAME   connect to an abstract socket
 *   kill PID        send no signal, but ask for the right to
 *
 * Prints 0, or the name of the error. Exit status 77: not on this machine.
 * Trusts its caller: it wants the rights of a debugger.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/num.h"

#ifdef __x86_64__

#define TRIES 500

static pid_t puppet;
static struct user_regs_struct was;
static bool gone;		/* it is another program now */

static void die(const char *what)
{
	fprintf(stderr, "puppet: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void wait_stop(void)
{
	int status;

	if (waitpid(puppet, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTRAP)
		die("it does not stop");
}

/* Is it stopped just behind an instruction that calls the kernel? */
static bool is_in_call(void)
{
	if (ptrace(PTRACE_GETREGS, puppet, NULL, &was) < 0)
		die("cannot read its registers");
	return (ptrace(PTRACE_PEEKTEXT, puppet, was.rip - 2, NULL) &
		0xffff) == 0x050f;
}

static void seize(void)
{
	if (ptrace(PTRACE_SEIZE, puppet, NULL, NULL) < 0)
		die("cannot seize it");
	for (int i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_INTERRUPT, puppet, NULL, NULL) < 0)
			die("cannot stop it");
		wait_stop();
		if (is_in_call())
			return;
		if (ptrace(PTRACE_CONT, puppet, NULL, NULL) < 0)
			die("cannot let it go on");
		usleep(10000);
	}
	errno = EBUSY;
	die("it never waits");
}

/* Below what its code may use without moving the stack pointer. */
static uint64_t put(const void *data, size_t len)
{
	uint64_t at = (was.rsp - 4096) & ~UINT64_C(15);
	const char *from = data;

	for (size_t i = 0; i < len; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, from + i, len - i < sizeof(word) ?
		       len - i : sizeof(word));
		if (ptrace(PTRACE_POKEDATA, puppet, at + i, word) < 0)
			die("cannot write its memory");
	}
	return at;
}

static long call(long what, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct user_regs_struct r = was;

	r.rip = was.rip - 2;
	r.rax = (unsigned long long)what;
	r.orig_rax = (unsigned long long)-1;
	r.rdi = a;
	r.rsi = b;
	r.rdx = c;
	r.r10 = d;
	if (ptrace(PTRACE_SETREGS, puppet, NULL, &r) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, puppet, NULL, NULL) < 0)
		die("cannot let it go on");
	wait_stop();
	if (ptrace(PTRACE_GETREGS, puppet, NULL, &r) < 0)
		die("cannot read its registers");
	return (long)r.rax;
}

static void let_go(void)
{
	if ((!gone && ptrace(PTRACE_SETREGS, puppet, NULL, &was) < 0) ||
	    ptrace(PTRACE_DETACH, puppet, NULL, NULL) < 0)
		die("cannot let it go");
}

static long with_path(long what, const char *path, uint64_t b, uint64_t c)
{
	uint64_t at = put(path, strlen(path) + 1);

	if (what != SYS_openat)
		return call(what, at, b, c, 0);
	return call(what, (uint64_t)AT_FDCWD, at, b, c);
}

static uint64_t number(const char *text)
{
	uint64_t n;

	if (parse_u64(text, 1, INT32_MAX, &n) < 0) {
		errno = EINVAL;
		die(text);
	}
	return n;
}

/* Whatever it opened is closed again. */
static long open_and_close(const char *path, int flags)
{
	long fd = with_path(SYS_openat, path, (uint64_t)flags, 0600);

	if (fd >= 0)
		call(SYS_close, (uint64_t)fd, 0, 0, 0);
	return fd < 0 ? fd : 0;
}

static long on_socket(long what, int family, const void *address, size_t len)
{
	long fd = call(SYS_socket, (uint64_t)family, SOCK_STREAM, 0, 0);
	long got;

	if (fd < 0)
		return fd;
	got = call(what, (uint64_t)fd, put(address, len), len, 0);
	call(SYS_close, (uint64_t)fd, 0, 0, 0);
	return got;
}

static long bind_port(void)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
	};

	return on_socket(SYS_bind, AF_INET, &in, sizeof(in));
}

static long connect_abstract(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	if (len >= sizeof(un.sun_path) - 1)
		return -ENAMETOOLONG;
	memcpy(un.sun_path + 1, name, len);
	return on_socket(SYS_connect, AF_UNIX, &un,
			 offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

static long act(const char *what, const char *arg)
{
	if (!strcmp(what, "read"))
		return open_and_close(arg, O_RDONLY);
	if (!strcmp(what, "write"))
		return open_and_close(arg, O_WRONLY | O_CREAT);
	if (!strcmp(what, "mkdir"))
		return with_path(SYS_mkdir, arg, 0700, 0);
	if (!strcmp(what, "run")) {
		long got = with_path(SYS_execve, arg, 0, 0);

		gone = got >= 0;
		return got;
	}
	if (!strcmp(what, "listen"))
		return bind_port();
	if (!strcmp(what, "abstract"))
		return connect_abstract(arg);
	if (!strcmp(what, "kill"))
		return call(SYS_kill, number(arg), 0, 0, 0);
	errno = EINVAL;
	die(what);
	return 0;
}

int main(int argc, char **argv)
{
	long got;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: puppet PID WHAT [ARGUMENT]\n");
		return 129;
	}
	puppet = (pid_t)number(argv[1]);
	seize();
	got = act(argv[2], argc == 4 ? argv[3] : "");
	let_go();
	printf("%s\n", got < 0 ? strerrorname_np((int)-got) : "0");
	return 0;
}

#else

int main(void)
{
	fprintf(stderr, "puppet: not on this machine\n");
	return 77;
}

#endif
