/*
 * Addresses to listen on. See listen.h. Trusts the admin who wrote them, but
 * reads them strictly: an address that is understood differently than meant
 * may expose what should be private.
 */
#include "config.h"
#include "hooks/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/base/num.h"

#define UNIX_PREFIX "unix:"
#define BACKLOG 4096

static struct sockaddr_un *as_un(const struct listen_addr *a)
{
	return (struct sockaddr_un *)(void *)&a->sa;
}

static struct sockaddr_in *as_in(const struct listen_addr *a)
{
	return (struct sockaddr_in *)(void *)&a->sa;
}

static struct sockaddr_in6 *as_in6(const struct listen_addr *a)
{
	return (struct sockaddr_in6 *)(void *)&a->sa;
}

static const char *shown(const struct listen_addr *a)
{
	return a->shown ? a->shown : as_un(a)->sun_path;
}

static int parse_unix(const char *path, struct listen_addr *ret,
		      struct err *err)
{
	struct listen_addr a = { .len = sizeof(struct sockaddr_un) };
	size_t len = strlen(path);

	if (path[0] != '/')
		return err_set(err, ERR_INVALID, "the path in '%s%s' must "
			       "begin with /", UNIX_PREFIX, path);
	if (len >= sizeof(as_un(&a)->sun_path))
		return err_set(err, ERR_INVALID, "'%s' is longer than the %zu "
			       "bytes that a socket's path may have", path,
			       sizeof(as_un(&a)->sun_path) - 1);
	as_un(&a)->sun_family = AF_UNIX;
	memcpy(as_un(&a)->sun_path, path, len + 1);
	*ret = a;
	return 0;
}

/* host without brackets. 0 or -1. */
static int parse_host(const char *host, bool brackets, uint16_t port,
		      struct listen_addr *ret)
{
	struct listen_addr a = { 0 };

	if (brackets) {
		as_in6(&a)->sin6_family = AF_INET6;
		as_in6(&a)->sin6_port = htons(port);
		a.len = sizeof(struct sockaddr_in6);
		if (inet_pton(AF_INET6, host, &as_in6(&a)->sin6_addr) != 1)
			return -1;
	} else {
		if (!strcmp(host, "localhost"))
			host = "127.0.0.1";
		as_in(&a)->sin_family = AF_INET;
		as_in(&a)->sin_port = htons(port);
		a.len = sizeof(struct sockaddr_in);
		if (inet_pton(AF_INET, host, &as_in(&a)->sin_addr) != 1)
			return -1;
	}
	*ret = a;
	return 0;
}

static int parse_inet(const char *text, struct listen_addr *ret)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t port;
	size_t len;

	if (!colon || parse_u64(colon + 1, 0, 65535, &port) < 0)
		return -1;
	len = (size_t)(colon - text);
	if (len < 2 || len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] != '[')
		return parse_host(host, false, (uint16_t)port, ret);
	if (host[len - 1] != ']')
		return -1;
	host[len - 1] = '\0';
	return parse_host(host + 1, true, (uint16_t)port, ret);
}

int listen_parse(const char *text, struct listen_addr *ret, struct err *err)
{
	size_t prefix = strlen(UNIX_PREFIX);

	if (!strncmp(text, UNIX_PREFIX, prefix))
		return parse_unix(text + prefix, ret, err);
	if (parse_inet(text, ret) < 0)
		return err_set(err, ERR_INVALID, "'%s' is no address to "
			       "listen on: write 127.0.0.1:8420, [::1]:8420 "
			       "or unix:/PATH", text);
	return 0;
}

bool listen_is_unix(const struct listen_addr *a)
{
	return a->sa.ss_family == AF_UNIX;
}

bool listen_is_local(const struct listen_addr *a)
{
	if (listen_is_unix(a))
		return true;
	if (a->sa.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&as_in6(a)->sin6_addr);
	return ntohl(as_in(a)->sin_addr.s_addr) >> 24 == 127;
}

void listen_format(const struct listen_addr *a, struct buf *out)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (listen_is_unix(a)) {
		buf_addf(out, "%s%s", UNIX_PREFIX, shown(a));
	} else if (a->sa.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &as_in6(a)->sin6_addr, host, sizeof(host));
		buf_addf(out, "[%s]:%u", host, ntohs(as_in6(a)->sin6_port));
	} else {
		inet_ntop(AF_INET, &as_in(a)->sin_addr, host, sizeof(host));
		buf_addf(out, "%s:%u", host, ntohs(as_in(a)->sin_port));
	}
}

/*
 * Makes way for a unix socket: what a dead server left is removed; anything
 * else that stands there is not ours to remove.
 */
static int clear_unix(const struct listen_addr *a, struct err *err)
{
	const char *path = as_un(a)->sun_path;
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is there and is no "
			       "socket; remove it or listen elsewhere",
			       shown(a));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	rc = connect(fd, (const struct sockaddr *)&a->sa, a->len);
	if (rc < 0 && errno == ECONNREFUSED) {
		rc = unlink(path);
		if (rc < 0)
			err_sys(err, "cannot remove the old socket '%s'",
				shown(a));
	} else {
		rc = err_set(err, ERR_INVALID, "another program listens on "
			     "'%s'", shown(a));
	}
	close(fd);
	return rc;
}

static int bind_and_listen(int fd, const struct listen_addr *a, unsigned mode,
			   struct err *err)
{
	struct buf name = BUF_INIT(256);
	int one = 1, rc = 0;

	listen_format(a, &name);
	if (!listen_is_unix(a))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0)
		rc = err_sys(err, "cannot listen on '%s'", name.data);
	else if (listen_is_unix(a) && chmod(as_un(a)->sun_path, mode) < 0)
		rc = err_sys(err, "cannot set the mode of '%s'", name.data);
	else if (listen(fd, BACKLOG) < 0)
		rc = err_sys(err, "cannot listen on '%s'", name.data);
	buf_release(&name);
	return rc;
}

int listen_open(const struct listen_addr *a, unsigned mode, int *ret_fd,
		struct err *err)
{
	int fd;

	if (listen_is_unix(a) && clear_unix(a, err) < 0)
		return -1;
	fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "cannot make a socket");
	if (bind_and_listen(fd, a, mode, err) < 0) {
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

void listen_remove(const struct listen_addr *a)
{
	if (listen_is_unix(a))
		unlink(as_un(a)->sun_path);
}
