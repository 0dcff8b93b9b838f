/*
 * What engine/poll.c and engine/poll-many.c share: a channel's poller, and
 * the Git host behind it. Channels with one URL, reached in the same way, are
 * of one host. When that says that it can be asked for many heads at once
 * (schema/heads.h), and has more channels than one, one request waits for all
 * of them; else, and for a while after it refused, each asks for itself.
 */
#ifndef ENGINE_POLL_H
#define ENGINE_POLL_H

#include "engine/fetch-private.h"
#include "engine/source-msg.h"
#include "schema/base/map.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

#define POLL_WAIT_S 50
/* a server may take its time to notice that the wait is over */
#define POLL_TOTAL_MS ((POLL_WAIT_S + 20) * 1000)
/* an answer that came faster than this did not wait */
#define POLL_WAITED_MS 1000

/* Requests in a burst, and one more each so many milliseconds. */
struct poll_bucket {
	int64_t tokens, refilled;
};

void poll_bucket_init(struct poll_bucket *b);
/* Takes the right to make one more request. Returns when: in so many ms. */
int64_t poll_bucket_take(struct poll_bucket *b);
/* The pause after one more failure: longer each time, some of it by chance.
 * *backoff is 0 after a good answer. */
int64_t poll_backoff(int64_t *backoff);
/* ms and up to a tenth more, so that a thousand engines spread out */
int64_t poll_jitter(int64_t ms);
/* "Preference-Applied: wait" */
bool poll_says_wait(const char *applied);

/* What the shared request of its host brought, until its owner is told. */
enum poll_due {
	DUE_NOTHING,
	DUE_HEAD,		/* p->last is another one */
	DUE_SAME,
	DUE_FAILED,		/* p->why says why */
};

struct poller {
	struct http *http;
	const struct source_settings *s;
	struct poller_ops ops;
	struct http_peer peer;
	char *url;
	struct http_call *call;
	struct timer next;
	char etag[256 + 1];		/* "" if there is none to use */
	bool answered;
	struct buf last;		/* the head of the last answer */
	bool probing;			/* the request out does not wait */
	bool probed;			/* one that did not was answered */
	bool long_poll;
	int64_t asked;			/* when the request was made */
	int64_t backoff;		/* ms; 0: the last answer was good */
	struct poll_bucket bucket;
	bool in_ops, freed;

	struct poll_host *host;
	struct poller *host_next, **host_prev;
	bool shared;			/* its host's request asks for it */
	bool in_request;		/* the one that is out does */
	bool failing;			/* its owner was told so last */
	enum poll_due due;
	struct err why;
};

/* Tells the owner; p may be gone afterwards. */
void poller_tell(struct poller *p, enum poll_due what);
/* It has this head now; NULL: there is none. Is that another one? */
bool poller_set_head(struct poller *p, const char *data, size_t len);

/* ---- engine/poll-many.c ---- */

struct loop *pollers_loop(const struct pollers *all);
struct http *pollers_http(const struct pollers *all);

/* A new poller: in how many ms it is to ask for itself, or -1 if its host's
 * request asks for it. */
int64_t poll_host_join(struct pollers *all, struct poller *p);
void poll_host_leave(struct poller *p);
/* An answer of the host to a request for one head. True if p is shared now. */
bool poll_host_heard(struct poller *p, struct http_call *c);
/* Asks for all now, unless it waits for them anyway. */
void poll_host_now(struct poll_host *h);
bool poll_host_is_long(const struct poll_host *h);

#endif
