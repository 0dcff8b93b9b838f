/*
 * Requests that wait for a new head (`Prefer: wait=N`). A waiting one is a
 * suspended connection and this struct: memory, no time. Because the library
 * does not look at suspended connections, their sockets are watched here,
 * for clients that go away.
 */
#include "config.h"
#include "hooks/serve.h"

#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "hooks/http-value.h"
#include "schema/base/clock.h"

static void client_gone(struct serve *s, struct source *src, uint32_t events)
{
	struct request *r = (struct request *)
		((char *)src - offsetof(struct request, gone));

	(void)events;
	serve_wait_end(s, r);
}

static void queue_add(struct wait_queue *q, struct request *r)
{
	r->time_prev = q->last;
	r->time_next = NULL;
	if (q->last)
		q->last->time_next = r;
	else
		q->first = r;
	q->last = r;
}

static void queue_del(struct wait_queue *q, struct request *r)
{
	if (r->time_prev)
		r->time_prev->time_next = r->time_next;
	else
		q->first = r->time_next;
	if (r->time_next)
		r->time_next->time_prev = r->time_prev;
	else
		q->last = r->time_prev;
}

/* What it waits for: one head, or many. */
static struct wish *wishes_of(struct request *r, size_t *ret_n)
{
	if (r->many)
		return serve_many_wishes(r->many, ret_n);
	*ret_n = 1;
	return &r->wish;
}

static void join(struct wish *w)
{
	if (!w->channel)
		return;
	w->next = w->channel->wishes;
	w->prev = &w->channel->wishes;
	if (w->next)
		w->next->prev = &w->next;
	w->channel->wishes = w;
}

static void part(struct wish *w)
{
	if (!w->channel)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	/* it may be gone when the answer is made */
	w->channel = NULL;
}

static enum MHD_Result take_wait(void *arg, enum MHD_ValueKind kind,
				 const char *name, const char *value)
{
	struct request *r = arg;

	(void)kind;
	if (!strcasecmp(name, "Prefer") && value && r->wait < 0)
		r->wait = prefer_wait(value);
	return MHD_YES;
}

void serve_wait_prefer(struct request *r)
{
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, take_wait,
				  r);
	if (r->wait > LIMIT_WAIT)
		r->wait = LIMIT_WAIT;
}

bool serve_wait_hold(struct serve *s, struct request *r)
{
	if (r->wait <= 0 || s->stop)
		return false;
	if (serve_client_hold(s, r->client, PLACE_WAIT, 1))
		return true;
	/* who is not told that waiting works comes at intervals */
	r->wait = -1;
	return false;
}

void serve_wait_begin(struct serve *s, struct request *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct err ignored = ERR_INIT;
	struct wish *w;
	size_t n;

	serve_client_state(s, r->client, CLIENT_KEPT);
	r->suspended = true;
	r->deadline = clock_mono_ms() + r->wait * 1000;
	w = wishes_of(r, &n);
	for (size_t i = 0; i < n; i++)
		join(&w[i]);
	queue_add(&s->queues[r->wait], r);
	MHD_suspend_connection(r->connection);
	r->gone.fd = info ? info->connect_fd : -1;
	r->gone.ready = client_gone;
	/* if it cannot be watched it only stays for its whole time */
	if (r->gone.fd >= 0 &&
	    serve_watch(s, &r->gone, EPOLLRDHUP | EPOLLET, &ignored) < 0)
		r->gone.fd = -1;
}

void serve_wait_end(struct serve *s, struct request *r)
{
	struct wish *w;
	size_t n;

	if (!r->suspended)
		return;
	serve_unwatch(s, &r->gone);
	w = wishes_of(r, &n);
	for (size_t i = 0; i < n; i++)
		part(&w[i]);
	queue_del(&s->queues[r->wait], r);
	serve_client_give_back(s, r->client, PLACE_WAIT, 1);
	serve_client_state(s, r->client, CLIENT_ASKED);
	r->suspended = false;
	r->answered_wait = true;
	s->resumed = true;
	MHD_resume_connection(r->connection);
}

void serve_wait_wake(struct serve *s, struct served *ch)
{
	struct wish *next;

	/* a request has one wish for a channel, so the next one stays */
	for (struct wish *w = ch->wishes; w; w = next) {
		next = w->next;
		if (strcmp(w->known, ch->etag))
			serve_wait_end(s, w->request);
	}
}

void serve_wait_wake_unknown(struct serve *s)
{
	struct request *next;

	for (int i = 0; i <= LIMIT_WAIT; i++)
		for (struct request *r = s->queues[i].first; r; r = next) {
			next = r->time_next;
			if (!r->many || !serve_many_unknown(r->many))
				continue;
			serve_wait_end(s, r);
			r->again = true;
		}
}

void serve_wait_wake_all(struct serve *s)
{
	for (int i = 0; i <= LIMIT_WAIT; i++)
		while (s->queues[i].first)
			serve_wait_end(s, s->queues[i].first);
}

int64_t serve_wait_expire(struct serve *s, int64_t now)
{
	int64_t next = -1;

	if (!s->places[PLACE_WAIT])
		return -1;
	for (int i = 0; i <= LIMIT_WAIT; i++) {
		struct wait_queue *q = &s->queues[i];

		while (q->first && q->first->deadline <= now) {
			struct request *r = q->first;

			/* of many, the end of the wait looks at each */
			if (!r->many)
				serve_head_check(s, r->wish.channel);
			if (q->first == r)
				serve_wait_end(s, r);
		}
		if (q->first && (next < 0 || q->first->deadline < next))
			next = q->first->deadline;
	}
	return next;
}
