/*
 * Sockets that systemd opened for us (sd_listen_fds(3); the protocol is two
 * environment variables and descriptors from 3 on). So a port below 1024
 * needs no privilege of ours, a service that restarts refuses nobody, and
 * one that may open no socket at all can still serve.
 */
#ifndef HOOKS_ACTIVATE_H
#define HOOKS_ACTIVATE_H

#include "hooks/listen.h"

/* What was passed; -1 where it was not. The descriptors are the caller's. */
struct activated {
	int http;
	struct listen_addr http_addr;
	int ask;	/* a unix socket whose name ends in /publish.sock */
};

#define ACTIVATED_INIT { .http = -1, .ask = -1 }

/*
 * Takes them out of the environment, so that no child takes them for its
 * own. ERR_INVALID for what is no listening stream socket, or a second one
 * of a kind.
 */
int activate_take(struct activated *ret, struct err *err);

#endif
