/*
 * The state of one resource, kept up to date for as long as the watch lives:
 * list and watch with everything that can go wrong in between (kubernetes.md
 * section 6). WatchList first (sendInitialEvents); a server that has none
 * gets a paged list, then a watch. Bookmarks keep the version fresh; 410
 * starts over; a stream that is silent for 90 s or older than 5 to 10
 * minutes is opened again; failures are retried with backoff and jitter for
 * ever, and told.
 *
 * The watch keeps no objects. So that a consumer can find what went away
 * unseen, every start from the beginning is marked: whatever was not named
 * between on_begin and on_synced is gone. Until on_synced an object may be
 * named twice; MODIFIED may come for one that was never named before.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/kube.h"

struct watch;

enum watch_event {
	WATCH_ADDED,
	WATCH_MODIFIED,
	WATCH_DELETED,		/* or left the selector */
};

struct watch_options {
	struct kube_target target;	/* name NULL; namespace "": all; copied */
	const char *label_selector;	/* NULL: all; copied */
	const char *field_selector;
	bool metadata_only;
	struct kube_account *account;	/* held for as long as it lives */
	int silent_ms;			/* 0: 90 s */

	/* All from the loop; the watch may be freed in any of them. */
	void (*on_begin)(void *arg);
	/* The object is in a scratch arena: gone after the call. */
	void (*on_event)(void *arg, enum watch_event what,
			 struct node *object);
	void (*on_synced)(void *arg);
	/* It failed and will try again after retry_ms. May be NULL. 403 and
	 * 404 are told like anything else: whoever knows better frees the
	 * watch. */
	void (*on_error)(void *arg, const struct err *err,
			 const struct kube_status *status, int64_t retry_ms);
	void *arg;
};

int watch_new(struct kube *k, const struct watch_options *o,
	      struct watch **ret, struct err *err);
void watch_free(struct watch *w);
/* Initial objects were delivered, and the stream is open or was lost only
 * just now: what the consumer knows is what the server has, or nearly. */
bool watch_synced(const struct watch *w);

/* For the metrics. */
struct watch_stats {
	uint64_t events, bookmarks, starts, relists, errors, silent;
};
const struct watch_stats *watch_stats(const struct watch *w);

#endif
