/*
 * What of a cluster's report is news to a receiver: the difference between
 * what it was told (told.h) and what is so. Nothing here reads or sends.
 *
 * A message is about what somebody has to do something about: a bundle
 * failed or was refused, waits for approval, somebody else changes an object
 * back again and again, the cluster is not heard of, or that one of these is
 * over. A commit status says how a commit does, good or bad.
 */
#ifndef HOOKS_NEWS_H
#define HOOKS_NEWS_H

#include "hooks/told.h"
#include "schema/cluster-report.h"

/* Is a cluster silent for longer than silentAfter? */
enum silence {
	SILENCE_NO,
	SILENCE_YES,
	SILENCE_UNKNOWN		/* nobody listened for that long */
};

/* heard: when the report came; listening: since when somebody listens for
 * reports without a break, or 0 where that is not known. */
enum silence news_silence(int64_t heard, int64_t listening,
			  int64_t silent_after, int64_t now);
/* When that may become another one, if nothing is heard; or 0: it will not. */
int64_t news_silence_at(int64_t heard, int64_t listening,
			int64_t silent_after, int64_t now);

struct news {
	unsigned events;	/* a bit for each news_event */
	unsigned ended;		/* of NEWS_RECOVERED: what did */
	struct told_cluster then;	/* as it is when that was told */
};

/* True if there is any, also such as only moves what was told. */
bool news_find(const struct told_cluster *told,
	       const struct cluster_report *r, enum silence silence,
	       struct news *ret);
/* Before it is posted: what may have arrived when we hear nothing. */
void news_may_arrive(struct told_cluster *told, const struct news *news);

/* ---- commit statuses ---- */

enum status_state {
	STATUS_PENDING,		/* waits, or is suspended */
	STATUS_RUNNING,		/* is being applied */
	STATUS_SUCCESS,
	STATUS_FAILURE,
	STATUS_OVERTAKEN,	/* another commit came before the end */
	STATUS_STATES
};

/* GitHub takes no more characters. */
#define STATUS_DESCRIPTION_BYTES 140

struct status_news {
	char commit[GIT_HEX_SIZE];
	enum status_state state;
	char description[STATUS_DESCRIPTION_BYTES + 1];
	char key[SHA256_HEX_SIZE];	/* the same: the same to people */
};

/* What the forge calls it. */
const char *status_state_name(enum receiver_form form,
			      enum status_state state);
/*
 * The next status to be posted, of `commit`, which the bundle of the report
 * was made from, or first of the one before; false if there is none.
 */
bool status_news_find(const struct told_cluster *told,
		      enum receiver_form form,
		      const struct cluster_report *r, const char *commit,
		      struct status_news *ret);
/* As it is when that was posted; `sure` where the answer said so. */
void status_news_tell(struct told_cluster *told, enum receiver_form form,
		      const struct status_news *s, bool sure);

#endif
