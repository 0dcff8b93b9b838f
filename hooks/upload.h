/*
 * From the published folder of a channel to a bucket: packs, index and
 * approvals first, the head last (DESIGN.md 2.5). Idempotent: whatever
 * killed the last run, the next one goes on from there.
 */
#ifndef HOOKS_UPLOAD_H
#define HOOKS_UPLOAD_H

#include "hooks/bucket.h"
#include "hooks/s3.h"
#include "schema/head.h"

struct upload_result {
	bool nothing;		/* no head is published */
	struct head head;	/* that is in the bucket now */
	size_t sent, removed;	/* files; 0 and 0 when all was there */
	bool sent_head;
};

/*
 * Brings the bucket to what is published, waiting for another run of it that
 * is going on. With `verify` the store is asked for each file, whatever we
 * noted. ERR_DENIED when the head there is not one that ours comes after:
 * then nobody may take the place of it. A failure is noted in the record.
 */
int upload_channel(const struct host_config *host,
		   const struct channel_config *ch, const struct bucket *b,
		   struct s3 *s, bool verify, struct upload_result *ret,
		   struct err *err);

/*
 * For doctor: whether who reads the bucket gets what is published; asks, and
 * changes nothing. -1 when the store cannot be reached, which is told too.
 */
struct doctor;
int upload_check(const struct host_config *host,
		 const struct channel_config *ch, const struct bucket *b,
		 struct s3 *s, struct doctor *d);

#endif
