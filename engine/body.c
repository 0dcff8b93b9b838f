/*
 * Bodies and places in the source, from the fetching child. A digest is
 * compared in the child and again where its answer is read, so what comes
 * here is what the signed list of the bundle names.
 */
#include "config.h"
#include "engine/channel-private.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

struct body_read {
	struct body_read *prev, *next;
	struct channel *channel;
	struct tracked *t;		/* held */
	struct source_request *request;
	void (*fn)(void *arg, const char *json, size_t len,
		   const struct err *err);
	void *arg;
};

static void unlink_read(struct body_read *r)
{
	if (r->next)
		r->next->prev = r->prev;
	if (r->prev)
		r->prev->next = r->next;
	else
		r->channel->private->reads = r->next;
}

static void end_read(struct body_read *r, const char *body, size_t len,
		     const struct err *err)
{
	unlink_read(r);
	r->fn(r->arg, body, len, err);
	tracked_put(r->t);
	free(r);
}

static void on_body(void *arg, const char *body, size_t len,
		    const struct err *err)
{
	end_read(arg, body, len, err);
}

void channel_read_body(struct channel *c, struct tracked *t,
		       void (*fn)(void *arg, const char *json, size_t len,
				  const struct err *err), void *arg)
{
	struct channel_private *p = c->private;
	struct body_read *r = xcalloc(1, sizeof(*r));
	struct object_id id = tracked_id(t);
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;

	r->channel = c;
	r->t = tracked_hold(t);
	r->fn = fn;
	r->arg = arg;
	r->next = p->reads;
	if (r->next)
		r->next->prev = r;
	p->reads = r;
	/* it has a path: it came by one */
	if (object_path(&id, &path, &err) < 0)
		BUG("a tracked object without a path");
	r->request = source_object(c->source, p->loaded, path.data,
				   &t->content, on_body, r);
	buf_release(&path);
}

void bodies_cancel(struct channel *c)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_TRANSIENT, "the channel is being closed");
	while (c->private->reads) {
		struct body_read *r = c->private->reads;

		source_cancel(r->request);
		end_read(r, NULL, 0, &err);
	}
}

/* ---- places ---- */

static void forget_asked(struct channel *c)
{
	struct channel_private *p = c->private;

	for (size_t i = 0; i < p->n_asked; i++)
		tracked_put(p->asked[i]);
	free(p->asked);
	p->asked = NULL;
	p->n_asked = 0;
}

static void on_place(void *arg, const char *path, const char *place)
{
	struct channel *c = arg;
	struct channel_private *p = c->private;
	struct buf own = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < p->n_asked; i++) {
		struct tracked *t = p->asked[i];
		struct object_id id = tracked_id(t);

		buf_reset(&own);
		if (!t->note || object_path(&id, &own, &err) < 0 ||
		    strcmp(own.data, path))
			continue;
		free(t->note->source);
		t->note->source = xstrdup(place);
	}
	buf_release(&own);
}

static void on_places(void *arg, const struct err *err)
{
	struct channel *c = arg;

	c->private->places = NULL;
	forget_asked(c);
	/* after an error they are asked for again when something moves */
	if (!err)
		settle_touch(c);
}

void places_ask(struct channel *c)
{
	struct channel_private *p = c->private;
	const char *paths[STATUS_FAILURES];
	struct buf text[STATUS_FAILURES];
	struct err err = ERR_INIT;
	size_t n = 0;

	if (p->places || !p->loaded[0] || !c->source)
		return;
	p->asked = xcalloc(STATUS_FAILURES, sizeof(struct tracked *));
	for (struct tracked *t = c->inventory.first;
	     t && n < STATUS_FAILURES; t = t->next) {
		struct object_id id = tracked_id(t);

		if ((!tracked_is_failing(t) && !tracked_is_held_up(t)) ||
		    !t->note || t->note->source)
			continue;
		buf_init(&text[n], LIMIT_PATH_BYTES);
		if (object_path(&id, &text[n], &err) < 0)
			BUG("a tracked object without a path");
		paths[n] = text[n].data;
		p->asked[n++] = tracked_hold(t);
	}
	p->n_asked = n;
	if (n)
		p->places = source_origins(c->source, p->loaded, paths, n,
					   on_place, on_places, c);
	else
		forget_asked(c);
	for (size_t i = 0; i < n; i++)
		buf_release(&text[i]);
}

void places_cancel(struct channel *c)
{
	if (c->private->places)
		source_cancel(c->private->places);
	c->private->places = NULL;
	forget_asked(c);
}
