/*
 * What a doctor finds: a line a check, as `windlass doctor` prints it of a
 * cluster and `windlass-hook doctor` of a Git host. A check never changes
 * anything, and one that fails does not keep the next from being made.
 */
#ifndef SCHEMA_DOCTOR_H
#define SCHEMA_DOCTOR_H

#include <stddef.h>

#include "schema/base/buf.h"

/* all that is printed of one examination */
#define DOCTOR_BYTES (16u * 1024 * 1024)

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
	enum finding_level level;
	const char *check;	/* stable name, a static string: "lease" */
	char *channel;		/* "" for all of what is examined */
	char *message;		/* what, and for others than ok what to do */
};

struct doctor {
	struct finding *v;
	size_t n, failed, warned;
};

#define DOCTOR_INIT { 0 }

/*
 * Adds a finding, without the control bytes of its message; channel may be
 * NULL.
 */
void doctor_say(struct doctor *d, enum finding_level level, const char *check,
		const char *channel, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void doctor_release(struct doctor *d);

/* "ok", "warn" or "FAIL", a static string. */
const char *finding_level_name(enum finding_level level);
/* As it is printed: a line each, and how many there are. */
void doctor_write(const struct doctor *d, struct buf *out);
/*
 * The same as one JSON object, which also says what was looked at: its member
 * `member` ("repository") is `examined`, or is not there where that is NULL.
 */
void doctor_write_json(const struct doctor *d, const char *member,
		       const char *examined, struct buf *out);

#endif
