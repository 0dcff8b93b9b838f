/*
 * What became of the last bundle that was to be rolled back by itself
 * (rollback-failed.h), kept at <state_dir>/<channel>/rollback-told for who
 * tells others (notify.h).
 */
#ifndef HOOKS_ROLLBACK_TOLD_H
#define HOOKS_ROLLBACK_TOLD_H

#include "hooks/host-config.h"

#define ROLLBACK_TOLD_TEXT_BYTES 1024

struct rollback_told {
	char bundle[GIT_HEX_SIZE];	/* that failed */
	uint64_t epoch, sequence;	/* of it */
	/* by this commit, which counts once the channel's ref has it: a push
	 * that failed may have come in, or may yet */
	bool made;
	char commit[GIT_HEX_SIZE];
	/* how; or, where none was made, why it was refused, or "": it was
	 * tried, and no more is known */
	char text[ROLLBACK_TOLD_TEXT_BYTES];
	/* why that commit, if any, is not there so far, where that has gone on
	 * for long; else "" */
	char trouble[ROLLBACK_TOLD_TEXT_BYTES];
	int64_t at, since;		/* seconds UTC; since the first try */
};

/* Durably, in place of the one before; one that says the same stays. `since`
 * is kept for as long as it is about the same bundle. */
int rollback_told_write(const struct host_config *host,
		 const struct channel_config *ch, const struct rollback_told *r,
		 struct err *err);
/* 1 if there is none of this channel's id; -1 where it cannot be read. */
int rollback_told_read(const struct host_config *host,
		const struct channel_config *ch, struct rollback_told *ret,
		struct err *err);

#endif
