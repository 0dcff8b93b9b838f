/*
 * What an API server's refusal means for an object that was to be applied
 * (DESIGN.md 4.3; drift-matrix.md section 8g). Pure.
 */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/kinds.h"
#include "engine/kube.h"

enum verdict {
	VERDICT_AGAIN,		/* nothing was judged: once more, at once */
	VERDICT_LATER,		/* may work by itself: with growing pauses */
	VERDICT_CONFLICT,	/* fields of another manager */
	VERDICT_NO_KIND,	/* LATER, and discovery is to be asked */
	VERDICT_FAILED,		/* its author or an admin must do something */
};

/* Seconds after a change of its CRD in which a custom resource may meet the
 * old schema; and after a change of roles in which a 403 may be the old
 * answer. */
#define GRACE_SCHEMA_MS 30000
#define GRACE_ROLES_MS 10000
/* an API server that has just started does not know all roles yet */
#define GRACE_FORBIDDEN_TRIES 3

/* the reason of VERDICT_NO_KIND */
#define KIND_NOT_SERVED "KindNotServed"

struct verdict_context {
	const struct kind *kind;
	int64_t now;			/* loop_now() */
	int64_t roles_changed;		/* 0: never */
	unsigned tries;			/* failed ones before this */
};

enum verdict verdict_of(const struct kube_status *s,
			const struct verdict_context *ctx);

/*
 * Has an API server that refuses a PATCH so looked for the namespace before?
 * Of one that was missing it says then that it is there. Status 0: it was not
 * asked at all.
 */
bool verdict_tells_of_namespace(enum verdict v, long status,
				const char *message);

/* CamelCase for conditions: the server's reason, or one of ours. */
const char *verdict_reason(const struct kube_status *s);

#endif
