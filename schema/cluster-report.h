/*
 * What a cluster says of a channel: a report, signed by its engine's own key
 * (DESIGN.md section 5). One field a line, fixed order, at most
 * LIMIT_REPORT_BYTES with its signature, framed like a head.
 */
#ifndef SCHEMA_CLUSTER_REPORT_H
#define SCHEMA_CLUSTER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/bundle.h"
#include "schema/trust.h"

enum cluster_phase {
	CLUSTER_WAITING,	/* verified, but consent is missing */
	CLUSTER_REFUSED,	/* verified, but the engine will not take it */
	CLUSTER_APPLYING,	/* taken; not everything is ready yet */
	CLUSTER_HEALTHY,	/* all is applied and ready */
	CLUSTER_FAILED,		/* something is wrong, or took too long */
	CLUSTER_SUSPENDED,
	CLUSTER_PHASES
};

/* Strings are malloced and never NULL. */
struct cluster_failure {
	char *object;		/* as object_describe names it */
	char *source;		/* "path:line", or "" */
	char *reason;		/* CamelCase */
	char *message;
};

struct cluster_report {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	char channel_id[CHANNEL_ID_SIZE];
	char cluster[LIMIT_CHANNEL_BYTES + 1];	/* a DNS label */
	uint64_t counter;	/* rises with each of this cluster's */
	int64_t issued;
	/* the newest bundle that it knows and verified */
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	enum cluster_phase phase;
	int64_t since;		/* when the phase began */
	/* the last one that was applied completely; "": none yet */
	uint64_t applied_epoch, applied_sequence;
	char applied_bundle[GIT_HEX_SIZE];
	uint64_t total, ready, progressing, failed, drifted, fighting;
	bool stale;		/* the head that it has is past its expiry */
	char reason[LIMIT_REPORT_REASON_BYTES + 1];
	char message[LIMIT_REPORT_MESSAGE_BYTES + 1];	/* or "" */
	struct cluster_failure failures[LIMIT_REPORT_FAILURES];
	size_t n_failures;
};

#define CLUSTER_REPORT_INIT { .phase = CLUSTER_WAITING }

/* "waiting", "refused", ... */
const char *cluster_phase_name(enum cluster_phase phase);

/*
 * The message and a failure, made to fit: what is not printable becomes a
 * space, white space at the ends goes, and what is too long is cut; a source
 * that is too long is left out. A failure beyond LIMIT_REPORT_FAILURES is
 * dropped. NULL stands for "".
 */
void cluster_report_set_reason(struct cluster_report *r, const char *reason,
			       const char *message);
void cluster_report_add_failure(struct cluster_report *r, const char *object,
				const char *source, const char *reason,
				const char *message);
void cluster_report_release(struct cluster_report *r);

/* "deploy/web.yaml:12: Deployment.apps shop/web: Reason: message", as people
 * are told of it everywhere. */
void cluster_failure_line(const struct cluster_failure *f, struct buf *out);

/* The text that is signed, up to and including its last LF. Texts are as the
 * functions above make them; counts beyond LIMIT_REPORT_OBJECTS are cut. */
void cluster_report_write(const struct cluster_report *r, struct buf *out);
/* Splits a report at its first armour line; see sshsig_split. ERR_INVALID. */
int cluster_report_split(const char *data, size_t len, size_t *ret_text_len,
			 struct err *err);
/* Reads the signed text, strictly. ERR_INVALID naming the line. Release *ret,
 * which is untouched on failure. */
int cluster_report_parse(const char *text, size_t len,
			 struct cluster_report *ret, struct err *err);

/*
 * All of it: the frame, the signature in the namespace TRUST_REPORTERS by a
 * key of `trust` that is valid at `now` (or TRUST_ANY_TIME), the text, and
 * that it says no other cluster than the key's principal. Nothing is parsed
 * before the signature is known to be good. ERR_INVALID where it is no report,
 * ERR_DENIED where it is not this cluster's.
 */
int cluster_report_open(const char *data, size_t len,
			const struct trust *trust, int64_t now,
			struct cluster_report *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
