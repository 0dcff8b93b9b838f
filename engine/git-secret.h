/*
 * What the engine shows a Git host to be let in: the Secret that a Channel's
 * spec.secretRef names, in the engine's own namespace. Read when the channel
 * starts, every five minutes, and every ten seconds while the host is not to
 * be reached: a token that was replaced is the usual reason.
 *
 * Keys of the Secret: url (where it may be sent: spec.url is that or below
 * it), and, all of them optional, token (sent as a bearer token), ca.crt (the
 * only authority that is trusted then), tls.crt and tls.key (a client
 * certificate), proxy (the URL of an HTTP proxy). Without url, or for another
 * one, nothing of it is used: who may write a Channel names any Secret in it,
 * and any host. For the same reason a service account's token is refused.
 */
#ifndef ENGINE_GIT_SECRET_H
#define ENGINE_GIT_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/kube.h"
#include "engine/loop.h"
#include "schema/base/err.h"

struct channel;
struct source_state;

struct git_secret {
	/* secret, NULL where the Secret has none */
	char *header;			/* "Authorization: Bearer ..." */
	char *ca, *cert, *key, *proxy;
	char *url;			/* where all that may be sent */

	bool known;			/* it was read */
	bool is_account;		/* it is a service account's token */
	struct err err;			/* why nothing of it is used, or empty */
	struct channel *channel;
	void (*on_known)(struct channel *c);
	struct kube_call *call;
	struct timer timer;
	int64_t read_at;		/* clock_mono_ms() */
};

/* on_known is called each time that it was read. */
void git_secret_init(struct git_secret *s, struct channel *c,
		     void (*on_known)(struct channel *c));
/* Reads it now. What fails stands in `err`, and is tried again. Nothing if
 * the spec names no Secret. */
void git_secret_read(struct git_secret *s);
/* May it be sent to the channel's spec.url? False with `err`, or if it is not
 * known. */
bool git_secret_fits(struct git_secret *s);
/* True if what we show may be why it does not go on, and the right thing may
 * come any time: the host is not to be reached, or the settings make no
 * sense. */
bool git_secret_suspect(const struct source_state *state);
/* It is suspect, by the newest state: it is read soon. */
void git_secret_doubt(struct git_secret *s);
/* Stops reading, and wipes what was read. */
void git_secret_forget(struct git_secret *s);

#endif
