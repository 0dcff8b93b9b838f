/*
 * Telling others of what clusters report: `windlass-hook notify`, which serve
 * runs as its child, so that a receiver that hangs hangs nothing. It is told
 * by POST requests, one after the other for a channel: each channel has its
 * own run, and a receiver that does not answer is left alone for a while.
 */
#ifndef HOOKS_NOTIFY_H
#define HOOKS_NOTIFY_H

#include <git2.h>

#include "hooks/news.h"
#include "hooks/rollback-told.h"
#include "schema/cluster-status.h"

/* of one message: what is more comes in the next */
#define LIMIT_MESSAGE_CLUSTERS 10
#define LIMIT_MESSAGE_BYTES (1024u * 1024)
#define LIMIT_POST_URL_BYTES (LIMIT_RECEIVER_URL_BYTES + 256)

/* One cluster as it is now. */
struct notify_cluster {
	char name[LIMIT_CHANNEL_BYTES + 1];
	struct cluster_report report;
	struct cluster_sources from;
	char *author;			/* of the source commit: a name */
	char *subject;			/* of the same; "" for none */
	int64_t heard;			/* when the report came */
	enum silence silence;
};

/* What was pushed and waits for another channel. */
struct notify_waits {
	char commit[GIT_HEX_SIZE];	/* the tip; "": nothing does, */
	bool unknown;			/* or that cannot be told */
	char *author, *subject;		/* of it, as of a cluster's commit */
	char blocked[GIT_HEX_SIZE];	/* the bundle there that failed; or "" */
	char why[1024];
};

/* One channel, and its clusters. */
struct notify_channel {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	int64_t now;
	bool by_hand;		/* somebody wants it now: no retry waits */
	struct notify_cluster *v;
	size_t n;
	struct notify_waits waits;
	struct rollback_told rolled;	/* at 0: there is none that is news */
	int64_t next;		/* when to look again; 0: at the next report */
};

/* ---- notify-channel.c ---- */

/* Reads the reports that are kept. One that cannot be read is passed over;
 * the first such error is told at the end. 1, with an error too, where all is
 * read but what waits for another channel. */
int notify_channel_read(struct notify_channel *c, int64_t listening,
			struct err *err);
void notify_channel_release(struct notify_channel *c);
/* Who wrote a commit and what it is called, malloced, "" where that cannot be
 * read; as they can be shown. */
void notify_commit(git_repository *repo, const char *commit, char **ret_author,
		   char **ret_subject);
/* At that time it is worth another look. */
void notify_look_at(struct notify_channel *c, int64_t when);

/* ---- notify-happened.c ---- */

/* Of the channel as a whole. */
struct happened {
	enum news_event event;	/* HELD, ROLLBACK, or RECOVERED of HELD */
	char key[SHA256_HEX_SIZE];	/* the same: it was told */
	char id[SHA256_HEX_SIZE];	/* of the message about it */
	char text[2048];
};
#define HAPPENED_MAX 3

/* -1 where it cannot be told what waits: then nothing is said of that. */
int happened_read(struct notify_channel *c, struct err *err);
void happened_release(struct notify_channel *c);
/* What a receiver does not know. Notes in *told since when something waits. */
size_t happened_find(struct notify_channel *c, struct told *told,
		     struct happened v[HAPPENED_MAX]);
/* It knows it now, or will not hear of it. */
void happened_told(struct told *told, const struct happened *h);

/* ---- notify-message.c ---- */

struct message_part {
	const struct notify_cluster *cluster;
	struct told_cluster *told;
	struct told_cluster before;	/* as it was before it was posted */
	struct news news;
	char digest[SHA256_HEX_SIZE];	/* of what is said of it */
};

/* The body of a message about these, in the receiver's form. */
void message_write(const struct notify_channel *c, const struct receiver *r,
		   const struct message_part *parts, size_t n,
		   struct buf *out);
/* The same about one thing that happened to the channel. */
void message_write_happened(const struct notify_channel *c,
			    const struct receiver *r,
			    const struct happened *h, struct buf *out);
/* One that is only to be seen. */
void message_write_test(const struct notify_channel *c,
			const struct receiver *r, struct buf *out);

/* ---- notify-status.c ---- */

/* Where a commit's status goes, by the url of its repository. */
void status_url(enum receiver_form form, const char *repository,
		const char *commit, struct buf *out);
void status_write(const struct notify_channel *c, const struct receiver *r,
		  const char *cluster, const struct status_news *s,
		  struct buf *out);

/* ---- notify-post.c ---- */

/* A receiver, open for a run. */
struct poster;

enum post_outcome {
	POST_TAKEN,
	POST_REFUSED,		/* and would be again */
	POST_FAILED,		/* it was not taken */
	POST_UNKNOWN		/* nobody knows whether it was */
};

struct post_result {
	enum post_outcome outcome;
	int64_t wait;		/* seconds it asks for, or 0 */
};

/* Reads its files. ERR_INVALID. */
int poster_open(const struct receiver *r, struct poster **ret,
		struct err *err);
void poster_free(struct poster *p);
const char *poster_url(const struct poster *p);
/* What it is posted by: another one when settings or files change. */
void poster_stamp(const struct receiver *r, struct buf *ret);
/* POSTs to a url, or with NULL to its own. *err is set but for POST_TAKEN,
 * and says nothing that is secret. */
struct post_result poster_post(struct poster *p, const char *url,
			       const struct buf *body, struct err *err);

/* ---- notify-receiver.c ---- */

/* What a run did. */
struct notify_result {
	struct buf said;	/* lines for people: what was told */
	struct buf wrong;	/* the same: what could not be, newly */
	enum err_class worst;
};

/* Tells one receiver what it does not know. */
void notify_receiver(struct notify_channel *c, const struct receiver *r,
		     struct notify_result *result);
/* Sends it a message to be seen. */
int notify_receiver_test(const struct notify_channel *c,
			 const struct receiver *r, struct err *err);

#endif
