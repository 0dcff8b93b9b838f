/*
 * Where else a channel is published: buckets of stores that speak S3. The
 * settings of one are a section of `git config`, as those of a remote are:
 *
 *   [windlass-s3 "eu"]  url, region, credentials, profile, caFile,
 *                       channel (repeatable), keep
 */
#ifndef HOOKS_BUCKET_H
#define HOOKS_BUCKET_H

#include "hooks/host-config.h"

#define BUCKET_SECTION "windlass-s3"

/* of a bucket's url */
#define LIMIT_BUCKET_URL_BYTES 512
/* how long a file stays when nothing names it any more: a cache between
 * store and engine may hold the head that does */
#define BUCKET_KEEP_DEFAULT 3600
#define LIMIT_BUCKET_KEEP (30 * 24 * 3600)
#define BUCKET_REGION_DEFAULT "us-east-1"

struct bucket {
	char *name;		/* "eu": of the section and of our files */
	char *url;		/* no '/' at its end; <url>/<channel>/head */
	char *region;
	char *credentials;	/* a file, or NULL: the environment */
	char *profile;		/* its section */
	char *ca_file;		/* or NULL: the system's authorities */
	struct strvec channels;	/* only these; empty: all */
	int64_t keep;		/* seconds */
};

/* Takes one line of such a section. */
int bucket_setting(struct host_config *c, const char *name, const char *key,
		   const char *value, struct err *err);
/* When all lines were read: defaults, and what is missing. */
int bucket_complete(struct host_config *c, struct err *err);
void bucket_release(struct bucket *b);

/*
 * True if the channel is to be in it. A channel that takes Secrets must be
 * named: a bucket that anybody can read is the usual one.
 */
bool bucket_takes(const struct bucket *b, const struct channel_config *ch);
/* True if any bucket takes it. */
bool bucket_any(const struct host_config *c, const struct channel_config *ch);

#endif
