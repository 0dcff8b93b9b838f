/*
 * The reports of one channel: what the cluster says of it to the Git host,
 * signed by the engine's own key (engine/reporter-key.h). Not to be confused
 * with engine/report.h, which writes the status of the Channel in the
 * cluster; both say the same in the same words.
 *
 * A report is sent at once when phase, bundle or failures change, at most
 * once a second while only counts do, and every ten minutes in any case. One
 * is on its way at a time, and it says what is so when it is sent: what was
 * not taken is never kept, the next one says more. A host that is not there
 * is left alone until heads come from it again; one that takes no reports is
 * asked again after ten minutes, or after one when there is news.
 */
#ifndef ENGINE_REPORTER_H
#define ENGINE_REPORTER_H

#include "engine/channel.h"

struct reporter;
struct settle_counts;

struct reporter *reporter_new(struct channel *c);
/* NULL is fine. */
void reporter_free(struct reporter *r);
/* Something moved: is there something to say? Looked into soon. */
void reporter_touch(struct reporter *r);
/* The status was just filled. */
void reporter_filled(struct reporter *r, const struct settle_counts *n);
/* The status was read back as it was when another engine, or this one before
 * it was started again, wrote it. */
void reporter_restored(struct reporter *r);
/* The key is another one, or why there is none; or the spec is, or somebody
 * asks for it: what was refused is tried again. */
void reporter_try_again(struct reporter *r);
/* The channel stops: nothing is sent any more. */
void reporter_stop(struct reporter *r);

#endif
