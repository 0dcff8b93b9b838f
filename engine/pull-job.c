/*
 * Getting bundles. See pull.h. A job goes through what is wanted, the
 * accepted bundle first: drift repair needs it, and deltas start from it.
 * For each it asks, in this order: is it in the cache, is one delta enough,
 * which packs of the index lead there. Bytes are hashed and scanned while
 * they arrive, and nothing but a pack that passed both reaches the indexer.
 */
#include "config.h"
#include "engine/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/pack-child.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/index.h"
#include "schema/limits.h"

/*
 * A pack with less work than this is indexed here, in some milliseconds; any
 * larger one in a process of its own.
 */
#define INLINE_WORK (32ull * 1024 * 1024)

enum want { WANT_ACCEPTED, WANT_APPLIED, WANT_HEAD, WANT_VOTES, WANTS };

enum phase {
	PHASE_NEXT,		/* choose what to get */
	PHASE_PATH,		/* choose the packs */
	PHASE_PACK,		/* begin with one */
	PHASE_INDEX,		/* it is here: to the indexer */
	PHASE_WAIT,		/* for the network or a pack child */
	PHASE_PIN,		/* verify the tree of a pinned bundle */
	PHASE_CHAIN,		/* judge the head's bundle */
	PHASE_VOTES,		/* and what approvers say about it */
};

struct job {
	struct pull *pull;
	struct job_wants wants;
	/* what is got, as it was when the job began */
	struct source_pin pins[2];	/* accepted, applied */
	struct verified_head head;
	bool has_head;
	enum phase phase;
	struct work work;

	enum want want;			/* what is being got */
	bool begun[WANTS];
	bool tried_cache[WANTS];
	bool fetched;			/* its packs were fetched */
	bool from_nothing;		/* by a base, whatever is known */

	struct download *download;
	struct buf index_text;
	struct pack_index index;
	bool has_index;
	struct pack_ref *path;		/* the packs that lead to it */
	size_t n_path, at;

	int fd;				/* of the pack that arrives */
	char *file;
	struct packscan *scan;
	struct pack_job *packing;
	struct strvec brought;		/* packs that this want brought */

	struct verify_tree *tree;
	struct bundle_commit commit;	/* whose tree that is */
	struct chain *chain;
	struct source_candidate found;	/* by the chain */
	struct buf votes;		/* the approvals text */
};

static void run(void *arg);

struct job *job_new(struct pull *p, const struct job_wants *wants)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->pull = p;
	j->wants = *wants;
	j->pins[WANT_ACCEPTED] = p->accepted;
	j->pins[WANT_APPLIED] = p->applied;
	j->head = p->head;
	j->has_head = p->has_head;
	j->fd = -1;
	buf_init(&j->index_text, LIMIT_INDEX_BYTES);
	buf_init(&j->votes, LIMIT_APPROVALS_BYTES);
	work_init(&j->work, run, j);
	loop_defer(p->child->loop, &j->work);
	return j;
}

static void drop_file(struct job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->file)
		unlink(j->file);
	free(j->file);
	packscan_free(j->scan);
	j->fd = -1;
	j->file = NULL;
	j->scan = NULL;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	loop_undefer(j->pull->child->loop, &j->work);
	download_cancel(j->download);
	pack_job_cancel(j->packing);
	drop_file(j);
	verify_tree_free(j->tree);
	chain_free(j->chain);
	pack_index_release(&j->index);
	strvec_release(&j->brought);
	buf_release(&j->index_text);
	buf_release(&j->votes);
	free(j->path);
	free(j);
}

bool job_is_packing(const struct job *j)
{
	return j && j->packing;
}

static void go_on(struct job *j, enum phase phase)
{
	j->phase = phase;
	loop_defer(j->pull->child->loop, &j->work);
}

/* Ends the job, which is gone afterwards. */
static void fail(struct job *j, const struct verdict *v,
		 const struct err *err)
{
	struct pull *p = j->pull;
	struct err copy = *err;

	pull_refuse(p, v, &copy, true);
	pull_job_ended(p, &copy);
}

static const char *wanted_id(const struct job *j)
{
	return j->want < WANT_HEAD ? j->pins[j->want].bundle
				   : j->head.head.bundle;
}

/* ---- what is next ---- */

static bool is_wanted(const struct job *j)
{
	return j->want == WANT_ACCEPTED ? j->wants.accepted :
	       j->want == WANT_APPLIED ? j->wants.applied :
	       j->want == WANT_HEAD ? j->wants.head : j->wants.votes;
}

static void do_next(struct job *j)
{
	struct pull *p = j->pull;

	for (;; j->want++) {
		if (j->want == WANTS) {
			pull_job_ended(p, NULL);
			return;
		}
		if (!is_wanted(j))
			continue;
		/* a head's bundle is judged even if its tree is known */
		if (j->want == WANT_HEAD || (j->want == WANT_VOTES) ==
					    (pull_known(p, wanted_id(j)) != NULL))
			break;
	}
	if (j->want == WANT_VOTES) {
		go_on(j, PHASE_VOTES);
		return;
	}
	if (!j->begun[j->want]) {
		j->begun[j->want] = true;
		j->fetched = j->from_nothing = false;
		strvec_release(&j->brought);
	}
	if (!j->tried_cache[j->want] && cache_has(&p->cache, wanted_id(j))) {
		j->tried_cache[j->want] = true;
		go_on(j, j->want == WANT_HEAD ? PHASE_CHAIN : PHASE_PIN);
		return;
	}
	if (j->has_head) {
		go_on(j, PHASE_PATH);
		return;
	}
	/* only a good head says what else can be had */
	j->want++;
	go_on(j, PHASE_NEXT);
}

/* ---- which packs ---- */

static void set_path(struct job *j, const struct pack_ref *refs, size_t n)
{
	free(j->path);
	j->path = xmemdup(refs, n * sizeof(*refs));
	j->n_path = n;
	j->at = 0;
	go_on(j, PHASE_PACK);
}

static uint64_t path_bytes(const struct pack_index *ix, const size_t *path,
			   size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ix->v[path[i]].pack.bytes;
	return sum;
}

/* The cheapest path from anything that is known. */
static int find_path(struct job *j, size_t **ret_path, size_t *ret_n,
		     struct err *err)
{
	const char *want = wanted_id(j);
	size_t *best = NULL, best_n = 0;

	if (pack_index_path(&j->index, "", want, &best, &best_n, err) < 0)
		best = NULL;
	for (map_each(&j->pull->known, e)) {
		struct err ignored = ERR_INIT;
		size_t *path, n;

		if (j->from_nothing)
			break;
		if (pack_index_path(&j->index, e->key, want, &path, &n,
				    &ignored) < 0)
			continue;
		if (best && path_bytes(&j->index, path, n) >=
			    path_bytes(&j->index, best, best_n)) {
			free(path);
			continue;
		}
		free(best);
		best = path;
		best_n = n;
	}
	*ret_path = best;
	*ret_n = best_n;
	return best ? 0 : -1;
}

static void no_path(struct job *j, const struct err *why)
{
	struct verdict v = { SOURCE_FETCHED, SOURCE_NO_PATH };

	if (j->want == WANT_HEAD) {
		fail(j, &v, why);
		return;
	}
	/* it can be done without: nothing is pruned then, or the next bundle
	 * is awaited */
	if (j->want == WANT_APPLIED)
		pull_tell_bundle(j->pull, SOURCE_LOST, wanted_id(j));
	j->want++;
	go_on(j, PHASE_NEXT);
}

static void path_from_index(struct job *j)
{
	struct err err = ERR_INIT;
	struct pack_ref *refs;
	size_t *path, n;

	if (find_path(j, &path, &n, &err) < 0) {
		no_path(j, &err);
		return;
	}
	refs = xcalloc(n, sizeof(*refs));
	for (size_t i = 0; i < n; i++)
		refs[i] = j->index.v[path[i]].pack;
	set_path(j, refs, n);
	free(refs);
	free(path);
}

static int index_data(void *arg, const char *data, size_t len,
		      struct err *err)
{
	struct job *j = arg;

	buf_add(&j->index_text, data, len);
	return buf_check(&j->index_text, "the index of packs", err);
}

static void index_done(void *arg, const struct err *failed)
{
	struct verdict unreachable = { SOURCE_FETCHED, SOURCE_UNREACHABLE };
	struct verdict wrong = { SOURCE_VERIFIED, SOURCE_PACK };
	struct job *j = arg;
	struct err err = ERR_INIT;

	j->download = NULL;
	if (failed) {
		err = *failed;
		err_wrap(&err, "the index of packs");
		fail(j, err.class == ERR_DENIED ? &wrong : &unreachable, &err);
		return;
	}
	if (pack_index_parse(j->index_text.data, j->index_text.len, &j->index,
			     &err) < 0) {
		err_wrap(&err, "the index of packs");
		fail(j, &wrong, &err);
		return;
	}
	j->has_index = true;
	go_on(j, PHASE_PATH);
}

/* Begins a download; on failure the job is gone. */
static int begin_download(struct job *j, const struct pack_ref *what,
			  int (*on_data)(void *, const char *, size_t,
					 struct err *),
			  void (*on_done)(void *, const struct err *))
{
	struct download_ops ops = { on_data, on_done, j };
	struct verdict v = { SOURCE_FETCHED, SOURCE_UNREACHABLE };
	struct child *c = j->pull->child;
	struct err err = ERR_INIT;

	j->phase = PHASE_WAIT;
	if (download_start(c->downloads, &j->pull->config.s, what, &ops,
			   &j->download, &err) < 0) {
		fail(j, &v, &err);
		return -1;
	}
	return 0;
}

static void do_path(struct job *j)
{
	const struct head *h = &j->head.head;

	if (j->want == WANT_HEAD && h->has_delta && !j->from_nothing &&
	    pull_known(j->pull, h->delta_from)) {
		set_path(j, &h->delta, 1);
	} else if (j->has_index) {
		path_from_index(j);
	} else {
		begin_download(j, &h->index, index_data, index_done);
	}
}

/* ---- one pack ---- */

static int pack_data(void *arg, const char *data, size_t len,
		     struct err *err)
{
	struct job *j = arg;

	if (packscan_feed(j->scan, data, len, err) < 0)
		return -1;
	return fs_write_fd(j->fd, j->file, data, len, err);
}

static void pack_failed(struct job *j, const struct err *why)
{
	struct verdict v = { SOURCE_FETCHED, SOURCE_UNREACHABLE };
	char hex[SHA256_HEX_SIZE];
	struct err err = *why;

	if (err.class == ERR_DENIED)
		v = (struct verdict){ SOURCE_VERIFIED, SOURCE_PACK };
	else if (err.class == ERR_INTERNAL)
		v = (struct verdict){ SOURCE_FETCHED, SOURCE_STATE_DIR };
	sha256_hex(&j->path[j->at].digest, hex);
	err_wrap(&err, "pack %.12s", hex);
	fail(j, &v, &err);
}

static void pack_done(void *arg, const struct err *failed)
{
	struct job *j = arg;
	struct err err = ERR_INIT;

	j->download = NULL;
	if (failed)
		pack_failed(j, failed);
	else if (packscan_end(j->scan, &err) < 0)
		pack_failed(j, &err);
	else
		go_on(j, PHASE_INDEX);
}

static void do_pack(struct job *j)
{
	const struct pack_ref *ref = &j->path[j->at];
	struct err err = ERR_INIT;
	char *tmp;

	drop_file(j);
	tmp = state_path(&j->pull->state, "tmp");
	j->file = xasprintf("%s/pack", tmp);
	free(tmp);
	j->fd = open(j->file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
		     O_CLOEXEC, 0600);
	if (j->fd < 0) {
		err_sys(&err, "cannot create '%s'", j->file);
		pack_failed(j, &err);
		return;
	}
	j->scan = packscan_new(cache_base, &j->pull->cache);
	begin_download(j, ref, pack_data, pack_done);
}

static void indexed(struct job *j, const char *name)
{
	if (*name)
		strvec_push(&j->brought, name);
	drop_file(j);
	if (++j->at < j->n_path) {
		go_on(j, PHASE_PACK);
		return;
	}
	j->fetched = true;
	go_on(j, j->want == WANT_HEAD ? PHASE_CHAIN : PHASE_PIN);
}

static void packing_done(void *arg, const char *name, const struct err *failed)
{
	struct job *j = arg;
	struct err err = ERR_INIT;

	j->packing = NULL;
	if (failed)
		pack_failed(j, failed);
	else if (cache_refresh(&j->pull->cache, &err) < 0)
		pack_failed(j, &err);
	else
		indexed(j, name);
}

static void do_index(struct job *j)
{
	const struct packscan_stats *stats = packscan_stats(j->scan);
	const char *args[] = { "index", j->pull->cache.path, j->file, NULL };
	char name[CACHE_PACK_NAME_SIZE];
	struct err err = ERR_INIT;

	j->phase = PHASE_WAIT;
	if (stats->work + stats->inflated > INLINE_WORK) {
		if (pack_job_start(j->pull->child->loop, args, packing_done, j,
				   &j->packing, &err) < 0)
			pack_failed(j, &err);
	} else if (cache_index(&j->pull->cache, j->file, name, &err) < 0) {
		pack_failed(j, &err);
	} else {
		indexed(j, name);
	}
}

/* ---- verifying ---- */

/* What came for it was refused: it need not stay. */
static void drop_packs(struct job *j)
{
	for (size_t i = 0; i < j->brought.n; i++)
		cache_drop(&j->pull->cache, j->brought.v[i]);
	strvec_release(&j->brought);
}

/*
 * A pinned bundle that is not as it was when it was accepted, and came from
 * the cache: the cache is damaged, and is made anew. Not so if there is only
 * the applied one's commit, which came with the base of a later bundle.
 */
static void pin_failed(struct job *j, const struct verdict *v,
		       const struct err *why)
{
	struct verdict disk = { SOURCE_FETCHED, SOURCE_STATE_DIR };
	struct err err = *why;

	verify_tree_free(j->tree);
	j->tree = NULL;
	if (j->fetched) {
		drop_packs(j);
		fail(j, v, &err);
	} else if (j->want == WANT_APPLIED && err.class == ERR_TRANSIENT) {
		go_on(j, PHASE_NEXT);
	} else if (pull_reset_cache(j->pull, &err) < 0) {
		fail(j, &disk, &err);
	} else {
		j->want = WANT_ACCEPTED;
		go_on(j, PHASE_NEXT);
	}
}

static const struct bundle_commit *any_known(const struct pull *p)
{
	for (map_each(&p->known, e))
		return &((struct known *)e->value)->commit;
	return NULL;
}

static void do_pin(struct job *j, int64_t deadline)
{
	struct pull *p = j->pull;
	const struct source_pin *pin = &j->pins[j->want];
	struct verify_rules rules;
	struct verdict v;
	struct err err = ERR_INIT;
	int rc;

	pull_rules(p, &rules);
	if (!j->tree) {
		if (verify_pinned(&p->cache, &rules, pin, &j->commit, &v,
				  &err) < 0) {
			pin_failed(j, &v, &err);
			return;
		}
		j->tree = verify_tree_new(&p->cache, rules.channel, &j->commit,
					  any_known(p), true);
	}
	rc = verify_tree_step(j->tree, deadline, &v, &err);
	if (rc < 0) {
		pin_failed(j, &v, &err);
		return;
	}
	if (rc == 0) {
		verify_tree_free(j->tree);
		j->tree = NULL;
		pull_add_known(p, pin->bundle, &j->commit);
		j->want++;
		go_on(j, PHASE_NEXT);
		return;
	}
	go_on(j, PHASE_PIN);
}

static void chain_failed(struct job *j, const struct verdict *v,
			 const struct err *why)
{
	struct verdict disk = { SOURCE_FETCHED, SOURCE_STATE_DIR };
	struct err err = *why;

	chain_free(j->chain);
	j->chain = NULL;
	if (err.class == ERR_TRANSIENT && j->has_head &&
	    !(j->fetched && j->from_nothing)) {
		/* some of it is at hand, not all: get the packs; and if those
		 * that build on what is known are not enough, a base */
		j->from_nothing = j->fetched;
		go_on(j, PHASE_PATH);
		return;
	}
	if (err.class == ERR_DENIED) {
		drop_packs(j);
		memcpy(j->pull->refused, j->head.head.bundle, GIT_HEX_SIZE);
	}
	/* the next try begins with an empty cache */
	if (err.class == ERR_INTERNAL && pull_reset_cache(j->pull, &err) < 0)
		fail(j, &disk, &err);
	else
		fail(j, v, why);
}

static void tell_candidate(struct job *j)
{
	struct source_candidate *c = &j->found;
	struct buf b = BUF_INIT(65536);
	struct pull *p = j->pull;

	c->serial = p->config.s.serial;
	source_put_candidate(&b, c);
	ipc_send(p->child->ipc, SOURCE_CANDIDATE, p->handle, &b);
	memcpy(p->candidate, c->pin.bundle, GIT_HEX_SIZE);
	buf_release(&b);
}

/*
 * If another bundle was accepted meanwhile this one must be judged against
 * that: what is planned next comes back to it.
 */
static bool is_still_next(const struct job *j)
{
	return !strcmp(j->pins[WANT_ACCEPTED].bundle,
		       j->pull->accepted.bundle) &&
	       !strcmp(j->pins[WANT_APPLIED].bundle, j->pull->applied.bundle);
}

static void end_candidate(struct job *j, const char *votes, size_t len)
{
	struct pull *p = j->pull;

	if (is_still_next(j)) {
		votes_judge(p, j->head.head.bundle, votes, len,
			    &j->found.votes);
		/* a head that came meanwhile may name others */
		p->votes_due = !head_same_approvals(&j->head.head,
						    &p->head.head);
		if (j->want == WANT_HEAD)
			tell_candidate(j);
	}
	j->want++;
	go_on(j, PHASE_NEXT);
}

static int votes_data(void *arg, const char *data, size_t len,
		      struct err *err)
{
	struct job *j = arg;

	buf_add(&j->votes, data, len);
	return buf_check(&j->votes, "the approvals", err);
}

/* The bundle is told, so that who waits for it hears why it waits, and they
 * are asked for again. */
static void no_votes(struct job *j, const struct err *why)
{
	struct verdict v = { SOURCE_FETCHED, SOURCE_UNREACHABLE };
	struct source_votes *votes = &j->found.votes;

	votes_judge(j->pull, j->head.head.bundle, NULL, 0, votes);
	snprintf(votes->problem, sizeof(votes->problem), "%.255s", why->msg);
	votes->unread = true;
	if (is_still_next(j))
		tell_candidate(j);
	j->pull->votes_due = true;
	fail(j, &v, why);
}

static void votes_done(void *arg, const struct err *failed)
{
	struct job *j = arg;
	struct err err = ERR_INIT;

	j->download = NULL;
	if (failed && j->want == WANT_VOTES) {
		/* nothing waits for them; the next head that comes asks */
		j->want++;
		go_on(j, PHASE_NEXT);
	} else if (failed) {
		err = *failed;
		err_wrap(&err, "the approvals");
		no_votes(j, &err);
	} else {
		end_candidate(j, j->votes.data, j->votes.len);
	}
}

static void do_votes(struct job *j)
{
	const struct head *h = &j->head.head;

	if (j->pull->approvers.n && h->has_approvals)
		begin_download(j, &h->approvals, votes_data, votes_done);
	else
		end_candidate(j, NULL, 0);
}

static void do_chain(struct job *j, int64_t deadline)
{
	struct verdict v;
	struct err err = ERR_INIT;
	int rc;

	if (!j->chain)
		j->chain = chain_new(j->pull, &j->head);
	rc = chain_step(j->chain, deadline, &j->found, &v, &err);
	if (rc < 0) {
		chain_failed(j, &v, &err);
		return;
	}
	if (rc == 0) {
		chain_free(j->chain);
		j->chain = NULL;
		go_on(j, PHASE_VOTES);
		return;
	}
	go_on(j, PHASE_CHAIN);
}

static void run(void *arg)
{
	struct job *j = arg;
	int64_t deadline = clock_mono_ms() + PULL_SLICE_MS;

	alarm(PULL_STUCK_S);
	switch (j->phase) {
	case PHASE_NEXT:
		do_next(j);
		break;
	case PHASE_PATH:
		do_path(j);
		break;
	case PHASE_PACK:
		do_pack(j);
		break;
	case PHASE_INDEX:
		do_index(j);
		break;
	case PHASE_PIN:
		do_pin(j, deadline);
		break;
	case PHASE_CHAIN:
		do_chain(j, deadline);
		break;
	case PHASE_VOTES:
		do_votes(j);
		break;
	case PHASE_WAIT:
		break;
	}
	alarm(0);
}
