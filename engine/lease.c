/*
 * A Lease, taken and kept. See lease.h. One request at a time; each is sent
 * with the resourceVersion last seen, so of two that want the lease one gets
 * a 409. Written by merge patch, so that what others put into the object
 * stays.
 */
#include "config.h"
#include "engine/lease.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* less than the 5 s between our last write and another one's first */
#define CALL_MS 4000
#define RELEASE_MS 5000

struct lease {
	struct kube *kube;
	char *namespace, *name, *identity;
	int64_t lease_ms, renew_ms, retry_ms;
	void (*on_lead)(void *arg);
	void (*on_lost)(void *arg);
	void *arg;

	struct kube_call *call;
	struct timer next;		/* the next try */
	struct timer deadline;		/* leading ends unless renewed */
	bool leading;
	int64_t sent;			/* clock_mono_ms() of this request */
	int64_t renewed;		/* of the last one that renewed */

	/* the record as it was last seen; version "": there is none */
	char *version;
	char *record;			/* its spec, for comparing */
	char *holder;
	char *acquired;			/* acquireTime, as text */
	int64_t transitions;
	int64_t changed;		/* clock_mono_ms(): it was different */
	int64_t held_ms;		/* its own duration */

	bool giving;			/* that request is under way */
	void (*released)(void *arg);	/* set: we go */
	void *released_arg;
	struct timer release_timer;
};

static void try_now(void *arg);

static void replace(char **p, const char *s)
{
	char *copy = xstrdup(s ? s : "");

	free(*p);
	*p = copy;
}

bool lease_can_write(const struct lease *l)
{
	return l->leading && !l->released &&
	       clock_mono_ms() - l->renewed < l->renew_ms;
}

static bool may_write(void *arg)
{
	return lease_can_write(arg);
}

const char *lease_holder(const struct lease *l)
{
	return l->holder;
}

/* ---- leading ---- */

static void lost(struct lease *l)
{
	if (!l->leading)
		return;
	l->leading = false;
	timer_stop(&l->deadline);
	l->on_lost(l->arg);
}

static void on_deadline(void *arg)
{
	lost(arg);
}

static void renewed(struct lease *l)
{
	bool is_new = !l->leading;

	l->leading = true;
	l->renewed = l->sent;
	timer_set(&l->deadline, l->renewed + l->renew_ms - clock_mono_ms());
	timer_set(&l->next, l->retry_ms);
	if (is_new)
		l->on_lead(l->arg);
}

/* A candidate tries in 1 to 2.2 times the retry period, as client-go. */
static void wait_turn(struct lease *l)
{
	int64_t more = l->leading ? 0 : randombytes_uniform(
		(uint32_t)(l->retry_ms * 12 / 10) + 1);

	timer_set(&l->next, l->retry_ms + more);
}

/* ---- the record ---- */

/* RFC 3339 with microseconds: metav1.MicroTime */
static void format_now(char out[40])
{
	struct timespec ts;
	char text[CLOCK_TEXT_SIZE];

	clock_gettime(CLOCK_REALTIME, &ts);
	clock_format(ts.tv_sec, text);
	snprintf(out, 40, "%.19s.%06ldZ", text, ts.tv_nsec / 1000);
}

static void remember(struct lease *l, const struct node *object)
{
	const struct node *spec = node_get(object, "spec");
	struct buf text = BUF_INIT(64 * 1024);

	if (spec)
		json_write_compact(spec, &text);
	replace(&l->version, node_path_str(object, "metadata",
					   "resourceVersion", NULL));
	if (l->record && !strcmp(l->record, text.data)) {
		buf_release(&text);
		return;
	}
	free(l->record);
	l->record = buf_detach(&text, NULL);
	l->changed = clock_mono_ms();
	l->held_ms = node_path_int(spec, 0, "leaseDurationSeconds", NULL) *
		     1000;
	l->transitions = node_path_int(spec, 0, "leaseTransitions", NULL);
	replace(&l->holder, node_path_str(spec, "holderIdentity", NULL));
	replace(&l->acquired, node_path_str(spec, "acquireTime", NULL));
}

static void put_str(struct arena *a, struct node *map, const char *key,
		    const char *value)
{
	node_set(a, map, key, node_str(a, value));
}

/* What we want it to be. holder "": nobody's. */
static void write_record(const struct lease *l, const char *holder,
			 struct buf *out)
{
	bool keep = !strcmp(l->holder, l->identity) && *l->acquired;
	bool ours = *holder != '\0';
	struct arena a = ARENA_INIT;
	struct node *root = node_map(&a), *meta = node_map(&a);
	struct node *spec = node_map(&a);
	char now[40];

	format_now(now);
	put_str(&a, root, "apiVersion", "coordination.k8s.io/v1");
	put_str(&a, root, "kind", "Lease");
	put_str(&a, meta, "name", l->name);
	put_str(&a, meta, "namespace", l->namespace);
	if (*l->version)
		put_str(&a, meta, "resourceVersion", l->version);
	put_str(&a, spec, "holderIdentity", holder);
	node_set(&a, spec, "leaseDurationSeconds",
		 node_int(&a, ours ? l->lease_ms / 1000 : 1));
	put_str(&a, spec, "acquireTime", keep && ours ? l->acquired : now);
	put_str(&a, spec, "renewTime", now);
	node_set(&a, spec, "leaseTransitions",
		 node_int(&a, l->transitions + (!keep && *l->version)));
	node_set(&a, root, "metadata", meta);
	node_set(&a, root, "spec", spec);
	json_write_compact(root, out);
	arena_release(&a);
}

/* ---- requests ---- */

static int send_lease(struct lease *l, const char *method, const char *holder,
		      void (*done)(void *arg, const struct kube_answer *a))
{
	bool creates = !strcmp(method, "POST");
	struct buf body = BUF_INIT(64 * 1024);
	struct err err = ERR_INIT;
	struct kube_request r = {
		.method = method,
		.target = { .group = "coordination.k8s.io", .version = "v1",
			    .plural = "leases", .namespace = l->namespace,
			    .name = creates ? NULL : l->name },
		.query = holder ? "fieldManager=windlassd" : NULL,
		.content_type = creates ? KUBE_JSON : KUBE_MERGE_PATCH,
		.any_time = true,
		.total_ms = CALL_MS, .on_done = done, .arg = l,
	};
	int rc;

	if (holder)
		write_record(l, holder, &body);
	r.body = body.data;
	r.body_len = body.len;
	l->sent = clock_mono_ms();
	rc = kube_send(l->kube, &r, &l->call, &err);
	buf_release(&body);
	if (rc < 0)
		wait_turn(l);
	return rc;
}

static bool read_answer(struct lease *l, const struct kube_answer *a)
{
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;
	bool good = !a->err &&
		    kube_answer_object(a, &arena, &object, &err) == 0;

	if (good)
		remember(l, object);
	arena_release(&arena);
	return good;
}

static void on_written(void *arg, const struct kube_answer *a)
{
	struct lease *l = arg;

	bool good = read_answer(l, a);

	l->call = NULL;
	if (l->released) {
		timer_set(&l->release_timer, 0);
		return;
	}
	if (good) {
		renewed(l);
		return;
	}
	/* somebody was quicker, or we cannot know: look, at once if the API
	 * server said no */
	replace(&l->version, NULL);
	if (a->code == 409 || a->code == 404)
		timer_set(&l->next, 0);
	else
		wait_turn(l);
}

static bool is_held_by_another(const struct lease *l)
{
	return *l->holder && strcmp(l->holder, l->identity) &&
	       clock_mono_ms() - l->changed < l->held_ms;
}

static void on_read(void *arg, const struct kube_answer *a)
{
	struct lease *l = arg;

	l->call = NULL;
	if (l->released) {
		timer_set(&l->release_timer, 0);
		return;
	}
	if (a->status->why == KUBE_NOT_FOUND) {
		replace(&l->version, NULL);
		replace(&l->holder, NULL);
		send_lease(l, "POST", l->identity, on_written);
		return;
	}
	if (!read_answer(l, a)) {
		wait_turn(l);
		return;
	}
	if (strcmp(l->holder, l->identity))
		lost(l);
	if (is_held_by_another(l))
		wait_turn(l);
	else
		send_lease(l, "PATCH", l->identity, on_written);
}

static void try_now(void *arg)
{
	struct lease *l = arg;

	if (l->call)
		return;
	if (l->leading && *l->version)
		send_lease(l, "PATCH", l->identity, on_written);
	else
		send_lease(l, "GET", NULL, on_read);
}

/* ---- giving it back ---- */

static void end_release(struct lease *l)
{
	timer_stop(&l->release_timer);
	kube_cancel(l->call);
	l->call = NULL;
	l->leading = false;
	l->released(l->released_arg);
}

static void on_released(void *arg, const struct kube_answer *a)
{
	struct lease *l = arg;

	l->call = NULL;
	end_release(l);
}

/* Time is up, or a request that ran is done: what it wrote is known. */
static void on_release_timer(void *arg)
{
	struct lease *l = arg;

	if (!l->call && !l->giving && l->leading && *l->version) {
		l->giving = true;
		timer_set(&l->release_timer, RELEASE_MS);
		if (send_lease(l, "PATCH", "", on_released) == 0)
			return;
		timer_stop(&l->next);
	}
	end_release(l);
}

void lease_release(struct lease *l, void (*done)(void *arg), void *arg)
{
	l->released = done;
	l->released_arg = arg;
	timer_stop(&l->next);
	timer_stop(&l->deadline);
	timer_set(&l->release_timer, l->call ? RELEASE_MS : 0);
}

/* ---- life ---- */

int lease_new(struct kube *k, const struct lease_options *o,
	      struct lease **ret, struct err *err)
{
	int64_t lease = o->lease_s ? o->lease_s : 15;
	int64_t renew = o->renew_s ? o->renew_s : 10;
	int64_t retry = o->retry_s ? o->retry_s : 2;
	struct lease *l;

	if (lease <= renew || renew * 10 <= retry * 12 || retry < 1)
		return err_set(err, ERR_INVALID, "a lease of %lld s, renewed "
			       "within %lld s, tried every %lld s: each must "
			       "be clearly longer than the next",
			       (long long)lease, (long long)renew,
			       (long long)retry);
	l = xcalloc(1, sizeof(*l));
	l->kube = k;
	l->namespace = xstrdup(o->namespace);
	l->name = xstrdup(o->name);
	l->identity = xstrdup(o->identity);
	l->lease_ms = lease * 1000;
	l->renew_ms = renew * 1000;
	l->retry_ms = retry * 1000;
	l->on_lead = o->on_lead;
	l->on_lost = o->on_lost;
	l->arg = o->arg;
	replace(&l->version, NULL);
	replace(&l->holder, NULL);
	replace(&l->acquired, NULL);
	timer_init(&l->next, kube_loop(k), try_now, l);
	timer_init(&l->deadline, kube_loop(k), on_deadline, l);
	timer_init(&l->release_timer, kube_loop(k), on_release_timer, l);
	kube_set_permit(k, may_write, l);
	timer_set(&l->next, 0);
	*ret = l;
	return 0;
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	kube_cancel(l->call);
	timer_stop(&l->next);
	timer_stop(&l->deadline);
	timer_stop(&l->release_timer);
	kube_set_permit(l->kube, NULL, NULL);
	free(l->namespace);
	free(l->name);
	free(l->identity);
	free(l->version);
	free(l->record);
	free(l->holder);
	free(l->acquired);
	free(l);
}
