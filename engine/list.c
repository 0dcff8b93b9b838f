/*
 * A paged list. See list.h. Each page is one request; its objects are handed
 * on while it arrives, its metadata tells what is next. A list that the
 * server has forgotten half-way (410) goes on with the token that the server
 * offers; without one it fails.
 */
#include "config.h"
#include "engine/list.h"

#include <stdlib.h>
#include <string.h>

#include "engine/json-split.h"
#include "engine/kube-internal.h"
#include "engine/kube-json.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

#define PAGE 500
/* the server ends a request after 60 s; silence means that it is gone */
#define SILENT_MS 30000

struct list {
	struct kube *kube;
	struct kube_call *call;
	struct kube_target target;
	char *group, *version, *plural, *namespace;
	char *labels, *fields;		/* selectors */
	bool metadata_only, from_cache;
	int page;
	struct kube_account *account;		/* held */
	char *next;			/* continue token; NULL: first page */
	bool inconsistent;
	struct json_split split;
	unsigned busy;			/* our callbacks on the stack */
	bool dead;			/* freed in one of them */
	int (*on_object)(void *arg, struct node *object, struct err *err);
	void (*on_done)(void *arg, const char *version, bool consistent,
			const struct err *err,
			const struct kube_status *status);
	void *arg;
};

static void destroy(struct list *l)
{
	json_split_release(&l->split);
	free(l->group);
	free(l->version);
	free(l->plural);
	free(l->namespace);
	free(l->labels);
	free(l->fields);
	free(l->next);
	kube_account_free(l->account);
	free(l);
}

void list_free(struct list *l)
{
	if (!l || l->dead)
		return;
	kube_cancel(l->call);
	l->call = NULL;
	if (l->busy)
		l->dead = true;
	else
		destroy(l);
}

static void finish(struct list *l, const char *version,
		   const struct err *err, const struct kube_status *status)
{
	l->busy++;
	l->on_done(l->arg, version, !l->inconsistent, err, status);
	destroy(l);
}

static int on_value(void *arg, const char *json, size_t len,
		    struct err *err)
{
	struct list *l = arg;
	struct node *object;

	if (kube_json_read(json, len, 0, kube_scratch(l->kube), &object,
			   err) < 0)
		return err_wrap(err, "an object in a list");
	if (l->on_object(l->arg, object, err) < 0)
		return -1;
	return l->dead ? -1 : 0;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct list *l = arg;
	int rc;

	l->busy++;
	rc = json_split_feed(&l->split, data, len, err);
	if (--l->busy == 0 && l->dead) {
		destroy(l);
		/* the call is cancelled: what we return is not looked at */
		return -1;
	}
	return rc;
}

static int send_page(struct list *l, struct err *err);

/* The page is whole: its metadata says whether there is another. */
static int end_page(struct list *l, struct arena *a, const char **ret_version,
		    struct err *err)
{
	struct node *rest;
	const char *next;

	if (json_split_end(&l->split, err) < 0 ||
	    json_read(l->split.rest.data, l->split.rest.len, a, &rest,
		      err) < 0)
		return err_wrap(err, "a list");
	next = node_path_str(rest, "metadata", "continue", NULL);
	*ret_version = node_path_str(rest, "metadata", "resourceVersion",
				     NULL);
	if (!*ret_version)
		return err_set(err, ERR_INVALID, "a list without a "
			       "resourceVersion");
	free(l->next);
	l->next = next && *next ? xstrdup(next) : NULL;
	return 0;
}

static void on_page(void *arg, const struct kube_answer *answer)
{
	struct list *l = arg;
	const char *token = answer->status->continue_token;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	const char *version = NULL;
	int rc = 0;

	l->call = NULL;
	if (answer->err && answer->status->why == KUBE_EXPIRED && *token &&
	    !l->inconsistent) {
		l->inconsistent = true;
		free(l->next);
		l->next = xstrdup(token);
	} else if (answer->err) {
		finish(l, NULL, answer->err, answer->status);
		return;
	} else {
		rc = end_page(l, &a, &version, &err);
	}
	if (rc == 0 && l->next)
		rc = send_page(l, &err);
	if (rc < 0)
		finish(l, NULL, &err, answer->status);
	else if (!l->next)
		finish(l, version, NULL, answer->status);
	arena_release(&a);
}

static void add_selectors(const struct list *l, struct buf *q)
{
	if (l->labels)
		kube_query(q, "labelSelector", l->labels);
	if (l->fields)
		kube_query(q, "fieldSelector", l->fields);
}

static int send_page(struct list *l, struct err *err)
{
	struct buf q = BUF_INIT(64 * 1024);
	char page[16];
	struct kube_request r = {
		.method = "GET", .target = l->target, .account = l->account,
		.as = l->metadata_only ? KUBE_AS_METADATA_LIST : KUBE_AS_IS,
		.idle_ms = SILENT_MS, .on_data = on_data, .on_done = on_page,
		.arg = l,
	};
	int rc = -1;

	add_selectors(l, &q);
	snprintf(page, sizeof(page), "%d", l->page);
	if (l->page > 0)
		kube_query(&q, "limit", page);
	if (l->next)
		kube_query(&q, "continue", l->next);
	else if (l->from_cache)
		kube_query(&q, "resourceVersion", "0");
	if (buf_check(&q, "the query of a list", err) == 0) {
		json_split_release(&l->split);
		json_split_init(&l->split, SPLIT_ITEMS,
				LIMIT_KUBE_OBJECT_BYTES, on_value, l);
		r.query = q.data;
		rc = kube_send(l->kube, &r, &l->call, err);
	}
	buf_release(&q);
	return rc;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int list_start(struct kube *k, const struct list_options *o,
	       struct list **ret, struct err *err)
{
	struct list *l = xcalloc(1, sizeof(*l));

	l->kube = k;
	l->group = dup_or_null(o->target.group);
	l->version = xstrdup(o->target.version);
	l->plural = xstrdup(o->target.plural);
	l->namespace = dup_or_null(o->target.namespace);
	l->target = (struct kube_target){
		.group = l->group, .version = l->version,
		.plural = l->plural, .namespace = l->namespace,
	};
	l->labels = dup_or_null(o->label_selector);
	l->fields = dup_or_null(o->field_selector);
	l->metadata_only = o->metadata_only;
	l->from_cache = o->from_cache;
	l->page = o->page ? o->page : PAGE;
	l->account = kube_account_hold(o->account);
	l->on_object = o->on_object;
	l->on_done = o->on_done;
	l->arg = o->arg;
	if (send_page(l, err) < 0) {
		destroy(l);
		return -1;
	}
	if (ret)
		*ret = l;
	return 0;
}
