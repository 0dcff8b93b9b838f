/*
 * Taking over listening sockets. See activate.h. Trusts whoever started us
 * with what they are, but looks: a descriptor that is something else would
 * be served in silence.
 */
#include "config.h"
#include "hooks/activate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "hooks/ask.h"
#include "schema/base/num.h"

#define FIRST 3
/* one to serve, one for requests */
#define LIMIT_SOCKETS 2

/* How many there are for this very process. */
static uint64_t count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t whose, n;

	if (!pid || !fds || parse_u64(pid, 1, INT32_MAX, &whose) < 0 ||
	    (pid_t)whose != getpid() || parse_u64(fds, 1, 1024, &n) < 0)
		return 0;
	return n;
}

static bool is_ask(const struct listen_addr *a)
{
	static const char tail[] = "/" ASK_SOCKET;
	const struct sockaddr_un *un = (const void *)&a->sa;
	size_t len;

	if (!listen_is_unix(a))
		return false;
	len = strnlen(un->sun_path, sizeof(un->sun_path));
	return len >= strlen(tail) &&
	       !memcmp(un->sun_path + len - strlen(tail), tail, strlen(tail));
}

static int take_one(int fd, struct activated *a, struct err *err)
{
	struct listen_addr addr = { .len = sizeof(addr.sa) };
	int listens = 0, type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(int);
	int *place;

	if (flags < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    !listens || type != SOCK_STREAM ||
	    getsockname(fd, (struct sockaddr *)&addr.sa, &addr.len) < 0)
		return err_set(err, ERR_INVALID, "descriptor %d, which was "
			       "passed by LISTEN_FDS, is no listening stream "
			       "socket; use ListenStream= and Accept=no", fd);
	place = is_ask(&addr) ? &a->ask : &a->http;
	if (*place >= 0)
		return err_set(err, ERR_INVALID, "two sockets to serve on were "
			       "passed by LISTEN_FDS; use one ListenStream=, "
			       "and at most one more for " ASK_SOCKET);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(err, "cannot use descriptor %d", fd);
	*place = fd;
	if (place == &a->http)
		a->http_addr = addr;
	return 0;
}

int activate_take(struct activated *ret, struct err *err)
{
	struct activated a = ACTIVATED_INIT;
	uint64_t n = count();
	int rc = 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n > LIMIT_SOCKETS)
		return err_set(err, ERR_INVALID, "%d sockets were passed by "
			       "LISTEN_FDS, and two are the most", (int)n);
	for (int fd = FIRST; !rc && fd < FIRST + (int)n; fd++)
		rc = take_one(fd, &a, err);
	if (!rc)
		*ret = a;
	return rc;
}
