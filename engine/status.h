/*
 * The status of a Channel as the engine knows it, and as it is written to
 * /status: conditions, the accepted and the applied bundle, counts, the
 * first failures. Pure data; who sends it, and when, is engine/channel.c.
 */
#ifndef ENGINE_STATUS_H
#define ENGINE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle.h"
#include "schema/node.h"

enum condition_type {
	CONDITION_READY,
	CONDITION_FETCHED,
	CONDITION_VERIFIED,
	CONDITION_APPLIED,
	CONDITION_HEALTHY,
	CONDITION_STALE,
	CONDITION_FORKED,
	CONDITION_CLOCK,
	CONDITION_PRUNE_BLOCKED,
	CONDITION_SUSPENDED,
	CONDITIONS
};

enum condition_status {
	STATUS_UNKNOWN,
	STATUS_TRUE,
	STATUS_FALSE,
};

#define CONDITION_REASON_MAX 64
#define CONDITION_MESSAGE_MAX 1024

struct condition {
	enum condition_status status;
	int64_t since;			/* last transition, seconds UTC */
	char reason[CONDITION_REASON_MAX];	/* CamelCase */
	char message[CONDITION_MESSAGE_MAX];
};

/* A bundle that was accepted or applied. bundle is "" when there is none. */
struct status_bundle {
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	struct sha256 content;
	char source_commit[GIT_HEX_SIZE];
	int64_t at;			/* accepted: the head's issued; applied:
					   when it was */
};

#define STATUS_FAILURES 20
#define STATUS_LEFTOVERS 20

struct failure {
	char *object;			/* as object_describe names it */
	char *source;			/* "path:line", or "" */
	char *reason;			/* CamelCase */
	char *message;
};

struct channel_status {
	int64_t observed_generation;
	struct status_bundle accepted, applied;
	uint64_t total, ready, progressing, failed, drifted;
	struct failure failures[STATUS_FAILURES];
	size_t n_failures;
	char *leftovers[STATUS_LEFTOVERS];
	size_t n_leftovers;
	char *drift_object;		/* NULL: nothing drifted yet */
	char *drift_manager;		/* who did it, NULL if nobody is named */
	int64_t drift_at;
	uint64_t drift_repairs;		/* since the Channel was made */
	struct condition conditions[CONDITIONS];
};

void channel_status_release(struct channel_status *s);

/*
 * Sets a condition. The transition time moves only when the status does.
 * True if anything changed. The message is cut to CONDITION_MESSAGE_MAX.
 */
bool condition_set(struct channel_status *s, enum condition_type type,
		   enum condition_status status, int64_t now,
		   const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

const char *condition_name(enum condition_type type);

void status_clear_failures(struct channel_status *s);
/* Adds one if there is room; strings are copied. */
void status_add_failure(struct channel_status *s, const char *object,
			const char *source, const char *reason,
			const char *message);
void status_clear_leftovers(struct channel_status *s);
void status_add_leftover(struct channel_status *s, const char *object);

/* The value of .status, for a merge patch that replaces all of ours: what
 * is not set is an explicit null. */
struct node *status_write(const struct channel_status *s, struct arena *a);
/*
 * Reads back what an engine wrote before: accepted, applied, conditions,
 * drift counts. A status that a person damaged is ERR_INVALID, and nothing
 * is read: the engine then relies on its state directory.
 */
int status_read(const struct node *channel, struct channel_status *ret,
		struct err *err);

#endif
