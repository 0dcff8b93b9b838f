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
#include "schema/base/strvec.h"
#include "engine/consent.h"
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
	CONDITION_DRIFTED,
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
	uint64_t counted_from;		/* accepted: a sequence of this epoch;
					   on each step from there to here what
					   goes was counted, and let through;
					   0: not known */
};

/* A bundle that an approver rejected: it is never accepted, even if the Git
 * host does not show the reject again. */
struct status_reject {
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
};

/* only those that are later than the accepted one can still come */
#define STATUS_REJECTS 64
#define STATUS_FAILURES 20
#define STATUS_LEFTOVERS 20
/* drifts that are remembered, and fields that are named of each */
#define STATUS_DRIFTS 10
#define STATUS_DRIFT_FIELDS 5

struct failure {
	char *object;			/* as object_describe names it */
	char *source;			/* "path:line", or "" */
	char *reason;			/* CamelCase */
	char *message;
};

/* Who signs reports of the channel, and why none are sent or taken; all "":
 * there is nothing to say. */
struct status_reporter {
	char cluster[LIMIT_CHANNEL_BYTES + 1];
	char key[128];			/* "ssh-ed25519 AAAA..." */
	char message[512];
};

enum drift_action {
	DRIFT_CORRECTED,	/* a repair was begun */
	DRIFT_REPORTED,		/* it is left as it is */
	DRIFT_PUT_OFF,		/* somebody keeps doing it: later */
	DRIFT_ACTIONS
};

/* What others did to an object. */
struct drift_record {
	char *object;		/* as object_describe names it */
	char *manager;		/* who did it; NULL: nobody is named */
	struct strvec fields;	/* the first few; none: all of it, or it is
				   not known */
	int64_t at;		/* seconds UTC, of the last time */
	uint64_t times;
	enum drift_action action;
};

struct channel_status {
	int64_t observed_generation;
	struct status_bundle accepted, applied;
	struct consents consents;	/* to the accepted one */
	struct status_reject *rejects;	/* malloced, the oldest first */
	size_t n_rejects;
	uint64_t forked_epoch;		/* where Forked was seen; 0: nowhere, or
					   by an engine that did not say */
	uint64_t total, ready, progressing, failed, drifted;
	uint64_t fighting;	/* of those drifted; for the metrics */
	struct failure failures[STATUS_FAILURES];
	size_t n_failures;
	char *leftovers[STATUS_LEFTOVERS];
	size_t n_leftovers;
	struct drift_record drifts[STATUS_DRIFTS];	/* the latest first */
	size_t n_drifts;
	uint64_t drift_repairs;		/* since the Channel was made */
	struct condition conditions[CONDITIONS];
	struct status_reporter reporter;	/* not read back */
};

void channel_status_release(struct channel_status *s);

/* Was all that goes between the applied and the accepted bundle counted, step
 * by step, when these were accepted? */
bool status_was_counted(const struct channel_status *s);

/*
 * Sets a condition. The transition time moves only when the status does.
 * True if anything changed. The message is cut to CONDITION_MESSAGE_MAX.
 */
bool condition_set(struct channel_status *s, enum condition_type type,
		   enum condition_status status, int64_t now,
		   const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

const char *condition_name(enum condition_type type);

/* Once for each bundle; the oldest may be forgotten. */
void status_add_reject(struct channel_status *s,
		       const struct status_reject *r);
/* Who rejected it; NULL: nobody. */
const char *status_rejected_by(const struct channel_status *s,
			       const char *bundle);

void status_clear_failures(struct channel_status *s);
/* Adds one if there is room; strings are copied. */
void status_add_failure(struct channel_status *s, const char *object,
			const char *source, const char *reason,
			const char *message);
void status_clear_leftovers(struct channel_status *s);
void status_add_leftover(struct channel_status *s, const char *object);

/* Puts one before the others, of which the oldest may be forgotten; one that
 * is there already, but for its time, happened once more. All is copied. */
void status_add_drift(struct channel_status *s, const struct drift_record *d);

/* The value of .status, for a merge patch that replaces all of ours: what
 * is not set is an explicit null. */
struct node *status_write(const struct channel_status *s, struct arena *a);
/*
 * Reads back what an engine wrote before: accepted, applied, who approved
 * and who rejected, conditions, drift counts. A status that a person damaged
 * is ERR_INVALID, and nothing is read: the engine then relies on its state
 * directory.
 */
int status_read(const struct node *channel, struct channel_status *ret,
		struct err *err);

#endif
