/*
 * The bundles of a channel that an approver rejected, in the file `rejected`
 * of its state directory: a Git host that takes the reject away again must
 * not get the bundle accepted, not after a restart either. Each line is
 * "<bundle> <principal>"; the last REJECTS_MAX are kept, because only bundles
 * newer than the accepted one can still come.
 */
#ifndef ENGINE_REJECTS_H
#define ENGINE_REJECTS_H

#include <stdbool.h>

#include "engine/state.h"

#define REJECTS_MAX 64

/*
 * Remembers it, durably when it returns 0. Nothing happens if the bundle is
 * there already.
 */
int rejects_add(const struct state *s, const char *bundle,
		const char *principal, struct err *err);
/*
 * Who rejected the bundle: 1 and the principal, or 0. -1 with ERR_INVALID
 * for a file that is damaged, which may be deleted.
 */
int rejects_find(const struct state *s, const char *bundle,
		 char ret[LIMIT_PRINCIPAL_BYTES + 1], struct err *err);

#endif
