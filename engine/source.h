/*
 * The bundles of all channels, as windlassd sees them. Behind this stands
 * one child process (engine/fetch-child.h) that fetches and verifies; it is
 * started here, and started again when it ends, with all channels as they
 * are. Everything is asynchronous, on the loop, and nothing here blocks.
 *
 * Life of a channel:
 *
 *   source_open      with what the Channel's status says was accepted
 *   on_opened        what really counts as accepted: the later one of that
 *                    and the state directory's record, which has it now
 *   on_state         conditions, whenever one moves
 *   on_at_hand       the accepted bundle was verified as a whole in this
 *                    process: now source_list, source_diff, source_object
 *                    and source_origins work for it
 *                    The applied one is told like this too, if it is another
 *                    and could be had,
 *   on_lost          or this: no pack that the Git host has leads to it
 *   on_candidate     a newer bundle, verified throughout. It is the caller's
 *                    to judge policy and approvals, to persist it in the
 *                    status, and then to say
 *   source_accept    which is durable on disk at on_accepted, or at an
 *                    on_opened that comes first: now the first object may
 *                    be touched
 *   source_applied   all of it is live: the budget counts from here
 *   on_consents      who approved: before each on_candidate, and of the
 *                    accepted bundle too, when approvers say more of it
 *
 * A candidate is told again when what it depends on changed: after
 * source_accept of another, source_applied, source_update, and a restart of
 * the child. A later candidate replaces an earlier one. It must not be accepted while the state
 * says Stale, Forked or Clock, or after its head_expires.
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include "engine/consent.h"
#include "engine/loop.h"
#include "engine/source-types.h"
#include "schema/base/log.h"

struct sources;
struct source;

/*
 * state_dir is an absolute path that exists or can be made; it must not be
 * another engine's. Starts the child at once.
 */
int sources_new(struct loop *l, const char *state_dir, enum log_level level,
		struct sources **ret, struct err *err);
/* Closes all channels without a callback, and ends the child. */
void sources_free(struct sources *ss);

struct sources_stats {
	uint64_t restarts;	/* of the child, since the beginning */
	pid_t pid;		/* 0: it does not run just now */
	uint32_t landlock;	/* ABI of what confines it; 0: nothing does */
};
struct sources_stats sources_stats(const struct sources *ss);

/* All may be NULL. None is called before source_open has returned. */
struct source_events {
	void (*on_opened)(void *arg, const struct source_pin *accepted);
	void (*on_state)(void *arg, const struct source_state *state);
	void (*on_candidate)(void *arg, const struct source_candidate *c);
	/* whose consent to that bundle counts just now */
	void (*on_consents)(void *arg, const char *bundle,
			    const struct consents *cs);
	void (*on_at_hand)(void *arg, const char *bundle);
	void (*on_lost)(void *arg, const char *bundle);
	void (*on_accepted)(void *arg, const char *bundle);
	void *arg;
};

/*
 * Begins with a channel. Settings are copied. Faults in them (a url that is
 * none, publishers that do not parse) come as a state: Verified with
 * SOURCE_SETTINGS.
 */
struct source *source_open(struct sources *ss,
			   const struct source_settings *s,
			   const struct source_events *events);
/*
 * Other settings; name and channel id must be the same (close and open for
 * others). accepted and applied in s are ignored: source_accept and
 * source_applied say that. Nothing happens if they are what they were, and
 * the answer is false; else what is under way begins anew, and candidates of
 * before are void: what still holds is told again.
 */
bool source_update(struct source *s, const struct source_settings *settings);
/* Drops all requests without a callback. NULL is nothing. */
void source_close(struct source *s);

/* The status in the cluster has it: never again anything older. */
void source_accept(struct source *s, const struct source_pin *pin);
/* The status has it as applied. */
void source_applied(struct source *s, const struct source_pin *pin);
/* Looks for a new head now (reconcile). */
void source_poll(struct source *s);


/* ---- questions ---- */

/*
 * A request ends in its done, once, unless it is cancelled or its channel
 * closed. err is NULL if it was answered; ERR_TRANSIENT if the bundle is not
 * at hand (wait for on_at_hand), the child was restarted, or more than
 * LIMIT_REQUESTS are under way. Callbacks never come from inside the call.
 */
struct source_request;

/*
 * What changes from one bundle ("": nothing) to another, object by object,
 * in the order of their paths. An object that is the same is not named.
 * items is valid during the call.
 */
struct source_request *source_diff(struct source *s, const char *from,
				   const char *to,
	void (*on_items)(void *arg, const struct source_item *items, size_t n),
	void (*on_done)(void *arg, const struct err *err), void *arg);
/* All objects of a bundle: a diff from nothing. */
struct source_request *source_list(struct source *s, const char *bundle,
	void (*on_items)(void *arg, const struct source_item *items, size_t n),
	void (*on_done)(void *arg, const struct err *err), void *arg);
/*
 * The body of one object, which has this SHA-256: compared in the child, and
 * here again, because the child may have been taken over. ERR_DENIED if it
 * has not. body is valid during the call.
 */
struct source_request *source_object(struct source *s, const char *bundle,
				     const char *path,
				     const struct sha256 *digest,
	void (*on_done)(void *arg, const char *body, size_t len,
			const struct err *err), void *arg);
/*
 * Where objects came from: on_place is called for each path, in order, with
 * "file:line", or "" when the bundle does not say.
 */
struct source_request *source_origins(struct source *s, const char *bundle,
				      const char *const *paths, size_t n,
	void (*on_place)(void *arg, const char *path, const char *place),
	void (*on_done)(void *arg, const struct err *err), void *arg);
/*
 * Posts a report, which is copied. on_reply is told what was answered,
 * whatever the status is, or with err that nothing was.
 */
struct source_request *source_report(struct source *s,
				     const struct source_report *report,
	void (*on_reply)(void *arg, const struct source_reply *reply,
			 const struct err *err), void *arg);
/* Its callbacks are not called any more. Allowed inside them. */
void source_cancel(struct source_request *r);

#endif
