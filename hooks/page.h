/*
 * The page of a channel for people: what is live where, since which commit,
 * who signed and approved it, what failed, and the last bundles. One file of
 * HTML, <publish>/<channel>/index.html, beside the head: serve hands it out
 * (serve-page.c), or any web server that hands out the folder.
 *
 *   page.c         what it says, read from Git and from kept reports
 *   page-html.c    how it is written
 *   page-chain.c   the bundles in it
 *   page-list.c    the list of channels
 *   page/          its style and its script, which it holds itself
 *
 * It is made anew by who records reports (serve's child), and by `publish` and
 * `refresh`. It says when things were and never how long ago: it is right
 * whenever it is read. Nothing of a Secret is in what it is made from.
 */
#ifndef HOOKS_PAGE_H
#define HOOKS_PAGE_H

#include "hooks/host-config.h"
#include "schema/bundle.h"
#include "schema/cluster-report.h"
#include "schema/said.h"
#include "schema/sshkey.h"

#define PAGE_FILE "index.html"
/* before its state in few words, which ends with a quote */
#define PAGE_DESCRIPTION "<meta name=\"description\" content=\""
/* bundles in it */
#define PAGE_CHAIN 20
/* what is shown of a commit's subject, and of a person */
#define PAGE_LINE_BYTES 200
/* of a state in few words */
#define PAGE_STATE_BYTES 256
/* no page is larger */
#define LIMIT_PAGE_BYTES (4u * 1024 * 1024)

/*
 * Writes the page if it would say something else than it does. Where the
 * channel has `page = false` it is removed; where nothing was published yet
 * there is none. One run at a time, the others wait.
 */
int page_write(git_repository *repo, const struct host_config *host,
	       const struct channel_config *ch, struct err *err);

/* The Content-Security-Policy that lets it work and nothing else. */
void page_policy(struct buf *out);

/* A channel in the list of channels. */
struct page_channel {
	const char *name;
	bool has_page;
	char state[PAGE_STATE_BYTES];	/* as its page has it, in HTML */
	bool published;
	uint64_t epoch, sequence;
	int64_t issued;			/* the head */
};
/* What the beginning of a page says of the channel in few words, in HTML, or
 * "". */
void page_state_find(const char *begin, char ret[PAGE_STATE_BYTES]);
void page_list_html(const struct page_channel *v, size_t n, struct buf *out);

/* ---- what it says ---- */

/* A source commit, as far as it can be read. */
struct page_source {
	char id[GIT_HEX_SIZE];		/* "": not known */
	char *subject;			/* malloced, or NULL; anybody's text */
	char *author;			/* the same: "Name <mail>" */
	int64_t when;			/* it was authored; -1: not known */
};

/* A bundle of the channel. */
struct page_bundle {
	char id[GIT_HEX_SIZE];		/* "": there is none */
	char *broken;			/* why it cannot be told, or NULL */
	struct bundle_commit commit;
	struct sshkey key;		/* made its signature */
	struct page_source source;
	struct said said;
};

struct page_cluster {
	char name[LIMIT_PRINCIPAL_BYTES + 1];
	bool reported;			/* else it is only listed */
	char *broken;			/* why its report cannot be read */
	struct cluster_report report;
	struct page_source source;	/* of the bundle it is about */
	struct page_source applied;	/* of what is applied, if another */
};

struct page {
	const struct channel_config *ch;
	struct page_bundle chain[PAGE_CHAIN];	/* the newest first */
	size_t n_chain;
	struct page_cluster *clusters;	/* malloced; what is ill comes first */
	size_t n_clusters;
	char *reporters_broken;		/* why the list cannot be read */
	/* the tip of its ref, which waits for ch->after; or nothing does */
	struct page_source waits;
	char *waits_broken;		/* why that cannot be told */
};

/* How well a cluster is, the worst first. */
enum page_state {
	PAGE_BROKEN,
	PAGE_FAILED,
	PAGE_REFUSED,
	PAGE_WAITING,
	PAGE_SUSPENDED,
	PAGE_BEHIND,		/* it is well, with an older bundle */
	PAGE_APPLYING,
	PAGE_UNHEARD,		/* has never reported */
	PAGE_HEALTHY,
};

enum page_state page_state(const struct page *p, const struct page_cluster *c);
/* All of the file. */
void page_html(const struct page *p, struct buf *out);

/* What stands before a title and all that comes behind it, and the end. */
void page_begin_html(struct buf *out);
void page_begin_main_html(struct buf *out);
void page_end_html(struct buf *out);

/* ---- page-chain.c ---- */

/* The newest bundle, and the table of all that it has. */
void page_newest_html(const struct page *p, struct buf *out);
void page_chain_html(const struct page *p, struct buf *out);
/* "<code>0123456789ab</code> Subject - Ada, <time>" */
void page_source_html(const struct page_source *s, struct buf *out);

#endif
