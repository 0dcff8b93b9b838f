/*
 * Connections of `serve`, of which there may be only so many. A client that
 * does not come to the point must not keep others out: each connection has a
 * few seconds to say what it wants and to take a short answer, and when there
 * are too many, that one goes which has stood longest without being served.
 * Requests that wait for a head and packs that are sent are never dropped;
 * places for these are shared out by address instead, with some kept back,
 * so that there is always room for whoever comes next.
 *
 * The library's own limits would not do: at its limit of connections it stops
 * to accept, its time-outs begin again with each byte, and its limit for one
 * address is the same whether others want the place or not.
 */
#include "config.h"
#include "hooks/serve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

/* connections that the library may take at most before we look at them, and
 * that are being closed */
#define SLACK_MAX 64
/* one address may hold so many times as many places as are still free */
#define SHARE 2

/* channels of all questions for many: 200 bytes each */
#define HEADS_MAX 500000
/* reports that come in at a time, or are written: KiB of all together */
#define REPORTS_MAX (8 * 1024)

/* Who is at the other end, and what is held there. */
struct address {
	char text[INET6_ADDRSTRLEN];
	size_t connections;
	size_t held[PLACES];
};

struct client {
	enum client_state state;
	int64_t until;			/* monotonic ms */
	struct client *next, *prev;	/* of one state, the oldest first */
	int fd;
	bool dropped;			/* it ends as soon as the library runs */
	struct address *address;	/* NULL: cannot be told from others */
};

/* How long it may stay, ms; 0: as long as it likes. */
static int64_t lifetime(enum client_state state)
{
	switch (state) {
	case CLIENT_NEW:
		return CLIENT_NEW_MS;
	case CLIENT_IDLE:
		return CLIENT_IDLE_MS;
	case CLIENT_ASKED:
		return CLIENT_ASKED_MS;
	default:
		return 0;
	}
}

static void leave(struct serve *s, struct client *c)
{
	struct client_queue *q = &s->clients[c->state];

	if (c->prev)
		c->prev->next = c->next;
	else
		q->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		q->last = c->prev;
	c->next = c->prev = NULL;
}

static void enter(struct serve *s, struct client *c, enum client_state state)
{
	struct client_queue *q = &s->clients[state];

	c->state = state;
	c->until = clock_mono_ms() + lifetime(state);
	c->prev = q->last;
	if (q->last)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
}

void serve_client_state(struct serve *s, struct client *c,
			enum client_state state)
{
	/* what was dropped is over, whatever it still says */
	if (c->dropped)
		return;
	leave(s, c);
	enter(s, c, state);
}

/* The library sees the end of it in its next turn, and closes it. */
static void drop(struct serve *s, struct client *c, const char *why)
{
	log_debug("connection-dropped", LOG_S("why", why),
		  LOG_S("address", c->address ? c->address->text : "-"));
	serve_client_state(s, c, CLIENT_KEPT);
	c->dropped = true;
	s->dropped++;
	shutdown(c->fd, SHUT_RDWR);
}

static void make_room(struct serve *s)
{
	struct client *oldest = NULL;
	int64_t since = 0;

	if (s->connections - s->dropped < s->connections_max)
		return;
	for (int i = 0; i < CLIENT_KEPT; i++) {
		struct client *c = s->clients[i].first;

		if (!c || (oldest && c->until - lifetime(c->state) >= since))
			continue;
		oldest = c;
		since = c->until - lifetime(c->state);
	}
	if (oldest)
		drop(s, oldest, "too many");
}

/* Of IPv6 the network: a host has as many addresses in it as it likes. */
static bool address_text(const struct sockaddr *sa,
			 char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_in6 six;

	if (sa && sa->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)
					    (const void *)sa)->sin_addr,
				 text, INET6_ADDRSTRLEN);
	if (!sa || sa->sa_family != AF_INET6)
		return false;
	memcpy(&six, sa, sizeof(six));
	if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
		memset(six.sin6_addr.s6_addr + 8, 0, 8);
	return inet_ntop(AF_INET6, &six.sin6_addr, text, INET6_ADDRSTRLEN);
}

static struct address *address_of(struct serve *s, const struct sockaddr *sa)
{
	struct address *a;
	char text[INET6_ADDRSTRLEN];

	/* a proxy's own says nothing about its clients */
	if (s->opts.behind_proxy || !address_text(sa, text))
		return NULL;
	a = map_get(&s->addresses, text);
	if (!a) {
		a = xcalloc(1, sizeof(*a));
		memcpy(a->text, text, sizeof(text));
		map_put(&s->addresses, text, a);
	}
	a->connections++;
	return a;
}

static void address_release(struct serve *s, struct address *a)
{
	if (!a || --a->connections)
		return;
	map_del(&s->addresses, a->text);
	free(a);
}

static void begin(struct serve *s, struct MHD_Connection *connection,
		  void **context)
{
	const union MHD_ConnectionInfo *info;
	struct client *c = xcalloc(1, sizeof(*c));

	make_room(s);
	s->connections++;
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info ? info->connect_fd : -1;
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	c->address = address_of(s, info ? info->client_addr : NULL);
	enter(s, c, CLIENT_NEW);
	*context = c;
}

void serve_client_notify(void *arg, struct MHD_Connection *connection,
			 void **context,
			 enum MHD_ConnectionNotificationCode code)
{
	struct serve *s = arg;
	struct client *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		begin(s, connection, context);
		return;
	}
	if (!c)
		return;
	s->connections--;
	s->dropped -= c->dropped;
	leave(s, c);
	address_release(s, c->address);
	free(c);
	*context = NULL;
}

struct client *serve_client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

bool serve_client_hold(struct serve *s, struct client *c, enum place place,
		       size_t n)
{
	size_t free_places = s->places_max[place] - s->places[place];

	if (free_places < n || (c->address && c->address->held[place] + n >
						 SHARE * free_places))
		return false;
	s->places[place] += n;
	if (c->address)
		c->address->held[place] += n;
	return true;
}

void serve_client_give_back(struct serve *s, struct client *c,
			    enum place place, size_t n)
{
	s->places[place] -= n;
	if (c->address)
		c->address->held[place] -= n;
}

int64_t serve_client_expire(struct serve *s, int64_t now)
{
	int64_t next = -1;

	for (int i = 0; i < CLIENT_KEPT; i++) {
		struct client_queue *q = &s->clients[i];

		while (q->first && q->first->until <= now)
			drop(s, q->first, "too slow");
		if (q->first && (next < 0 || q->first->until < next))
			next = q->first->until;
	}
	return next;
}

void serve_client_limits(struct serve *s, size_t connections, size_t packs)
{
	size_t slack = connections / 6 > SLACK_MAX ? SLACK_MAX
						   : connections / 6;

	s->connections_max = connections - slack;
	s->places_max[PLACE_PACK] = packs;
	s->places_max[PLACE_HEAD] = HEADS_MAX;
	s->places_max[PLACE_REPORT] = REPORTS_MAX;
	/* an eighth is for whoever comes, asks and goes */
	s->places_max[PLACE_WAIT] = (s->connections_max - packs) / 8 * 7;
}

void serve_client_release(struct serve *s)
{
	map_release(&s->addresses, free);
}
