/*
 * What clusters said last. See live.h. It is read where serve keeps what it
 * verified; a pusher with a user of its own may not read there, and then the
 * record in the repository, which only windlass writes, says the same a
 * moment later. Texts in it are a cluster's: they go out through feedback.h
 * and are cut, and so is their number.
 */
#include "config.h"
#include "hooks/live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/cluster-status.h"

#define CLUSTERS_TOLD 20
/* of each cluster */
#define FAILURES_TOLD 10
/* of a failure or a message */
#define TEXT_BYTES 400
/* three of those that an engine makes with nothing new */
#define SILENT_SECONDS (30 * 60)
/* kept free for what comes after */
#define RESERVED_BYTES (8u * 1024)

struct cluster_live {
	const char *name;
	enum { LIVE_SILENT, LIVE_UNREADABLE, LIVE_READ } state;
	struct cluster_report report;	/* of LIVE_READ */
	struct err err;			/* of LIVE_UNREADABLE */
};

struct live {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	const struct current *current;
	const struct plan *plan;
	struct feedback *fb;
	struct strvec names;
	struct cluster_live *v;
	/* what the plan does with objects by their names; made when asked */
	struct map ops;
	bool has_ops;
};

/* ---- reading ---- */

/* Who may report; where that is not ours to read, who has. */
static int find_names(struct live *l, struct err *err)
{
	struct trust t = TRUST_INIT;
	struct err unread = ERR_INIT;

	if (trust_read_reporters(l->ch, NULL, &t, &unread) == 0) {
		for (size_t i = 0; i < t.n; i++)
			if (!strvec_has(&l->names, t.v[i].principal))
				strvec_push(&l->names, t.v[i].principal);
		trust_release(&t);
		strvec_sort(&l->names);
		return 0;
	}
	return cluster_status_clusters(l->repo, l->ch->name, &l->names, err);
}

static void read_one(const struct live *l, struct cluster_live *c)
{
	struct err unread = ERR_INIT;
	int rc = kept_report_read(l->host, l->ch, c->name, NULL, &c->report,
				  &unread);

	if (rc) {
		rc = cluster_status_find(l->repo, l->ch->name, c->name,
					 &c->report, &c->err);
		/* the channel was made anew since */
		if (!rc && strcmp(c->report.channel_id, l->ch->id)) {
			cluster_report_release(&c->report);
			rc = 1;
		}
	}
	c->state = rc < 0 ? LIVE_UNREADABLE : rc ? LIVE_SILENT : LIVE_READ;
}

/* ---- what the plan does with it ---- */

static enum plan_op op_of(struct live *l, const char *object)
{
	const struct plan_item *item;

	for (size_t i = 0; !l->has_ops && i < l->plan->n; i++) {
		struct buf name = BUF_INIT(LIMIT_PATH_BYTES);

		object_describe(&l->plan->v[i].id, &name);
		map_put(&l->ops, name.data, &l->plan->v[i]);
		buf_release(&name);
	}
	l->has_ops = true;
	item = map_get(&l->ops, object);
	return item ? item->op : 0;
}

static const char *op_text(enum plan_op op)
{
	switch (op) {
	case PLAN_CREATE:
		return "this creates it";
	case PLAN_CHANGE:
		return "this changes it";
	case PLAN_DELETE:
		return "this deletes it";
	}
	return NULL;
}

/* ---- lines ---- */

static bool has_room(const struct live *l)
{
	return !l->fb->closed &&
	       l->fb->written + RESERVED_BYTES <= LIMIT_FEEDBACK_BYTES;
}

static void tell_text(struct live *l, const char *text)
{
	feedback_line(l->fb, "windlass:   %.*s%s", TEXT_BYTES, text,
		      strlen(text) > TEXT_BYTES ? "..." : "");
}

static void tell_failures(struct live *l, const struct cluster_report *r)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);
	size_t told = 0;

	for (; told < r->n_failures && told < FAILURES_TOLD && has_room(l);
	     told++) {
		const struct cluster_failure *f = &r->failures[told];
		const char *what = op_text(op_of(l, f->object));

		buf_reset(&line);
		cluster_failure_line(f, &line);
		tell_text(l, line.data);
		if (what)
			feedback_line(l->fb, "windlass:     %s", what);
	}
	if (r->failed > told && told)
		feedback_line(l->fb, "windlass:   and %" PRIu64 " more",
			      r->failed - told);
	buf_release(&line);
}

/* "1.41 of 0123456789ab", by its source where that is known. */
static void add_bundle(const struct live *l, uint64_t epoch, uint64_t sequence,
		       const char *id, struct buf *out)
{
	struct current c = CURRENT_INIT;
	struct err gone = ERR_INIT;

	buf_addf(out, "%" PRIu64 ".%" PRIu64, epoch, sequence);
	if (current_read_id(l->repo, l->ch, id, &c, &gone) == 0)
		buf_addf(out, " of %.12s", c.commit.bundle.source_commit);
}

/* What is live where that is another bundle, or was before this one came. */
static void add_applied(const struct live *l, const struct cluster_report *r,
			struct buf *out)
{
	bool taken = r->phase == CLUSTER_APPLYING ||
		     r->phase == CLUSTER_HEALTHY || r->phase == CLUSTER_FAILED;

	if (!*r->applied_bundle) {
		buf_adds(out, taken ? ", nothing was live before" :
				      ", nothing is live");
	} else if (strcmp(r->applied_bundle, r->bundle)) {
		buf_adds(out, taken ? ", before it " : ", live is ");
		add_bundle(l, r->applied_epoch, r->applied_sequence,
			   r->applied_bundle, out);
	}
}

static void add_count(struct buf *out, uint64_t n, const char *what)
{
	if (n)
		buf_addf(out, ", %" PRIu64 " %s", n, what);
}

static void add_objects(const struct cluster_report *r, struct buf *out)
{
	if (r->ready == r->total)
		buf_addf(out, ", %" PRIu64 " object%s ready", r->total,
			 plural(r->total));
	else
		buf_addf(out, ", %" PRIu64 " of %" PRIu64 " objects ready",
			 r->ready, r->total);
	add_count(out, r->failed, "failing");
	add_count(out, r->drifted, "drifted");
	add_count(out, r->fighting, "fought over");
}

/* What was published and is not the bundle that it told of. */
static bool is_behind(const struct live *l, const struct cluster_report *r)
{
	return *l->current->id && strcmp(r->bundle, l->current->id);
}

static bool is_silent(const struct cluster_report *r)
{
	return clock_now() - r->issued > SILENT_SECONDS;
}

static bool is_well(const struct live *l, const struct cluster_live *c)
{
	const struct cluster_report *r = &c->report;

	return c->state == LIVE_READ && r->phase == CLUSTER_HEALTHY &&
	       !r->stale && !r->drifted && !r->fighting &&
	       !is_behind(l, r) && !is_silent(r);
}

static void tell_report(struct live *l, const struct cluster_live *c)
{
	const struct cluster_report *r = &c->report;
	const struct bundle *newest = &l->current->commit.bundle;
	struct buf line = BUF_INIT(2048);
	char when[CLOCK_TEXT_SIZE];

	clock_format(r->since, when);
	buf_addf(&line, "%s since %s: ", cluster_phase_name(r->phase), when);
	add_bundle(l, r->epoch, r->sequence, r->bundle, &line);
	add_applied(l, r, &line);
	add_objects(r, &line);
	if (is_behind(l, r))
		buf_addf(&line, ", %" PRIu64 ".%" PRIu64 " is published",
			 newest->epoch, newest->sequence);
	if (r->stale)
		buf_adds(&line, ", stale");
	clock_format(r->issued, when);
	if (is_silent(r))
		buf_addf(&line, ", last heard %s", when);
	feedback_line(l->fb, "windlass: %s@%s: %s", l->ch->name, c->name,
		      line.data);
	if (r->phase != CLUSTER_HEALTHY) {
		buf_reset(&line);
		buf_addf(&line, "%s%s%s", r->reason, *r->message ? ": " : "",
			 r->message);
		tell_text(l, line.data);
	}
	buf_release(&line);
	tell_failures(l, r);
}

static void tell_cluster(struct live *l, const struct cluster_live *c)
{
	switch (c->state) {
	case LIVE_READ:
		tell_report(l, c);
		break;
	case LIVE_SILENT:
		feedback_line(l->fb, "windlass: %s@%s: has reported nothing",
			      l->ch->name, c->name);
		break;
	case LIVE_UNREADABLE:
		feedback_line(l->fb, "windlass: %s@%s: its report cannot be "
			      "read: %s", l->ch->name, c->name, c->err.msg);
		break;
	}
}

static void tell_all(struct live *l)
{
	size_t n = l->names.n, told = 0, well = 0, left = 0;

	/* those that are not well first */
	for (size_t i = 0; i < 2 * n; i++) {
		const struct cluster_live *c = &l->v[i % n];
		bool good = is_well(l, c);

		if (good != (i >= n))
			continue;
		if (told < CLUSTERS_TOLD && has_room(l)) {
			tell_cluster(l, c);
			told++;
		} else {
			left++;
			well += good;
		}
	}
	if (left)
		feedback_line(l->fb, "windlass: %s: and %zu more cluster%s, "
			      "%zu of them healthy", l->ch->name, left,
			      plural(left), well);
}

void live_tell(git_repository *repo, const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       const struct plan *plan, struct feedback *fb)
{
	struct live l = {
		.repo = repo, .host = host, .ch = ch, .current = current,
		.plan = plan, .fb = fb,
	};
	struct err err = ERR_INIT;

	if (!ch->reporters)
		return;
	if (find_names(&l, &err) < 0)
		feedback_line(fb, "windlass: %s: cannot tell what is live: %s",
			      ch->name, err.msg);
	l.v = xcalloc(l.names.n + 1, sizeof(*l.v));
	for (size_t i = 0; i < l.names.n; i++) {
		l.v[i].name = l.names.v[i];
		read_one(&l, &l.v[i]);
	}
	tell_all(&l);
	for (size_t i = 0; i < l.names.n; i++)
		if (l.v[i].state == LIVE_READ)
			cluster_report_release(&l.v[i].report);
	free(l.v);
	map_release(&l.ops, NULL);
	strvec_release(&l.names);
}
