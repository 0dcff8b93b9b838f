/*
 * Getting a channel's two kinds of file (DESIGN.md 2.5) from spec.url, the
 * base under which they stand:
 *
 *   <url>/<channel>/head             small and mutable: a poller
 *   <url>/<channel>/packs/<sha256>   immutable: a download each
 *
 * Bytes are counted as they arrive and compared with what was stated; nothing
 * is judged here beyond length and digest.
 */
#ifndef ENGINE_FETCH_H
#define ENGINE_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/http.h"
#include "engine/loop.h"
#include "engine/source-types.h"
#include "schema/head.h"

/* May these settings be used? ERR_INVALID names what is wrong. */
int fetch_check(const struct source_settings *s, struct err *err);

/*
 * The pollers of all channels, by their Git hosts: one that can be asked for
 * the heads of many channels at once (schema/heads.h) is, by one request for
 * all channels that it is reached in the same way for. http must outlive it,
 * and it all pollers.
 */
struct pollers;

struct pollers *pollers_new(struct loop *l, struct http *http);
void pollers_free(struct pollers *all);

/*
 * The poller asks for the head as long as it lives. Every request but the
 * first prefers to wait (RFC 7240, `Prefer: wait=50`); a server that answers
 * `Preference-Applied: wait` is asked again at once, any other one each
 * interval and a little later, with its ETag. Errors back off up to five
 * minutes. Whatever a server does, it is not asked more than once a second
 * on average.
 */
struct poller;

struct poller_ops {
	/* A head that differs from the one before. */
	void (*on_head)(void *arg, const char *data, size_t len);
	/* The answer was good and nothing is new. */
	void (*on_same)(void *arg);
	/* No answer, or one that is no head file. It goes on trying. */
	void (*on_failed)(void *arg, const struct err *err);
	void *arg;
};

/* The settings stay the caller's and must not change while it lives. */
struct poller *poller_new(struct pollers *all, const struct source_settings *s,
			  const struct poller_ops *ops);
/* Asks now, unless a request is out that waits anyway. */
void poller_now(struct poller *p);
/* The server tells of news at once. */
bool poller_is_long(const struct poller *p);
/* Not inside its callbacks' server answer: only from the loop or from ops. */
void poller_free(struct poller *p);

/*
 * All downloads. Only so many begin at a time, so that a thousand channels
 * are some connections; one that takes its time does not count any more, so
 * that a slow channel holds up no other.
 */
struct downloads;

#define DOWNLOADS_YOUNG 16
#define DOWNLOAD_YOUNG_MS 1000

struct downloads *downloads_new(struct loop *l, struct http *http);
/* None runs any more. */
void downloads_free(struct downloads *all);

/*
 * One file. on_data gets its bytes in order, and may refuse; on_done says
 * that all of it came and has the stated length and digest (err is NULL), or
 * why not: ERR_TRANSIENT for the network, ERR_DENIED for wrong bytes, or the
 * error of on_data. Slower than FETCH_SLOW_BYTES a second is an error.
 */
struct download;

#define FETCH_SLOW_BYTES 1024
#define FETCH_SLOW_MS 30000

struct download_ops {
	int (*on_data)(void *arg, const char *data, size_t len,
		       struct err *err);
	void (*on_done)(void *arg, const struct err *err);
	void *arg;
};

int download_start(struct downloads *all, const struct source_settings *s,
		   const struct pack_ref *what,
		   const struct download_ops *ops, struct download **ret,
		   struct err *err);
/* Stops it without a callback. NULL is nothing. */
void download_cancel(struct download *d);

#endif
