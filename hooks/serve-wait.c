/*
 * Requests that wait for a new head (`Prefer: wait=N`). A waiting one is a
 * suspended connection and this struct: memory, no time. Because the library
 * does not look at suspended connections, their sockets are watched here,
 * for clients that go away.
 */
#include "config.h"
#include "hooks/serve.h"

#include <string.h>
#include <sys/epoll.h>

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

void serve_wait_begin(struct serve *s, struct request *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct err ignored = ERR_INIT;

	serve_client_state(s, r->client, CLIENT_KEPT);
	r->suspended = true;
	r->deadline = clock_mono_ms() + r->wait * 1000;
	r->chan_next = r->channel->waiters;
	r->chan_prev = &r->channel->waiters;
	if (r->chan_next)
		r->chan_next->chan_prev = &r->chan_next;
	r->channel->waiters = r;
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
	if (!r->suspended)
		return;
	serve_unwatch(s, &r->gone);
	*r->chan_prev = r->chan_next;
	if (r->chan_next)
		r->chan_next->chan_prev = r->chan_prev;
	queue_del(&s->queues[r->wait], r);
	serve_client_give_back(s, r->client, PLACE_WAIT);
	serve_client_state(s, r->client, CLIENT_ASKED);
	r->suspended = false;
	r->answered_wait = true;
	s->resumed = true;
	MHD_resume_connection(r->connection);
}

void serve_wait_wake(struct serve *s, struct served *ch)
{
	struct request *next;

	for (struct request *r = ch->waiters; r; r = next) {
		next = r->chan_next;
		if (strcmp(r->known, ch->etag))
			serve_wait_end(s, r);
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
			serve_head_check(s, q->first->channel);
			if (q->first && q->first->deadline <= now)
				serve_wait_end(s, q->first);
		}
		if (q->first && (next < 0 || q->first->deadline < next))
			next = q->first->deadline;
	}
	return next;
}
