/*
 * Who is told of what clusters report (notify.h). A channel's `notify`
 * setting is the url of one, or the name of a section of `git config`, as
 * branch.<name>.remote is a url or the name of a remote:
 *
 *   [windlass-notify "forge"]  url or urlFile, form, tokenFile, caFile,
 *                              event (repeatable), link
 */
#ifndef HOOKS_RECEIVER_H
#define HOOKS_RECEIVER_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/strvec.h"

#define RECEIVER_SECTION "windlass-notify"
#define LIMIT_RECEIVER_URL_BYTES 2048
/* of one channel */
#define LIMIT_RECEIVERS 16
#define LIMIT_RECEIVER_TOKEN_BYTES 1024

struct host_config;
struct channel_config;

enum receiver_form {
	RECEIVER_GENERIC,	/* our own JSON */
	RECEIVER_SLACK,		/* {"text": ...} */
	RECEIVER_GITEA,		/* commit statuses, of Forgejo too */
	RECEIVER_GITHUB,
	RECEIVER_GITLAB,
	RECEIVER_FORMS
};

/* What is told; a bit each in struct receiver. */
enum news_event {
	NEWS_FAILED,
	NEWS_WAITING,
	NEWS_FIGHTING,
	NEWS_STALE,
	NEWS_RECOVERED,
	/* of the channel, and not of a cluster */
	NEWS_HELD,
	NEWS_ROLLBACK,
	NEWS_EVENTS
};
#define NEWS_ALL ((1u << NEWS_EVENTS) - 1)

struct receiver {
	char *name;		/* of its section; NULL: it is only a url */
	enum receiver_form form;
	char *url;		/* or NULL where a file says it */
	char *url_file;
	char *token_file;	/* or NULL */
	char *ca_file;		/* or NULL: the system's authorities */
	char *link;		/* that people are shown, or NULL */
	unsigned events;
};

/* "failed", "waiting", ... */
const char *news_name(enum news_event event);

/* True for those that are told by commit statuses. */
bool receiver_is_forge(const struct receiver *r);

/* Takes one line of such a section. */
int receiver_setting(struct host_config *c, const char *name, const char *key,
		     const char *value, struct err *err);
/* When all lines were read: what is missing, and that each `notify` of a
 * channel is a url or names one. */
int receiver_complete(struct host_config *c, struct err *err);
void receiver_release(struct receiver *r);

/* That of channel->notify.v[i], which lives as long as both settings; where
 * it is only a url, *own is filled for it. */
const struct receiver *receiver_of(const struct host_config *c,
				   const struct channel_config *ch, size_t i,
				   struct receiver *own);
/* What it is called in messages: its name, or scheme and host of its url,
 * for a path may be a secret. */
void receiver_title(const struct receiver *r, struct buf *ret);

/*
 * That a url is by TLS or to this machine, and has no password, no fragment
 * and nothing that is not printable; for a forge, that it can be a
 * repository's.
 */
int receiver_check_url(const struct receiver *r, const char *url,
		       struct err *err);

/*
 * What its files say, under the rules of a signing key's file: url (that of
 * the settings where there is no file) and token, "" for none. Wipe both.
 * ERR_INVALID, and no message quotes what a file says.
 */
int receiver_open(const struct receiver *r, struct buf *ret_url,
		  struct buf *ret_token, struct err *err);
/* -1 with ERR_INVALID where others could read or replace one of the files of
 * any receiver; 0 too where one is missing. */
int receiver_check_files(const struct host_config *c, struct err *err);

#endif
