/*
 * One job on a channel: its lock is held, its key is open, and what is
 * signed and published so far was read and found consistent. Everything that
 * signs anything is done inside one.
 */
#ifndef HOOKS_JOB_H
#define HOOKS_JOB_H

#include <stdbool.h>

#include "hooks/current.h"
#include "hooks/shelf.h"
#include "schema/head.h"
#include "schema/sshkey.h"

struct job {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	struct err *err;		/* where a failure is told */
	int lock;			/* the descriptor that holds it */
	struct signer *signer;
	int64_t now;			/* what is signed is issued then */
	struct current current;
	bool has_head;
	struct head head;		/* as it is published */
	bool wrote_head;		/* by this job */
	bool told_approvals;		/* only for other approvals */
	char tip[GIT_HEX_SIZE];		/* of the source; "": none */
};

/*
 * Takes the lock (waiting lock_ms; -1: ever), opens the key and reads the
 * state. ERR_TRANSIENT when the lock could not be had. ERR_DENIED when
 * signing the next bundle would take a place in the sequence that was taken
 * before, as after a restored backup. job_end in every case.
 */
int job_begin(git_repository *repo, const struct host_config *host,
	      const struct channel_config *ch, int lock_ms, struct job *ret,
	      struct err *err);
void job_end(struct job *j);

/* The lock alone, for who only reads. Close the descriptor to release it. */
int job_lock(const struct host_config *host, const struct channel_config *ch,
	     int lock_ms, int *ret_fd, struct err *err);

/*
 * The last signed bundle, for a push that is being judged: not one that is
 * just being replaced. ERR_TRANSIENT after some seconds.
 */
int job_read_settled(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch, struct current *ret,
		     struct err *err);

/* True when the next bundle begins an epoch: the first one, or a new one. */
bool job_new_epoch(const struct job *j);

/*
 * Publishes the current bundle and its approvals, unless they are: packs,
 * index, head. What an earlier job did not get done is finished by this. `store` is the one that
 * this job made the bundle in; NULL if it did not.
 */
int job_finish(struct job *j, const struct store *store);
/* The same packs under a head with new times. */
int job_refresh(struct job *j);
/* The same bundle under a shelf that was changed. */
int job_announce(struct job *j, struct shelf *s);

#endif
