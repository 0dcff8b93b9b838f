/*
 * Fetching what a host publishes. See published.h. The server is a stranger
 * to us: every byte is counted and compared with what a publisher signed,
 * packs are scanned before libgit2 sees them, no redirect is followed. One
 * request at a time; nothing here is in a hurry.
 */
#include "config.h"
#include "engine/cli/published.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/check-chain.h"
#include "engine/fetch.h"
#include "engine/fetch-private.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/index.h"
#include "schema/sshsig.h"

#define HEAD_MS 30000
/* an error page that nobody reads */
#define ANSWER_BYTES 65536

/* One request that is waited for. */
struct waiting {
	struct loop *loop;
	struct buf *text;		/* where the bytes go, or */
	struct packscan *scan;		/* through here, to */
	int fd;
	const char *file;
	long status;
	struct err err;
};

static int wait(struct waiting *w, struct err *err)
{
	if (loop_run(w->loop, err) < 0)
		return -1;
	if (w->err.class == ERR_NONE)
		return 0;
	*err = w->err;
	return -1;
}

/* ---- the head ---- */

static void head_done(void *arg, struct http_call *c, long status,
		      const char *body, size_t len, const struct err *err)
{
	struct waiting *w = arg;

	w->status = status;
	if (err)
		w->err = *err;
	else
		buf_add(w->text, body, len);
	loop_stop(w->loop);
}

static int get_head(struct published *p, struct buf *ret, struct err *err)
{
	struct waiting w = { .loop = p->loop, .text = ret };
	char *url = xasprintf("%s/%s/head", p->settings->url,
			      p->settings->name);
	struct http_peer peer;
	struct http_request r = {
		.method = "GET", .url = url, .peer = &peer,
		.headers = p->settings->headers, .total_ms = HEAD_MS,
		.max_bytes = ANSWER_BYTES, .on_done = head_done, .arg = &w,
	};
	struct http_call *call;
	int rc;

	fetch_peer(p->settings, &peer);
	rc = http_send(p->http, &r, &call, err);
	if (rc == 0)
		rc = wait(&w, err);
	if (rc == 0 && w.status != 200)
		rc = fetch_status_err(url, w.status, err);
	free(url);
	return rc;
}

/* Before a publisher's signature is seen, nothing of the text is read. */
static int read_id(const struct buf *raw, const struct trust *publishers,
		   int64_t now, char ret[CHANNEL_ID_SIZE], struct verdict *v,
		   struct err *err)
{
	struct sshkey key;
	struct head head;
	size_t text;

	*v = (struct verdict){ SOURCE_VERIFIED, SOURCE_HEAD_MALFORMED };
	if (head_split(raw->data, raw->len, &text, err) < 0)
		return -1;
	v->reason = SOURCE_SIGNATURE;
	if (sshsig_verify(raw->data + text, raw->len - text, HEAD_NAMESPACE,
			  raw->data, text, &key, NULL, err) < 0)
		return -1;
	v->reason = SOURCE_UNKNOWN_KEY;
	if (!trust_find(publishers, &key, now, err))
		return -1;
	v->reason = SOURCE_HEAD_MALFORMED;
	if (head_parse(raw->data, text, &head, err) < 0)
		return -1;
	memcpy(ret, head.channel_id, CHANNEL_ID_SIZE);
	return 0;
}

static void check_fresh(struct published *p, const struct verified_head *head)
{
	const struct subject what = { .of = "head", .check = "freshness" };
	struct verdict v = { SOURCE_STALE, SOURCE_EXPIRED };
	char expires[CLOCK_TEXT_SIZE];
	struct err err = ERR_INIT;

	clock_format(head->head.expires, expires);
	if (head->expired) {
		err_set(&err, ERR_DENIED, "it was good until %s", expires);
		result_refused(p->results, &what, &v, &err);
	} else {
		result_ok(p->results, &what, "good until %s", expires);
	}
}

static void check_head(struct published *p, const struct buf *raw,
		       const struct trust *publishers)
{
	const struct subject what = { .of = "head", .check = "signature" };
	char id[CHANNEL_ID_SIZE];
	struct verify_rules rules = {
		.channel = p->settings->name, .channel_id = id,
		.publishers = publishers, .now = clock_now(),
	};
	struct verified_head head;
	struct err err = ERR_INIT;
	struct verdict v;

	if (read_id(raw, publishers, rules.now, id, &v, &err) < 0 ||
	    verify_head(raw->data, raw->len, &rules, &head, &v, &err) < 0) {
		result_refused(p->results, &what, &v, &err);
		return;
	}
	result_ok(p->results, &what, "by %s, names bundle %" PRIu64 ".%"
		  PRIu64, head.publisher, head.head.epoch,
		  head.head.sequence);
	check_fresh(p, &head);
	p->head = head.head;
	p->verified = true;
}

/* ---- files that are named by their digest ---- */

static int file_data(void *arg, const char *data, size_t len,
		     struct err *err)
{
	struct waiting *w = arg;

	if (w->text)
		buf_add(w->text, data, len);
	if (w->scan && packscan_feed(w->scan, data, len, err) < 0)
		return -1;
	return w->fd < 0 ? 0 : fs_write_fd(w->fd, w->file, data, len, err);
}

static void file_done(void *arg, const struct err *err)
{
	struct waiting *w = arg;

	if (err)
		w->err = *err;
	loop_stop(w->loop);
}

static int get_file(struct published *p, const struct pack_ref *ref,
		    struct waiting *w, struct err *err)
{
	const struct download_ops ops = { file_data, file_done, w };
	struct download *d;

	w->loop = p->loop;
	if (download_start(p->downloads, p->settings, ref, &ops, &d,
			   err) < 0)
		return -1;
	return wait(w, err);
}

static int check_index(struct published *p, struct pack_index *ret)
{
	const struct subject what = { .of = "index", .check = "digest" };
	struct verdict v = { SOURCE_VERIFIED, SOURCE_PACK };
	struct buf text = BUF_INIT(LIMIT_INDEX_BYTES);
	struct waiting w = { .text = &text, .fd = -1 };
	struct err err = ERR_INIT;
	int rc = get_file(p, &p->head.index, &w, &err);

	if (rc == 0)
		rc = pack_index_parse(text.data, text.len, ret, &err);
	if (rc)
		result_refused(p->results, &what, &v, &err);
	else
		result_ok(p->results, &what, "%zu packs", ret->n);
	buf_release(&text);
	return rc;
}

static void check_approvals(struct published *p)
{
	const struct subject what = { .of = "approvals", .check = "digest" };
	struct verdict v = { SOURCE_VERIFIED, SOURCE_PACK };
	struct waiting w = { .text = &p->approvals, .fd = -1 };
	struct err err = ERR_INIT;

	if (!p->head.has_approvals)
		return;
	if (get_file(p, &p->head.approvals, &w, &err) < 0)
		result_refused(p->results, &what, &v, &err);
	else
		result_ok(p->results, &what, "%" PRIu64 " bytes",
			  p->head.approvals.bytes);
}

/* Fetches a pack and gives it to the cache. */
static int take_pack(struct published *p, const struct pack_ref *ref,
		     struct err *err)
{
	char *file = xasprintf("%s/pack", p->dir);
	char name[CACHE_PACK_NAME_SIZE];
	struct waiting w = { .file = file };
	int rc = -1;

	w.fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w.fd < 0) {
		err_sys(err, "cannot create '%s'", file);
		goto out;
	}
	w.scan = packscan_new(cache_base, &p->cache);
	if (get_file(p, ref, &w, err) == 0 &&
	    packscan_end(w.scan, err) == 0 &&
	    cache_index(&p->cache, file, name, err) == 0)
		rc = 0;
	packscan_free(w.scan);
	close(w.fd);
	unlink(file);
out:
	free(file);
	return rc;
}

static void check_pack(struct published *p, const struct index_entry *e)
{
	char hex[SHA256_HEX_SIZE], of[32];
	const struct subject what = { .of = of, .bundle = e->to,
				      .check = "pack" };
	struct verdict v = { SOURCE_VERIFIED, SOURCE_PACK };
	struct err err = ERR_INIT;

	sha256_hex(&e->pack.digest, hex);
	snprintf(of, sizeof(of), "pack %.10s", hex);
	if (take_pack(p, &e->pack, &err) == 0 &&
	    !tree_at_hand(&p->cache, e->to))
		err_set(&err, ERR_DENIED, "it does not have the tree of "
			"bundle %.12s", e->to);
	if (err.class != ERR_NONE)
		result_refused(p->results, &what, &v, &err);
	else if (e->from[0])
		result_ok(p->results, &what, "%" PRIu64 " bytes, from "
			  "bundle %.12s to %.12s", e->pack.bytes, e->from,
			  e->to);
	else
		result_ok(p->results, &what, "%" PRIu64 " bytes, bundle "
			  "%.12s", e->pack.bytes, e->to);
}

/*
 * Packs in an order in which each finds what it builds on. A delta whose
 * `from` no pack brings is of use to engines that have it, and cannot be
 * looked at here.
 */
static void check_packs(struct published *p, const struct pack_index *ix)
{
	bool *done = xcalloc(ix->n, sizeof(*done));
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < ix->n; i++) {
			const struct index_entry *e = &ix->v[i];

			if (done[i] || (e->from[0] &&
					!tree_at_hand(&p->cache, e->from)))
				continue;
			check_pack(p, e);
			done[i] = more = true;
		}
	}
	for (size_t i = 0; i < ix->n; i++) {
		char hex[SHA256_HEX_SIZE], of[32];
		const struct subject what = { .of = of, .check = "pack",
					      .bundle = ix->v[i].to };

		if (done[i])
			continue;
		sha256_hex(&ix->v[i].pack.digest, hex);
		snprintf(of, sizeof(of), "pack %.10s", hex);
		result_skipped(p->results, &what,
			       "no pack brings the bundle that it begins with");
	}
	free(done);
}

/* ---- all of it ---- */

static int open_all(struct published *p, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *repo;
	int rc;

	p->dir = xasprintf("%s/windlass-verify-XXXXXX",
			   tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(p->dir)) {
		err_sys(err, "cannot make a folder '%s'", p->dir);
		free(p->dir);
		p->dir = NULL;
		return -1;
	}
	repo = xasprintf("%s/repo.git", p->dir);
	rc = cache_setup(err);
	if (rc == 0)
		rc = cache_open(repo, &p->cache, err);
	free(repo);
	if (rc < 0 || loop_new(&p->loop, err) < 0 ||
	    http_new(p->loop, 1, &p->http, err) < 0)
		return -1;
	p->downloads = downloads_new(p->loop, p->http);
	return 0;
}

int published_fetch(struct published *p, const struct source_settings *s,
		    const struct trust *publishers, struct results *f,
		    struct err *err)
{
	struct buf raw = BUF_INIT(ANSWER_BYTES);
	struct pack_index index = PACK_INDEX_INIT;
	int rc = -1;

	p->settings = s;
	p->results = f;
	if (fetch_check(s, err) == 0 && open_all(p, err) == 0)
		rc = get_head(p, &raw, err);
	if (rc == 0)
		check_head(p, &raw, publishers);
	if (p->verified && check_index(p, &index) == 0) {
		check_packs(p, &index);
		check_approvals(p);
	}
	pack_index_release(&index);
	buf_release(&raw);
	/* nothing was looked at yet, so nothing was found wrong */
	if (rc && err->class == ERR_INVALID)
		err->class = ERR_INTERNAL;
	return rc;
}

void published_release(struct published *p)
{
	buf_release(&p->approvals);
	struct err ignored = ERR_INIT;

	downloads_free(p->downloads);
	http_free(p->http);
	loop_free(p->loop);
	if (p->cache.path)
		cache_close(&p->cache);
	if (p->dir)
		fs_remove_tree(p->dir, &ignored);
	free(p->dir);
	*p = (struct published)PUBLISHED_INIT;
}
