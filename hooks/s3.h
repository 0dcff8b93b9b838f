/*
 * The four requests of S3 that publishing needs, signed by libcurl (AWS
 * Signature Version 4). No query, no multipart, nothing about a bucket
 * itself: what is kept here is what libcurl 7.88 signs as stores do.
 */
#ifndef HOOKS_S3_H
#define HOOKS_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "hooks/bucket.h"
#include "schema/base/buf.h"
#include "schema/base/digest.h"

#define S3_ETAG_BYTES 128

struct s3;

/*
 * Reads the credentials; connects when something is asked. Failures of all
 * requests name no secret. ERR_TRANSIENT is what another try may change, and
 * was tried some times; ERR_DENIED and ERR_INVALID want a person, and say
 * what for.
 */
int s3_open(const struct bucket *b, struct s3 **ret, struct err *err);
void s3_free(struct s3 *s);

/* Paths are below the bucket's url: "prod/head". */

/* The whole object, up to out->max. 1 if there is none. */
int s3_get(struct s3 *s, const char *path, struct buf *out,
	   char ret_etag[S3_ETAG_BYTES], struct err *err);
/* Only how long it is. 1 if there is none. */
int s3_size(struct s3 *s, const char *path, uint64_t *ret_bytes,
	    struct err *err);

struct s3_put {
	const char *path;
	const char *type, *cache;	/* Content-Type, Cache-Control */
	struct sha256 digest;		/* of the bytes: the store checks it */
	uint64_t bytes;
	int fd;				/* where they are, from its start; */
	const char *data;		/* or else here */
	/* Only over the object of this tag; "": only where there is none;
	 * NULL: over any. Stores that do not know conditions ignore it. */
	const char *over;
};

/* 1 if what is there is another one than `over`. */
int s3_put(struct s3 *s, const struct s3_put *p, struct err *err);
/* One that is not there counts as removed. */
int s3_remove(struct s3 *s, const char *path, struct err *err);

/*
 * Without a signature, as an engine would: 0 if anybody can read it, 1 if
 * not. The seconds that the store's clock is ahead of ours are noted by
 * every answer (s3_skew).
 */
int s3_get_unsigned(struct s3 *s, const char *path, struct err *err);
int64_t s3_skew(const struct s3 *s);

#endif
