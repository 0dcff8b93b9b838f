/*
 * What `windlass verify` finds: one line a check, and a count of each result
 * for the exit status.
 */
#ifndef ENGINE_CLI_RESULTS_H
#define ENGINE_CLI_RESULTS_H

#include "engine/cli/cli.h"
#include "engine/verify.h"

struct results {
	enum cli_output output;
	bool color;
	size_t good, bad;
	size_t unknown;		/* could not be checked, and should have been */
};

/* What was looked at. */
struct subject {
	const char *of;		/* "prod 1.42", "head", "pack 0a1b2c3d" */
	const char *bundle;	/* the commit's id, or NULL */
	const char *check;	/* "signature" */
};

void result_ok(struct results *f, const struct subject *what,
	       const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * A refusal of engine/verify.h: FAIL, or unknown where the fault is not in
 * what was looked at (ERR_TRANSIENT, ERR_INTERNAL).
 */
void result_refused(struct results *f, const struct subject *what,
		    const struct verdict *v, const struct err *err);
/* Nothing to check, and no fault; says why. */
void result_skipped(struct results *f, const struct subject *what,
		    const char *why);
/* EXIT_REFUSED before EXIT_TROUBLE before EXIT_OK. */
int results_status(const struct results *f);

#endif
