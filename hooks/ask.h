/*
 * Asking `windlass-hook serve` to publish, where the hook runs as the pusher
 * and cannot read the signing key (DESIGN.md section 3). The request, over
 * the unix socket <state_dir>/publish.sock, carries only the channel's name;
 * serve knows who asks by SO_PEERCRED and does no more than what its own
 * timer would do a little later.
 */
#ifndef HOOKS_ASK_H
#define HOOKS_ASK_H

#include <stdbool.h>

#include "hooks/feedback.h"
#include "hooks/host-config.h"

#define ASK_SOCKET "publish.sock"

/* seconds for one publish: many new objects to render, sign and pack */
#define LIMIT_ASK_SECONDS 120

/*
 * Asks, passes the lines that come back on to fb, and waits for the end. 0
 * when the tip is published. -1 with ERR_TRANSIENT when no serve answers or
 * it takes too long, ERR_INVALID when the tip was refused, ERR_DENIED when
 * serve would not listen to us.
 */
int ask_publish(const struct host_config *host, const char *channel,
		struct feedback *fb, struct err *err);

/* True if a serve of this repository takes requests now. */
bool ask_is_served(const struct host_config *host);

#endif
