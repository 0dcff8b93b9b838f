/*
 * What a report says: from a channel to a signed text. Uses the texts of the
 * Channel's status, in which nothing secret is left.
 */
#ifndef ENGINE_REPORTER_TEXT_H
#define ENGINE_REPORTER_TEXT_H

#include "engine/channel-private.h"
#include "schema/cluster-report.h"

/* What it is about, and what makes another one due at once. */
struct report_topic {
	enum cluster_phase phase;
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	size_t failing;
};

/* False: there is no bundle to speak of, or it is being read just now. */
bool report_topic_find(const struct channel *c, const struct settle_counts *n,
		       struct report_topic *ret);
bool report_topic_equal(const struct report_topic *a,
			const struct report_topic *b);

/* Of all that it says but for counter and time. matter: without what only
 * moves on; never 0. */
struct report_digest {
	uint64_t matter, all;
};

bool report_digest_equal(const struct report_digest *a,
			 const struct report_digest *b);
void report_digest_of(const struct channel *c, const struct report_topic *t,
		      int64_t since, struct report_digest *ret);

/* The whole report, signed; the engine has a key. */
int report_text_sign(const struct channel *c, const struct report_topic *t,
		     int64_t since, uint64_t counter, struct buf *out,
		     struct err *err);

#endif
