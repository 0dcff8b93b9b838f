/*
 * The state directory of a channel: what the engine keeps on disk.
 *
 *   <state>/<channel-id>/lock       held while a process uses the rest
 *                        accepted   which bundle was accepted last: strict
 *                                   text, written durably; with the Channel's
 *                                   status, what forbids a rollback
 *                        head       the head it was accepted by: evidence,
 *                                   should another one turn up
 *                        repo.git   the cache (engine/cache.h)
 *                        tmp/       packs on their way; emptied at start
 *                        forked-*   heads that were signed for one sequence
 *                                   and differ: evidence for an admin
 *
 * All of it can be deleted while nobody uses it: the status in the cluster
 * has the accepted bundle too, and the bytes can be fetched again.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "engine/source-types.h"
#include "schema/base/err.h"

struct state {
	char *dir;		/* <state>/<channel-id> */
	int lock_fd;
	char channel_id[CHANNEL_ID_SIZE];
};

#define STATE_INIT { .lock_fd = -1 }

/*
 * Makes and locks the folder, 0700. ERR_TRANSIENT when another process has
 * it; every error names the path.
 */
int state_open(const char *root, const char *channel_id, struct state *ret,
	       struct err *err);
void state_close(struct state *s);

/* An absolute path inside it; the caller frees it. */
char *state_path(const struct state *s, const char *name);

/*
 * What was accepted, and the latest time that was seen then. *ret->bundle is
 * "" if there is no record. One that cannot be read is an error; a record
 * that is damaged is ERR_INVALID and says that it may be deleted: guessing
 * could mean a rollback.
 */
int state_read_accepted(const struct state *s, struct source_pin *ret,
			int64_t *ret_clock, struct err *err);
/* Durable when it returns 0. */
int state_write_accepted(const struct state *s, const struct source_pin *p,
			 int64_t clock, struct err *err);

/* The record's text, for state.c and its test. */
void state_record_write(const char *channel_id, const struct source_pin *p,
			int64_t clock, struct buf *out);
int state_record_parse(const char *text, size_t len, const char *channel_id,
		       struct source_pin *ret, int64_t *ret_clock,
		       struct err *err);

/* Keeps the head file by which the accepted bundle came. */
int state_keep_head(const struct state *s, const void *head, size_t len,
		    struct err *err);
/*
 * Two heads were signed for one sequence: keeps this one, and the one that
 * was kept at the last acceptance. At most LIMIT_EVIDENCE files in all.
 */
int state_keep_evidence(const struct state *s, uint64_t epoch,
			uint64_t sequence, const char *bundle,
			const void *head, size_t len, struct err *err);

#endif
