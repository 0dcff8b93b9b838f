/*
 * The parts of `windlass-hook serve`, in one thread and one epoll, but for
 * writing down what clusters report:
 *
 *   serve.c       command line, policy, start and end
 *   serve-loop.c  descriptors, signals, time
 *   serve-head.c  the heads: read once a change, watched by inotify
 *   serve-wait.c  requests that wait for a new head
 *   serve-many.c  questions for the heads of many channels at once
 *   serve-report.c  what clusters report
 *   serve-keep.c  writing that down, by threads of its own
 *   serve-page.c  pages for people
 *   serve-http.c  requests and answers, on libmicrohttpd
 *   serve-client.c  connections, and that nobody takes all of them
 *   serve-work.c  publish, refresh and the record of reports, as children
 *   serve-heard.c what is due by what all clusters said for long enough
 *   serve-notify.c  telling others of these, the same
 *   serve-ask.c   publishing that hooks ask for over a unix socket
 *   tls.c         the certificate, which is renewed while it runs
 *
 * It hands out what is signed; it holds no key itself while it runs: only
 * its children read the signing key.
 */
#ifndef HOOKS_SERVE_H
#define HOOKS_SERVE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "hooks/activate.h"
#include "hooks/commands.h"
#include "hooks/kept-report.h"
#include "hooks/listen.h"
#include "hooks/tls.h"
#include "hooks/tokens.h"
#include "schema/base/map.h"
#include "schema/sshkey.h"

/* seconds that a request may wait for a new head */
#define LIMIT_WAIT 60
/* seconds between two looks for pushes that no hook published */
#define CHECK_INTERVAL_DEFAULT 60
/* `"` + 64 hex + `"` + NUL */
#define ETAG_SIZE (SHA256_HEX_SIZE + 2)

struct serve;

/* ---- serve.c ---- */

/*
 * Takes over the certificate and the settings as they are now, and with
 * `all` the tokens too.
 * What is wrong is logged and the old ones are kept; settings under which it
 * must not serve end it.
 */
void serve_reload(struct serve *s, bool all);
/* How often somebody may make us read the settings: see serve_look_again. */
struct looks {
	int64_t until;			/* what was used up, monotonic ms */
};
/*
 * For a name that is not known: it may be a channel that was made since the
 * settings were read. Reads them again, unless that was done too often for
 * the same kind of asker. Returns the channel, or NULL.
 */
struct served *serve_look_again(struct serve *s, struct looks *looks,
				const char *name, size_t len);

/* ---- serve-loop.c ---- */

/* A descriptor that the loop looks at; a member of its owner. */
struct source {
	int fd;			/* -1: none */
	void (*ready)(struct serve *s, struct source *src, uint32_t events);
};

int serve_watch(struct serve *s, struct source *src, uint32_t events,
		struct err *err);
void serve_rewatch(struct serve *s, struct source *src, uint32_t events);
/* Takes it out of the loop and does not close it. Allowed anywhere, but the
 * memory must live until the turn ends. */
void serve_unwatch(struct serve *s, struct source *src);

int serve_loop_init(struct serve *s, struct err *err);
int serve_loop_run(struct serve *s, struct err *err);
void serve_loop_release(struct serve *s);

/* ---- serve-head.c ---- */

/* Waiting for all clusters of a channel to say one thing of its bundle for
 * long enough: looked at when one says something, and when the time is over. */
struct vigil {
	bool news;		/* something was heard */
	int64_t at;		/* look again, monotonic ms; 0: no need */
	char bundle[GIT_HEX_SIZE];	/* they all did of this one, and what
					   was due was begun */
	char channel[LIMIT_CHANNEL_BYTES + 1];	/* by these settings */
	int64_t seconds;
};

/* One channel as it is served. */
struct served {
	char name[LIMIT_CHANNEL_BYTES + 1];
	char *folder;		/* <publish_dir>/<channel> */
	int wd;			/* its inotify watch, or -1 */
	bool there;		/* a head was read */
	char etag[ETAG_SIZE];
	char *head;		/* its bytes */
	size_t head_len;
	int64_t issued, expires;	/* what it says; 0: unreadable */
	dev_t dev;		/* of the file that was read */
	ino_t ino;
	struct timespec mtime;
	struct wish *wishes;	/* of requests that wait, doubly linked */

	char bundle[GIT_HEX_SIZE];	/* what it names, or "" */
	uint64_t epoch, sequence;
	/* for serve-report.c */
	struct map reporters;
	char signer_of[ETAG_SIZE];	/* the head that this key signed */
	bool has_signer;
	struct sshkey signer;

	/* for serve-work.c */
	struct job *job;		/* the child that runs for it */
	char tried_tip[GIT_HEX_SIZE];	/* the source ref when last tried */
	int64_t retry_at;	/* publish again, monotonic ms; 0: no need */
	int64_t no_refresh;	/* before this time, monotonic ms */
	int failures;		/* in a row */
	struct job *recorder;		/* the same, for reports */
	bool record_due;	/* there are some that Git does not know of,
				   or its page is older than its head */
	int64_t record_at;	/* not before this time, monotonic ms */
	int64_t record_until;	/* what was used up of its runs, the same */
	int record_failures;	/* in a row */
	/* for serve-heard.c */
	struct vigil after;		/* the channel before is healthy */
	struct vigil failure;		/* and this one has failed */
	struct job *undoer;		/* the child that rolls back */
	int64_t undo_at;	/* not before this time, monotonic ms, */
	char undo_bundle[GIT_HEX_SIZE];	/* of this one */
	int undo_failures;	/* in a row */
	/* for serve-notify.c */
	struct job *notifier;
	size_t notify_n;		/* receivers, when last looked */
	bool notify_due;	/* there may be news for them */
	int64_t notify_at;	/* it wants to look then; 0: it does not */
	int64_t notify_pause;	/* not before this time, monotonic ms */
	int64_t notify_until;	/* what was used up of its runs, the same */
	int notify_failures;	/* in a row */
};

int serve_heads_init(struct serve *s, struct err *err);
/* Takes over the channels of s->host.config, keeping what is known. */
void serve_heads_update(struct serve *s);
/* Watches what was not there before. False when something still is not. */
bool serve_heads_watch(struct serve *s);
struct served *serve_find(struct serve *s, const char *name, size_t len);
/* Looks whether the file is another one, and reads it; wakes waiters. */
void serve_head_check(struct serve *s, struct served *ch);
void serve_heads_release(struct serve *s);

/* ---- serve-client.c ---- */

/* a connection's time to make its first request, to make another one, and to
 * take a short answer; it ends with that, whatever is still on its way */
#define CLIENT_NEW_MS (10 * 1000)
#define CLIENT_IDLE_MS (75 * 1000)
#define CLIENT_ASKED_MS (30 * 1000)

enum client_state {
	CLIENT_NEW,		/* has not made a request yet */
	CLIENT_IDLE,		/* is between two */
	CLIENT_ASKED,		/* is being answered, in short */
	CLIENT_KEPT,		/* waits, or is sent a pack: the last one */
	CLIENT_STATES
};

/* What there is only so much of. */
enum place {
	PLACE_WAIT,
	PLACE_PACK,
	PLACE_HEAD,			/* a channel of a question for many */
	PLACE_REPORT,			/* a KiB of one */
	PLACES
};

/* One connection; the library's socket context. */
struct client;

struct client_queue {
	struct client *first, *last;
};

/* How many connections there may be, and how many packs sent at a time. */
void serve_client_limits(struct serve *s, size_t connections, size_t packs);
/* An MHD_NotifyConnectionCallback */
void serve_client_notify(void *arg, struct MHD_Connection *connection,
			 void **context,
			 enum MHD_ConnectionNotificationCode code);
struct client *serve_client_of(struct MHD_Connection *connection);
void serve_client_state(struct serve *s, struct client *c,
			enum client_state state);
/*
 * Takes n places for a request, until they are given back. False when there
 * are not so many, or when its address holds too many for what is left to
 * others.
 */
bool serve_client_hold(struct serve *s, struct client *c, enum place place,
		       size_t n);
void serve_client_give_back(struct serve *s, struct client *c,
			    enum place place, size_t n);
/* Drops those whose time is over. When the next is due, or -1. */
int64_t serve_client_expire(struct serve *s, int64_t now);
void serve_client_release(struct serve *s);

/* ---- serve-wait.c ---- */

/* That a request waits for a head of one channel other than it has. */
struct wish {
	struct request *request;
	struct served *channel;		/* while it waits, or NULL */
	struct wish *next, **prev;	/* of the channel's, while it waits */
	char known[ETAG_SIZE];		/* the tag that it has, or "" */
};

struct many;
struct report_body;

/* One HTTP request, from its first line to its last byte. */
struct request {
	struct MHD_Connection *connection;
	struct client *client;
	struct wish wish;		/* of one that asks for one head */
	struct many *many;		/* of one that asks for many, or NULL */
	struct report_body *report;	/* of one that brings one, or NULL */
	int wait;			/* seconds, -1: it does not wait */
	bool answered_wait;		/* waiting is over */
	bool again;			/* but not if nothing is new */
	bool suspended;
	bool has_pack;			/* its answer holds one open */
	int64_t deadline;		/* monotonic ms */
	struct request *time_next, *time_prev;
	struct source gone;		/* its socket, while it waits */
};

/* Requests of one waiting time, so in the order of their deadlines. */
struct wait_queue {
	struct request *first, *last;
};

/* Reads how long it prefers to wait. */
void serve_wait_prefer(struct request *r);
/* May it? Then it holds a place, which serve_wait_end gives back. */
bool serve_wait_hold(struct serve *s, struct request *r);
/* The wishes have their channel and what is known. */
void serve_wait_begin(struct serve *s, struct request *r);
/* Goes on with it, in the next turn of the HTTP library. */
void serve_wait_end(struct serve *s, struct request *r);
/* Wakes all that wait for a head other than the one that is there now. */
void serve_wait_wake(struct serve *s, struct served *ch);
/* Wakes all that asked for channels of which some were not known. */
void serve_wait_wake_unknown(struct serve *s);
void serve_wait_wake_all(struct serve *s);
/* Ends those whose time is over. When the next is due, or -1. */
int64_t serve_wait_expire(struct serve *s, int64_t now);

/* ---- serve-many.c ---- */

/*
 * A question for many heads (schema/heads.h): begin when its first line is
 * there, add with each part of its body, and answer at the end, which may
 * have to wait; then it is called once more.
 */
enum MHD_Result serve_many_begin(struct serve *s, struct request *r);
void serve_many_add(struct request *r, const char *data, size_t len);
enum MHD_Result serve_many_answer(struct serve *s, struct request *r);
/* Its wishes, and how many. */
struct wish *serve_many_wishes(struct many *m, size_t *ret_n);
/* Did it ask for a channel that is not known? */
bool serve_many_unknown(const struct many *m);
void serve_many_end(struct serve *s, struct request *r);

/* ---- serve-report.c ---- */

/* True for "/<name>/report"; how long the name is. */
bool serve_report_path(const char *url, size_t *ret_len);
/* As for a question for many heads: begin, add, and answer at the end. */
enum MHD_Result serve_report_begin(struct serve *s, struct request *r);
void serve_report_add(struct request *r, const char *data, size_t len);
enum MHD_Result serve_report_answer(struct serve *s, struct request *r,
				    const char *name, size_t len);
void serve_report_end(struct serve *s, struct request *r);
/* A turn of the loop begins: goes on with some of those that came in turns
 * before, at the end of serve with all. While s->unjudged there are more. */
void serve_report_turn(struct serve *s);
struct keeping;
/* It is written, or could not be: its request goes on. */
void serve_report_kept(struct serve *s, struct keeping *k);

/* ---- serve-keep.c ---- */

/* A report that is on its way to the disk. */
struct keeping {
	struct kept_write write;
	int rc;				/* of the writing */
	struct err err;
	struct keeping *next;
};

struct keepers;

/* Hands it over; serve_report_kept gets it back in a later turn. -1: no. */
int serve_keep(struct serve *s, struct keeping *k, struct err *err);
/* When all that were handed over are written and given back. */
void serve_keep_stop(struct serve *s);

/* ---- serve-page.c ---- */

/* True for what is a page if it is there: "/", "/<name>", "/<name>/" and
 * "/<name>/index.html". */
bool serve_page_path(const char *url);
enum MHD_Result serve_page(struct serve *s, struct request *r,
			   const struct served *ch, const char *url);
/* The channels. */
enum MHD_Result serve_index(struct serve *s, struct request *r);

/* ---- serve-http.c ---- */

/* Answers with a text that lives as long as the program; name, a header and
 * its value, may be NULL. */
enum MHD_Result serve_reply_text(struct request *r, unsigned status,
				 const char *name, const char *value,
				 const char *text);
enum MHD_Result serve_reply(struct request *r, unsigned status,
			    struct MHD_Response *res);
enum MHD_Result serve_not_found(struct request *r);
/*
 * A regular file, to be sent: its descriptor, or -1 with errno; ENOENT for
 * all that is none. Who sends one holds a place, or it is "not now".
 */
int serve_open_file(const char *path, struct stat *ret);
bool serve_hold_file(struct serve *s, struct request *r);
/* "not now": nothing is wrong with it, but there is no room. */
enum MHD_Result serve_not_now(struct request *r);
/* Says how long it waited, if it did. */
void serve_say_waited(const struct request *r, struct MHD_Response *res);

int serve_http_start(struct serve *s, struct err *err);
/* Milliseconds until the library wants to run again, or -1. */
int serve_http_timeout(struct serve *s);
void serve_http_run(struct serve *s);
void serve_http_stop(struct serve *s);

/* ---- serve-work.c ---- */

/*
 * Starts the children that are due: publish where somebody asked or the
 * source ref moved unseen, refresh where a head gets old. When it wants to
 * look again (monotonic ms).
 */
int64_t serve_work_check(struct serve *s, int64_t now);
/* The same for the record of reports and the pages, which are made by others,
 * and for telling of them; INT64_MAX: when one of these has ended. */
int64_t serve_record_check(struct serve *s, int64_t now);
/* Forgets what was tried, so that the next check tries all of it again. */
void serve_work_retry(struct serve *s);
/*
 * `windlass-hook COMMAND --background [OPTION] --repo DIR CHANNEL` as a child
 * whose output is collected; what ended is handed on by serve_work_reap. NULL
 * with what went wrong.
 */
struct job *serve_job_fork(struct serve *s, struct served *ch,
			   const char *command, const char *option,
			   struct err *err);
/* SIGCHLD */
void serve_work_reap(struct serve *s);
void serve_work_stop(struct serve *s);

/* ---- serve-heard.c ---- */

/* Something was heard of that channel, or published: who waits for it may go
 * on, and it may have failed; `anew`: even if what was due of this bundle was
 * begun before. */
void serve_heard(struct serve *s, const char *name, bool anew);
/* Is it time to roll the channel back? As below. */
bool serve_failure_due(struct serve *s, struct served *ch,
		       const struct channel_config *cfg, int64_t now,
		       int64_t *next);
/* Is it time to publish a channel that waits for another one? If not, *next
 * becomes when to look again, if that is sooner. */
bool serve_after_due(struct serve *s, struct served *ch,
		     const struct channel_config *cfg, int64_t now,
		     int64_t *next);

/* ---- serve-notify.c ---- */

#define SERVE_NOTIFY "notify"

/* Starts it where it is due. When it wants to look again (monotonic ms), or
 * INT64_MAX: not before it ends or something is news. */
int64_t serve_notify_check(struct serve *s, struct served *ch,
			   const struct channel_config *cfg, int64_t now);
/* It ended, with this exit status and these lines. */
void serve_notify_done(struct served *ch, int status, const char *output);

/* ---- serve-ask.c ---- */

/* A hook that asked for publishing, until it was told the end. */
struct asker {
	struct source io;
	struct asker *next;
	uid_t uid;
	char request[80];
	size_t len;
	char channel[LIMIT_CHANNEL_BYTES + 1];	/* "" until it asked */
	bool started;		/* the run that answers it is going on */
	struct buf answer;
	size_t sent;
	int64_t deadline;	/* to ask, then to take the answer; else 0 */
};

int serve_ask_start(struct serve *s, struct err *err);
/* True if somebody waits for a run of the channel that has not begun. */
bool serve_ask_wanted(const struct serve *s, const char *channel);
/* A run begins: it answers all who asked before now. */
void serve_ask_started(struct serve *s, const char *channel);
/* It ended, with this exit status and these lines. */
void serve_ask_done(struct serve *s, const char *channel, int status,
		    const char *output);
/* Drops the slow and frees the gone; when to call it again, or -1. */
int64_t serve_ask_expire(struct serve *s, int64_t now);
void serve_ask_stop(struct serve *s);

/* ---- all of it ---- */

struct serve_options {
	const char *repo;
	const char *listen;
	const char *tls_cert, *tls_key;
	const char *tokens_file;
	bool behind_proxy, public;
	bool verbose;
	int64_t check_interval;		/* seconds */
};

struct serve {
	struct serve_options opts;
	struct host host;
	struct listen_addr addr;
	int listen_fd;
	struct activated given;		/* sockets that systemd opened */
	struct tokens tokens;

	int epoll;
	bool stop;
	int status;			/* to exit with */
	struct source signals;
	struct source http;		/* the library's own epoll */
	struct MHD_Daemon *daemon;
	struct client_queue clients[CLIENT_STATES];
	struct map addresses;		/* struct address by its text */
	size_t connections, connections_max;
	size_t dropped;			/* that are not closed yet */
	size_t places[PLACES], places_max[PLACES];
	struct tls *tls;		/* NULL: in the clear */
	bool resumed;			/* since the library ran last */

	struct source inotify;
	int publish_wd;			/* watch of publish_dir, or -1 */
	bool unwatched;			/* something is not watched yet */
	struct keepers *keepers;	/* NULL: no report came yet */
	struct report_body *unjudged, *unjudged_last;	/* reports that wait */
	size_t judged;			/* reports, in this turn */
	struct served **channels;
	size_t n;
	struct map by_name;		/* struct served */
	struct map by_wd;		/* by its watch, as text */
	struct wait_queue queues[LIMIT_WAIT + 1];

	struct looks http_looks, ask_looks;
	struct source ask;		/* the listening unix socket */
	char *ask_path;
	struct asker *askers;
	git_repository *check_repo;	/* of one check of the work, or NULL */
	size_t tips;			/* that were looked into by it */
	size_t jobs;			/* children that run */
	size_t recorders;		/* those that record reports apart */
	size_t notifiers;		/* and those that tell of them */
	size_t record_turn, notify_turn;	/* whose turn it is, by index */
	int64_t began;			/* to listen, monotonic ms */
	size_t undoers;			/* and that roll back */
	int64_t next_check;		/* monotonic ms */
	int64_t next_record;		/* the same, for the record of reports */
	int64_t next_upload;		/* the same, for buckets */
};

#endif
