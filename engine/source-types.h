/*
 * What windlassd and its fetching child tell each other, as plain data. The
 * API for channels is engine/source.h; the messages that carry these are in
 * engine/source-msg.h.
 */
#ifndef ENGINE_SOURCE_TYPES_H
#define ENGINE_SOURCE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/digest.h"
#include "schema/bundle.h"
#include "schema/head.h"
#include "schema/limits.h"

/* A bundle that was accepted or applied. bundle is "" when there is none. */
struct source_pin {
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	struct sha256 content;
	int64_t head_issued;	/* of the head it was accepted by */
};

/*
 * How to reach a channel's files, and whom to believe. All strings are the
 * caller's and are copied where they are needed; NULL: not given.
 */
struct source_settings {
	const char *name;		/* of the channel */
	const char *channel_id;
	/*
	 * spec.url: the base under which <name>/head and
	 * <name>/packs/<sha256> stand, without a trailing slash. http or
	 * https; no redirect is followed.
	 */
	const char *url;
	int64_t interval;		/* seconds between polls, from 1 */
	uint64_t epoch_floor;		/* 0: none */
	const char *publishers;		/* allowed_signers text */
	const char *const *headers;	/* "Name: value", NULL-terminated */
	const char *ca_pem, *cert_pem, *key_pem;
	const char *approvers;		/* allowed_signers text */
	bool require_touch;		/* only security keys approve */
	bool not_by_pusher;		/* and nobody who pushed it */
	const char *server_name;	/* SNI and certificate name */
	const char *proxy;
	bool insecure;			/* do not verify the server */
	struct source_pin accepted, applied;
	uint32_t serial;		/* source.c counts its updates */
};

/* The conditions of a Channel that fetching and verifying decide. */
enum source_condition {
	SOURCE_FETCHED,		/* the files could be had */
	SOURCE_VERIFIED,	/* and are what a publisher signed */
	SOURCE_STALE,		/* the head's life is over */
	SOURCE_FORKED,		/* two histories under one channel id */
	SOURCE_CLOCK,		/* our clock, or the publisher's, is wrong */
	SOURCE_CONDITIONS
};

/*
 * Why a condition is as it is. GOOD means Fetched and Verified are True,
 * Stale, Forked and Clock are False; UNKNOWN that nothing was seen yet; any
 * other the opposite of GOOD.
 */
enum source_reason {
	SOURCE_GOOD,
	SOURCE_UNKNOWN,
	/* Fetched */
	SOURCE_UNREACHABLE,	/* no answer, or one that is no file */
	SOURCE_NO_PATH,		/* no pack leads to the bundle */
	SOURCE_STATE_DIR,	/* the state directory fails: full, read-only */
	/* Verified: of the head */
	SOURCE_SETTINGS,	/* publishers, url or headers make no sense */
	SOURCE_HEAD_MALFORMED,
	SOURCE_SIGNATURE,	/* no good signature */
	SOURCE_UNKNOWN_KEY,	/* signed by nobody in publishers, or too late */
	SOURCE_WRONG_CHANNEL,	/* another name or channel id */
	SOURCE_ROLLBACK,	/* older than what was accepted */
	SOURCE_EPOCH,		/* not the epoch that may be taken */
	/* Verified: of what the head names */
	SOURCE_PACK,		/* a pack or the index is not what was stated */
	SOURCE_BUNDLE,		/* a commit or a tree is not what was stated */
	/* Stale */
	SOURCE_EXPIRED,
	/* Forked */
	SOURCE_SAME_SEQUENCE,	/* another bundle of one (epoch, sequence) */
	SOURCE_NOT_DESCENDING,	/* does not come after the accepted one */
	/* Clock */
	SOURCE_CLOCK_BACK,	/* our clock went backwards */
	SOURCE_HEAD_AHEAD,	/* the head comes from the future */
	SOURCE_REASONS
};

#define SOURCE_MESSAGE_SIZE 512

struct source_finding {
	enum source_reason reason;
	char message[SOURCE_MESSAGE_SIZE];
};

/* CamelCase, for the reason of a Kubernetes condition: "KeyNotTrusted". */
const char *source_reason_name(enum source_condition c,
			       enum source_reason r);

struct source_state {
	struct source_finding v[SOURCE_CONDITIONS];
	/* the newest head that was good; sequence is 0 before the first */
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	int64_t issued, expires;
	bool long_poll;		/* the server tells of a new head at once */
};

/* some names of people, for a message: "alice, bob" */
#define SOURCE_NAMES_SIZE 192

/*
 * What approvers said about a bundle, as far as it counts by their keys, the
 * clock and settings. All is zero where the Channel names no approvers.
 */
struct source_votes {
	uint32_t approved;	/* so many people's consent counts, */
	int64_t until;		/* all of it until then */
	char names[SOURCE_NAMES_SIZE];		/* of those people */
	char missing[SOURCE_NAMES_SIZE];	/* who could consent as well */
	char rejected_by[LIMIT_PRINCIPAL_BYTES + 1];	/* "": nobody */
	/* why what the Git host has does not count, or cannot be had */
	char problem[SOURCE_MESSAGE_SIZE / 2];
	/* the head names a text of them that cannot be had or read: nobody
	 * knows whether somebody rejects the bundle in it */
	bool unread;
};

/* A bundle that is newer than the accepted one and verified throughout. */
struct source_candidate {
	struct source_pin pin;
	char source_commit[GIT_HEX_SIZE];
	char source_ref[SOURCE_REF_MAX + 1];
	char renderer[RENDERER_MAX + 1];
	char publisher[LIMIT_PRINCIPAL_BYTES + 1];	/* who signed it */
	int64_t issued;		/* of the bundle */
	int64_t head_expires;
	uint64_t objects;
	/* commits after the accepted bundle, this one included; 0 when
	 * nothing was accepted or an epoch was crossed */
	uint64_t commits;
	/* the admin raised epochFloor: it need not descend from what was
	 * accepted, and nothing may be pruned for it */
	bool epoch_crossed;
	/*
	 * Sums of Changes over all commits after the bundle `since`, which
	 * was the applied one: the delete budget. "" (nothing applied, an
	 * epoch crossed, its history not at hand): nothing may be pruned.
	 */
	char since[GIT_HEX_SIZE];
	uint64_t created, changed, deleted;
	bool since_at_hand;	/* source_diff from `since` works */
	struct source_votes votes;
	uint32_t serial;	/* of the settings that it was judged by */
};

/* ---- reports to the Git host ---- */

#define SOURCE_REPLY_BYTES 200
/* a Retry-After beyond this is not believed */
#define SOURCE_RETRY_AFTER_S 3600

/* A signed report on its way to whoever takes them. */
struct source_report {
	const char *url;	/* where to post it; NULL: below spec.url */
	bool credentials;	/* what the Channel's Secret has is for there,
				   too */
	const char *text;	/* with its signature */
	size_t len;
};

/* What an answer to it said. */
struct source_reply {
	uint32_t status;	/* HTTP */
	int64_t retry_after_ms;	/* 0: it did not say; at most an hour */
	/* the first line of its body, what is not printable escaped */
	char message[SOURCE_REPLY_BYTES + 1];
};

/* an object's path: "objects/" and four names, slashes and the NUL */
#define SOURCE_PATH_SIZE (8 + 4 * (LIMIT_NAME_BYTES + 1))

enum source_op { SOURCE_CREATE, SOURCE_CHANGE, SOURCE_DELETE };

/* One object of a diff or a list. */
struct source_item {
	enum source_op op;
	const char *path;	/* "objects/demo/apps/Deployment/web.json" */
	struct sha256 digest;	/* from the verified SHA256SUMS; of the old
				   body when op is SOURCE_DELETE */
	uint64_t size;		/* bytes of the body; 0 for SOURCE_DELETE */
	bool ordered;		/* the body mentions an annotation that says
				   something about order (engine/wave.h) */
};

#endif
