/*
 * What is known of one channel in one bucket, so that nothing is sent twice
 * and what is not named any more can be removed without listing a bucket.
 * Kept at <state_dir>/<channel>/s3/<bucket>, a text:
 *
 *	windlass-upload 1
 *	url https://s3.example.org/bucket
 *	head sha256:<hex>                  or: head none
 *	failed 2026-11-23T10:00:00Z why    or: failed never
 *	there <hex> 0                      a file that is in the bucket
 *	maybe <hex> 0                      one that may be: it was being sent
 *	there <hex> 1764000000             named by nothing since then
 */
#ifndef HOOKS_UPLOAD_RECORD_H
#define HOOKS_UPLOAD_RECORD_H

#include "hooks/bucket.h"
#include "schema/base/digest.h"

struct uploaded_file {
	struct sha256 digest;
	bool there;		/* the store said that it has all of it */
	bool fresh;		/* never sent before; not kept */
	int64_t gone;		/* since when nothing names it; 0: something */
};

struct upload_record {
	struct sha256 head;		/* the last that was sent */
	bool has_head;
	int64_t failed_at;		/* 0: the last try was good */
	char failure[512];
	struct uploaded_file *files;
	size_t n, alloc;
};

#define UPLOAD_RECORD_INIT { .n = 0 }

/* Its folder, made if missing, with the bucket's name: the record's path. */
int upload_record_path(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct bucket *b, struct buf *ret,
		       struct err *err);
/* Empty where there is none, where it is of another url, or damaged: then
 * the store is asked for each file. -1 only where it cannot be read. */
int upload_record_read(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct bucket *b, struct upload_record *ret,
		       struct err *err);
/* Durably: it comes before what it speaks of. */
int upload_record_write(const struct host_config *host,
			const struct channel_config *ch,
			const struct bucket *b,
			const struct upload_record *r, struct err *err);
void upload_record_release(struct upload_record *r);

/* The file, or NULL; the pointer is good until one is added. */
struct uploaded_file *upload_record_find(struct upload_record *r,
					 const struct sha256 *digest);
struct uploaded_file *upload_record_add(struct upload_record *r,
					const struct sha256 *digest);
void upload_record_remove(struct upload_record *r, size_t at);

/*
 * True if the bucket does not have the head as it is published, or has files
 * whose time is over.
 */
bool upload_is_due(const struct host_config *host,
		   const struct channel_config *ch, const struct bucket *b);

#endif
