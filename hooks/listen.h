/*
 * Where `serve` listens: "127.0.0.1:8420", "[::1]:8420", "localhost:8420",
 * or "unix:/run/windlass/http.sock". Addresses are numeric, so nothing
 * depends on a resolver; port 0 lets the kernel choose.
 */
#ifndef HOOKS_LISTEN_H
#define HOOKS_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

struct listen_addr {
	struct sockaddr_storage sa;
	socklen_t len;
	/* the path of a unix socket in messages, where it is reached by
	 * another one; borrowed, or NULL */
	const char *shown;
};

/* ERR_INVALID naming the text and what it may be. */
int listen_parse(const char *text, struct listen_addr *ret, struct err *err);
/* True when only this machine can connect; a unix socket counts. */
bool listen_is_local(const struct listen_addr *a);
bool listen_is_unix(const struct listen_addr *a);
/* The form that listen_parse reads. */
void listen_format(const struct listen_addr *a, struct buf *out);
/*
 * A listening socket, non-blocking and close-on-exec. A unix socket that
 * nobody answers on any more is replaced; its mode is `mode`.
 */
int listen_open(const struct listen_addr *a, unsigned mode, int *ret_fd,
		struct err *err);

/* Removes the file of a unix socket that was open here. */
void listen_remove(const struct listen_addr *a);

#endif
