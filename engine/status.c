/*
 * Channel status as data. See status.h. What is read back decides about
 * rollback protection, so ids and numbers are checked as strictly as if they
 * came from a stranger; anybody with RBAC on channels/status may have
 * written them.
 */
#include "config.h"
#include "engine/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/mem.h"

static const char *const names[CONDITIONS] = {
	[CONDITION_READY] = "Ready",
	[CONDITION_FETCHED] = "Fetched",
	[CONDITION_VERIFIED] = "Verified",
	[CONDITION_APPLIED] = "Applied",
	[CONDITION_HEALTHY] = "Healthy",
	[CONDITION_STALE] = "Stale",
	[CONDITION_FORKED] = "Forked",
	[CONDITION_CLOCK] = "Clock",
	[CONDITION_PRUNE_BLOCKED] = "PruneBlocked",
	[CONDITION_DRIFTED] = "Drifted",
	[CONDITION_SUSPENDED] = "Suspended",
};

static const char *const status_names[] = { "Unknown", "True", "False" };

static const char *const action_names[DRIFT_ACTIONS] = {
	[DRIFT_CORRECTED] = "Corrected",
	[DRIFT_REPORTED] = "Reported",
	[DRIFT_PUT_OFF] = "PutOff",
};

const char *condition_name(enum condition_type type)
{
	return names[type];
}

void status_clear_failures(struct channel_status *s)
{
	for (size_t i = 0; i < s->n_failures; i++) {
		free(s->failures[i].object);
		free(s->failures[i].source);
		free(s->failures[i].reason);
		free(s->failures[i].message);
	}
	s->n_failures = 0;
}

void status_clear_leftovers(struct channel_status *s)
{
	for (size_t i = 0; i < s->n_leftovers; i++)
		free(s->leftovers[i]);
	s->n_leftovers = 0;
}

static void drift_release(struct drift_record *d)
{
	free(d->object);
	free(d->manager);
	strvec_release(&d->fields);
}

void channel_status_release(struct channel_status *s)
{
	status_clear_failures(s);
	status_clear_leftovers(s);
	for (size_t i = 0; i < s->n_drifts; i++)
		drift_release(&s->drifts[i]);
	consents_release(&s->consents);
	free(s->rejects);
	*s = (struct channel_status){ 0 };
}

const char *status_rejected_by(const struct channel_status *s,
			       const char *bundle)
{
	for (size_t i = 0; i < s->n_rejects; i++)
		if (!strcmp(s->rejects[i].bundle, bundle))
			return s->rejects[i].principal;
	return NULL;
}

void status_add_reject(struct channel_status *s,
		       const struct status_reject *r)
{
	if (status_rejected_by(s, r->bundle))
		return;
	if (s->n_rejects == STATUS_REJECTS)
		memmove(s->rejects, s->rejects + 1,
			--s->n_rejects * sizeof(*s->rejects));
	s->rejects = xreallocarray(s->rejects, s->n_rejects + 1,
				   sizeof(*s->rejects));
	s->rejects[s->n_rejects++] = *r;
}

bool condition_set(struct channel_status *s, enum condition_type type,
		   enum condition_status status, int64_t now,
		   const char *reason, const char *fmt, ...)
{
	struct condition *c = &s->conditions[type];
	struct condition next = { .status = status, .since = c->since };
	va_list ap;

	snprintf(next.reason, sizeof(next.reason), "%s", reason);
	va_start(ap, fmt);
	vsnprintf(next.message, sizeof(next.message), fmt, ap);
	va_end(ap);
	if (c->status != status || c->since == 0)
		next.since = now;
	if (c->status == next.status && c->since == next.since &&
	    !strcmp(c->reason, next.reason) &&
	    !strcmp(c->message, next.message))
		return false;
	*c = next;
	return true;
}

void status_add_failure(struct channel_status *s, const char *object,
			const char *source, const char *reason,
			const char *message)
{
	if (s->n_failures == STATUS_FAILURES)
		return;
	s->failures[s->n_failures++] = (struct failure){
		.object = xstrdup(object),
		.source = xstrdup(source),
		.reason = xstrdup(reason),
		.message = xstrdup(message),
	};
}

void status_add_leftover(struct channel_status *s, const char *object)
{
	if (s->n_leftovers < STATUS_LEFTOVERS)
		s->leftovers[s->n_leftovers++] = xstrdup(object);
}

static bool same_drift(const struct drift_record *a,
		       const struct drift_record *b)
{
	if (a->action != b->action || strcmp(a->object, b->object) ||
	    strcmp(a->manager ? a->manager : "", b->manager ? b->manager : "") ||
	    a->fields.n != b->fields.n)
		return false;
	for (size_t i = 0; i < a->fields.n; i++)
		if (strcmp(a->fields.v[i], b->fields.v[i]))
			return false;
	return true;
}

static struct drift_record drift_copy(const struct drift_record *d)
{
	struct drift_record out = {
		.object = xstrdup(d->object),
		.manager = d->manager ? xstrdup(d->manager) : NULL,
		.at = d->at, .times = d->times, .action = d->action,
	};

	for (size_t i = 0; i < d->fields.n && i < STATUS_DRIFT_FIELDS; i++)
		strvec_push(&out.fields, d->fields.v[i]);
	return out;
}

void status_add_drift(struct channel_status *s, const struct drift_record *d)
{
	struct drift_record first = drift_copy(d);
	size_t i = 0;

	while (i < s->n_drifts && !same_drift(&s->drifts[i], d))
		i++;
	if (i < s->n_drifts)
		first.times += s->drifts[i].times;
	else if (i == STATUS_DRIFTS)
		i--;
	if (i == s->n_drifts)
		s->n_drifts++;
	else
		drift_release(&s->drifts[i]);
	memmove(s->drifts + 1, s->drifts, i * sizeof(*s->drifts));
	s->drifts[0] = first;
}

/* ---- writing ---- */

static struct node *time_node(struct arena *a, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(t, text);
	return node_str(a, text);
}

static struct node *write_bundle(struct arena *a,
				 const struct status_bundle *b,
				 const char *time_field)
{
	struct node *n;
	char hex[SHA256_HEX_SIZE];

	if (!b->bundle[0])
		return node_null(a);
	n = node_map(a);
	sha256_hex(&b->content, hex);
	node_set(a, n, "epoch", node_int(a, (int64_t)b->epoch));
	node_set(a, n, "sequence", node_int(a, (int64_t)b->sequence));
	node_set(a, n, "bundle", node_str(a, b->bundle));
	node_set(a, n, "content", node_str(a, hex));
	node_set(a, n, "sourceCommit", b->source_commit[0] ?
		 node_str(a, b->source_commit) : node_null(a));
	node_set(a, n, time_field, time_node(a, b->at));
	return n;
}

/* With the bundle that it is said of: an engine that knows nothing of it, and
 * writes the rest, leaves it as it was. */
static struct node *write_counted(struct arena *a,
				  const struct status_bundle *b)
{
	struct node *n;

	if (!b->counted_from)
		return node_null(a);
	n = node_map(a);
	node_set(a, n, "from", node_int(a, (int64_t)b->counted_from));
	node_set(a, n, "bundle", node_str(a, b->bundle));
	return n;
}

static struct node *write_accepted(struct arena *a,
				   const struct channel_status *s)
{
	struct node *n = write_bundle(a, &s->accepted, "headIssued");

	if (n->type != NODE_MAP)
		return n;
	node_set(a, n, "approvals", consents_write(&s->consents, a));
	node_set(a, n, "counted", write_counted(a, &s->accepted));
	return n;
}

bool status_was_counted(const struct channel_status *s)
{
	const struct status_bundle *to = &s->accepted, *from = &s->applied;

	return from->bundle[0] && from->epoch == to->epoch &&
	       to->counted_from && from->sequence >= to->counted_from &&
	       from->sequence <= to->sequence;
}

/* Only what is later than the accepted bundle can still come. */
static bool may_come(const struct status_reject *r,
		     const struct status_bundle *accepted)
{
	return !accepted->bundle[0] || r->epoch > accepted->epoch ||
	       (r->epoch == accepted->epoch &&
		r->sequence > accepted->sequence);
}

static struct node *write_rejects(struct arena *a,
				  const struct channel_status *s)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < s->n_rejects; i++) {
		const struct status_reject *r = &s->rejects[i];
		struct node *n = node_map(a);

		if (!may_come(r, &s->accepted))
			continue;
		node_set(a, n, "epoch", node_int(a, (int64_t)r->epoch));
		node_set(a, n, "sequence", node_int(a, (int64_t)r->sequence));
		node_set(a, n, "bundle", node_str(a, r->bundle));
		node_set(a, n, "principal", node_str_clean(a, r->principal));
		node_append(a, list, n);
	}
	return list->n ? list : node_null(a);
}

static struct node *write_counts(struct arena *a,
				 const struct channel_status *s)
{
	struct node *n = node_map(a);

	node_set(a, n, "total", node_int(a, (int64_t)s->total));
	node_set(a, n, "ready", node_int(a, (int64_t)s->ready));
	node_set(a, n, "progressing", node_int(a, (int64_t)s->progressing));
	node_set(a, n, "failed", node_int(a, (int64_t)s->failed));
	node_set(a, n, "drifted", node_int(a, (int64_t)s->drifted));
	return n;
}

static struct node *write_failures(struct arena *a,
				   const struct channel_status *s)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < s->n_failures; i++) {
		const struct failure *f = &s->failures[i];
		struct node *n = node_map(a);

		node_set(a, n, "object", node_str_clean(a, f->object));
		if (*f->source)
			node_set(a, n, "source", node_str_clean(a, f->source));
		node_set(a, n, "reason", node_str_clean(a, f->reason));
		node_set(a, n, "message", node_str_clean(a, f->message));
		node_append(a, list, n);
	}
	return list;
}

static struct node *write_last_drift(struct arena *a,
				     const struct channel_status *s)
{
	const struct drift_record *d = s->drifts;
	struct node *n;

	if (!s->n_drifts)
		return node_null(a);
	n = node_map(a);
	node_set(a, n, "object", node_str_clean(a, d->object));
	node_set(a, n, "at", time_node(a, d->at));
	node_set(a, n, "manager", d->manager ?
		 node_str_clean(a, d->manager) : node_null(a));
	node_set(a, n, "repairs", node_int(a, (int64_t)s->drift_repairs));
	return n;
}

static struct node *write_drifts(struct arena *a,
				 const struct channel_status *s)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < s->n_drifts; i++) {
		const struct drift_record *d = &s->drifts[i];
		struct node *n = node_map(a), *fields = node_seq(a);

		for (size_t k = 0; k < d->fields.n; k++)
			node_append(a, fields,
				    node_str_clean(a, d->fields.v[k]));
		node_set(a, n, "object", node_str_clean(a, d->object));
		node_set(a, n, "fields", fields);
		if (d->manager)
			node_set(a, n, "manager",
				 node_str_clean(a, d->manager));
		node_set(a, n, "at", time_node(a, d->at));
		node_set(a, n, "times", node_int(a, (int64_t)d->times));
		node_set(a, n, "action",
			 node_str(a, action_names[d->action]));
		node_append(a, list, n);
	}
	return list;
}

static struct node *write_conditions(struct arena *a,
				     const struct channel_status *s)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < CONDITIONS; i++) {
		const struct condition *c = &s->conditions[i];
		struct node *n;

		if (c->since == 0)
			continue;
		n = node_map(a);
		node_set(a, n, "type", node_str(a, names[i]));
		node_set(a, n, "status", node_str(a, status_names[c->status]));
		node_set(a, n, "observedGeneration",
			 node_int(a, s->observed_generation));
		node_set(a, n, "lastTransitionTime", time_node(a, c->since));
		node_set(a, n, "reason", node_str_clean(a, c->reason));
		node_set(a, n, "message", node_str_clean(a, c->message));
		node_append(a, list, n);
	}
	return list;
}

static struct node *write_reporter(struct arena *a,
				   const struct status_reporter *r)
{
	struct node *n = node_map(a);

	if (!*r->cluster && !*r->message)
		return node_null(a);
	/* what is not so any more must go */
	node_set(a, n, "cluster", *r->cluster ? node_str(a, r->cluster) :
		 node_null(a));
	node_set(a, n, "key", *r->key ? node_str(a, r->key) : node_null(a));
	node_set(a, n, "message", *r->message ?
		 node_str_clean(a, r->message) : node_null(a));
	return n;
}

struct node *status_write(const struct channel_status *s, struct arena *a)
{
	struct node *n = node_map(a), *leftovers = node_seq(a);

	for (size_t i = 0; i < s->n_leftovers; i++)
		node_append(a, leftovers, node_str_clean(a, s->leftovers[i]));
	node_set(a, n, "observedGeneration",
		 node_int(a, s->observed_generation));
	node_set(a, n, "accepted", write_accepted(a, s));
	node_set(a, n, "applied", write_bundle(a, &s->applied, "at"));
	node_set(a, n, "rejected", write_rejects(a, s));
	node_set(a, n, "forkedEpoch", s->forked_epoch ?
		 node_int(a, (int64_t)s->forked_epoch) : node_null(a));
	node_set(a, n, "objects", write_counts(a, s));
	node_set(a, n, "failures", write_failures(a, s));
	node_set(a, n, "leftovers", leftovers);
	node_set(a, n, "lastDrift", write_last_drift(a, s));
	node_set(a, n, "drifts", write_drifts(a, s));
	node_set(a, n, "conditions", write_conditions(a, s));
	node_set(a, n, "reporter", write_reporter(a, &s->reporter));
	return n;
}

/* ---- reading ---- */

static int read_id(const struct node *map, const char *field,
		   char ret[GIT_HEX_SIZE])
{
	const char *s = node_text(node_get(map, field));

	if (!s || !is_hex(s, strlen(s), GIT_HEX_SIZE - 1))
		return -1;
	memcpy(ret, s, GIT_HEX_SIZE);
	return 0;
}

static uint64_t read_counted(const struct node *n,
			     const struct status_bundle *of)
{
	int64_t from = node_path_int(n, 0, "from", NULL);
	char bundle[GIT_HEX_SIZE];

	return from > 0 && (uint64_t)from <= of->sequence &&
	       read_id(n, "bundle", bundle) == 0 &&
	       !strcmp(bundle, of->bundle) ? (uint64_t)from : 0;
}

static int read_bundle(const struct node *n, const char *name,
		       const char *time_field, struct status_bundle *ret,
		       struct err *err)
{
	struct status_bundle b = { 0 };
	const char *content = node_text(node_get(n, "content"));
	const char *at = node_text(node_get(n, time_field));
	int64_t epoch = node_path_int(n, 0, "epoch", NULL);
	int64_t sequence = node_path_int(n, 0, "sequence", NULL);

	if (!n || n->type == NODE_NULL)
		return 0;
	/* a bundle that only the state directory knew has no source here */
	if (epoch < 1 || sequence < 1 || read_id(n, "bundle", b.bundle) ||
	    (node_get(n, "sourceCommit") &&
	     read_id(n, "sourceCommit", b.source_commit)) || !content ||
	    sha256_parse(content, strlen(content), &b.content) || !at ||
	    clock_parse(at, &b.at))
		return err_set(err, ERR_INVALID, "status.%s is damaged", name);
	b.epoch = (uint64_t)epoch;
	b.sequence = (uint64_t)sequence;
	b.counted_from = read_counted(node_get(n, "counted"), &b);
	*ret = b;
	return 0;
}

static void read_reject(const struct node *n, struct channel_status *s)
{
	const char *principal = node_text(node_get(n, "principal"));
	int64_t epoch = node_path_int(n, 0, "epoch", NULL);
	int64_t sequence = node_path_int(n, 0, "sequence", NULL);
	struct status_reject r = { 0 };

	if (!principal || strlen(principal) >= sizeof(r.principal) ||
	    epoch < 1 || sequence < 1 || read_id(n, "bundle", r.bundle))
		return;
	r.epoch = (uint64_t)epoch;
	r.sequence = (uint64_t)sequence;
	snprintf(r.principal, sizeof(r.principal), "%s", principal);
	status_add_reject(s, &r);
}

static void read_rejects(const struct node *list, struct channel_status *s)
{
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		read_reject(list->items[i], s);
}

static void read_condition(const struct node *n, struct channel_status *s)
{
	const char *type = node_text(node_get(n, "type"));
	const char *status = node_text(node_get(n, "status"));
	const char *since = node_text(node_get(n, "lastTransitionTime"));
	const char *reason = node_text(node_get(n, "reason"));
	const char *message = node_text(node_get(n, "message"));

	for (size_t i = 0; type && i < CONDITIONS; i++) {
		struct condition *c = &s->conditions[i];

		if (strcmp(type, names[i]))
			continue;
		if (!since || clock_parse(since, &c->since))
			continue;
		for (int v = STATUS_UNKNOWN; status && v <= STATUS_FALSE; v++)
			if (!strcmp(status, status_names[v]))
				c->status = (enum condition_status)v;
		snprintf(c->reason, sizeof(c->reason), "%s",
			 reason ? reason : "");
		snprintf(c->message, sizeof(c->message), "%s",
			 message ? message : "");
	}
}

static void read_drift(const struct node *n, struct channel_status *s)
{
	const char *at = node_text(node_get(n, "at"));
	const char *action = node_text(node_get(n, "action"));
	const struct node *fields = node_get(n, "fields");
	int64_t times = node_path_int(n, 1, "times", NULL);
	struct drift_record d = {
		.object = (char *)node_text(node_get(n, "object")),
		.manager = (char *)node_text(node_get(n, "manager")),
		.times = times > 0 ? (uint64_t)times : 1,
	};

	if (!d.object || !at || clock_parse(at, &d.at))
		return;
	for (int v = 0; action && v < DRIFT_ACTIONS; v++)
		if (!strcmp(action, action_names[v]))
			d.action = (enum drift_action)v;
	for (uint32_t i = 0; fields && fields->type == NODE_SEQ &&
	     i < fields->n && i < STATUS_DRIFT_FIELDS; i++)
		if (node_text(fields->items[i]))
			strvec_push(&d.fields, fields->items[i]->str);
	status_add_drift(s, &d);
	strvec_release(&d.fields);
}

/* The oldest first, so that the latest is the first again. */
static void read_drifts(const struct node *status, struct channel_status *s)
{
	const struct node *list = node_get(status, "drifts");
	uint32_t n = list && list->type == NODE_SEQ ? list->n : 0;

	for (uint32_t i = n > STATUS_DRIFTS ? STATUS_DRIFTS : n; i-- > 0; )
		read_drift(list->items[i], s);
	s->drift_repairs = (uint64_t)node_path_int(status, 0, "lastDrift",
						   "repairs", NULL);
}

int status_read(const struct node *channel, struct channel_status *ret,
		struct err *err)
{
	const struct node *status = node_get(channel, "status");
	const struct node *list = node_get(status, "conditions");
	struct channel_status s = { 0 };
	int64_t epoch;

	if (read_bundle(node_get(status, "accepted"), "accepted",
			"headIssued", &s.accepted, err) < 0 ||
	    read_bundle(node_get(status, "applied"), "applied", "at",
			&s.applied, err) < 0)
		return -1;
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		read_condition(list->items[i], &s);
	consents_read(node_path(status, "accepted", "approvals", NULL),
		      &s.consents);
	read_rejects(node_get(status, "rejected"), &s);
	epoch = node_path_int(status, 0, "forkedEpoch", NULL);
	s.forked_epoch = epoch > 0 ? (uint64_t)epoch : 0;
	read_drifts(status, &s);
	channel_status_release(ret);
	*ret = s;
	return 0;
}
