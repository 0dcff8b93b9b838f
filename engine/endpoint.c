/*
 * Three pages for machines. See endpoint.h. libmicrohttpd with its own
 * epoll, which is one descriptor in ours: no thread, no poll. What comes in
 * is bounded by connections, memory and time; bodies are refused.
 *
 * The kubelet asks here whether we live, and starts us anew if nobody answers:
 * who takes all connections and says nothing must not keep it out. When there
 * are too many, that one goes which has stood longest without an answer; the
 * library's own limit would let nobody else in, and its time-out begins again
 * with each byte.
 */
#include "config.h"
#include "engine/endpoint.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"

/* kubelet, Prometheus, a person: each has one or two */
#define CONNECTIONS 32u
/* and so many that are being closed */
#define CLOSING 32u
#define CONNECTION_MEMORY 16384u
#define CONNECTION_SECONDS 15u
/* 1,000 channels with 50 series of 90 bytes each, and some */
#define PAGE_BYTES (16u * 1024 * 1024)

struct visitor {
	struct visitor *prev, *next;
	int fd;
	bool dropped;
};

struct endpoint {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_io *io;
	struct timer timer;
	struct work again;
	struct visitor *first, *last;	/* the longest without an answer
					   first; not those that were dropped */
	unsigned visitors;
	struct metrics *metrics;
	bool (*ready)(void *arg, struct buf *why);
	void *arg;
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status,
			     const char *type, const char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	if (MHD_add_response_header(r, "Content-Type", type) == MHD_NO ||
	    MHD_add_response_header(r, "Cache-Control", "no-store") ==
	    MHD_NO || (status == 405 &&
	    MHD_add_response_header(r, "Allow", "GET, HEAD") == MHD_NO)) {
		MHD_destroy_response(r);
		return MHD_NO;
	}
	rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result reply_text(struct MHD_Connection *c,
				  unsigned int status, const char *text)
{
	return reply(c, status, "text/plain; charset=utf-8", text,
		     strlen(text));
}

static enum MHD_Result page_ready(struct endpoint *e,
				  struct MHD_Connection *c)
{
	struct buf why = BUF_INIT(PAGE_BYTES);
	bool good = e->ready(e->arg, &why);
	enum MHD_Result rc;

	if (!why.len)
		buf_adds(&why, good ? "ready" : "not ready");
	buf_addc(&why, '\n');
	rc = reply_text(c, good ? 200 : 503, why.data);
	buf_release(&why);
	return rc;
}

static enum MHD_Result page_metrics(struct endpoint *e,
				    struct MHD_Connection *c)
{
	enum metrics_format format = metrics_format_of(
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept"));
	struct buf text = BUF_INIT(PAGE_BYTES);
	enum MHD_Result rc;

	metrics_write(e->metrics, format, &text);
	if (buf_ok(&text))
		rc = reply(c, 200, metrics_content_type(format), text.data,
			   text.len);
	else
		rc = reply_text(c, 500, "too many metrics\n");
	buf_release(&text);
	return rc;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *path, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	static char seen;
	struct endpoint *e = arg;

	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return *state ? MHD_NO : reply_text(c, 405,
						    "GET and HEAD only\n");
	if (*upload_len)
		return MHD_NO;
	/* the first call is for the headers; answering there would close
	 * the connection */
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (!strcmp(path, "/healthz"))
		return reply_text(c, 200, "ok\n");
	if (!strcmp(path, "/readyz"))
		return page_ready(e, c);
	if (!strcmp(path, "/metrics"))
		return page_metrics(e, c);
	return reply_text(c, 404, "/healthz, /readyz, /metrics\n");
}

/* ---- who is connected ---- */

static void enter(struct endpoint *e, struct visitor *v)
{
	v->next = NULL;
	v->prev = e->last;
	if (e->last)
		e->last->next = v;
	else
		e->first = v;
	e->last = v;
	e->visitors++;
}

static void leave(struct endpoint *e, struct visitor *v)
{
	if (v->next)
		v->next->prev = v->prev;
	else
		e->last = v->prev;
	if (v->prev)
		v->prev->next = v->next;
	else
		e->first = v->next;
	e->visitors--;
}

static void make_room(struct endpoint *e)
{
	struct visitor *v = e->first;

	if (e->visitors < CONNECTIONS)
		return;
	leave(e, v);
	v->dropped = true;
	/* the library sees the end of it in its next turn, and closes it */
	shutdown(v->fd, SHUT_RDWR);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct endpoint *e = arg;
	struct visitor *v = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		make_room(e);
		info = MHD_get_connection_info(c,
			MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = v = xcalloc(1, sizeof(*v));
		v->fd = info ? info->connect_fd : -1;
		enter(e, v);
	} else if (v) {
		if (!v->dropped)
			leave(e, v);
		free(v);
		*context = NULL;
	}
}

/* Who was answered is no worse than who has just come. */
static void on_answered(void *arg, struct MHD_Connection *c, void **state,
			enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct endpoint *e = arg;
	struct visitor *v = info ? info->socket_context : NULL;

	if (!v || v->dropped || code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		return;
	leave(e, v);
	enter(e, v);
}

/* ---- on the loop ---- */

static void turn(struct endpoint *e)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(e->daemon);
	timer_stop(&e->timer);
	if (MHD_get_timeout(e->daemon, &ms) != MHD_YES)
		return;
	if (ms == 0)
		loop_defer(e->loop, &e->again);
	else
		timer_set(&e->timer, (int64_t)ms);
}

static void on_event(void *arg, uint32_t events)
{
	turn(arg);
}

static void on_turn(void *arg)
{
	turn(arg);
}

/* ---- where ---- */

/* "127.0.0.1:8421", "[::1]:8421", ":8421" to host and port */
static int split_address(const char *address, struct buf *host, char port[6],
			 struct err *err)
{
	const char *colon = strrchr(address, ':');
	uint64_t n;

	if (!colon || parse_u64(colon + 1, 0, 65535, &n) < 0)
		return err_set(err, ERR_INVALID, "'%s' is no address: write "
			       "it as 127.0.0.1:8421", address);
	snprintf(port, 6, "%u", (unsigned int)n);
	if (address[0] == '[' && colon > address + 1 && colon[-1] == ']')
		buf_add(host, address + 1, (size_t)(colon - address) - 2);
	else
		buf_add(host, address, (size_t)(colon - address));
	if (!host->len)
		buf_adds(host, "::");
	return 0;
}

static struct MHD_Daemon *start(struct endpoint *e, const struct sockaddr *to)
{
	unsigned int flags = MHD_USE_EPOLL;

	if (to->sa_family == AF_INET6)
		flags |= MHD_USE_IPv6 | MHD_USE_DUAL_STACK;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, e,
		MHD_OPTION_SOCK_ADDR, to,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS + CLOSING,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECONDS,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, e,
		MHD_OPTION_NOTIFY_COMPLETED, on_answered, e,
		MHD_OPTION_END);
}

/* To be freed by freeaddrinfo. */
static int read_address(const char *address, struct addrinfo **ret,
			struct err *err)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct buf host = BUF_INIT(256);
	char port[6];
	int rc = split_address(address, &host, port, err);

	if (rc == 0 && getaddrinfo(host.data, port, &hints, ret))
		rc = err_set(err, ERR_INVALID, "'%s' is no IP address and "
			     "port", address);
	buf_release(&host);
	return rc;
}

int endpoint_check(const char *address, struct err *err)
{
	struct addrinfo *found;

	if (read_address(address, &found, err) < 0)
		return -1;
	freeaddrinfo(found);
	return 0;
}

static int listen_on(struct endpoint *e, const char *address,
		     struct err *err)
{
	struct addrinfo *found;

	if (read_address(address, &found, err) < 0)
		return -1;
	e->daemon = start(e, found->ai_addr);
	freeaddrinfo(found);
	return e->daemon ? 0 : err_set(err, ERR_INVALID, "cannot listen on "
				       "'%s': is another program using it?",
				       address);
}

int endpoint_new(struct loop *l, const struct endpoint_options *o,
		 struct endpoint **ret, struct err *err)
{
	struct endpoint *e = xcalloc(1, sizeof(*e));
	const union MHD_DaemonInfo *info;

	e->loop = l;
	e->metrics = o->metrics;
	e->ready = o->ready;
	e->arg = o->arg;
	timer_init(&e->timer, l, on_turn, e);
	work_init(&e->again, on_turn, e);
	if (listen_on(e, o->address, err) < 0)
		goto fail;
	info = MHD_get_daemon_info(e->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0) {
		err_set(err, ERR_INTERNAL, "libmicrohttpd has no epoll");
		goto fail;
	}
	e->io = loop_add_fd(l, info->epoll_fd, EPOLLIN, on_event, e);
	*ret = e;
	return 0;
fail:
	endpoint_free(e);
	return -1;
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	loop_del_fd(e->io);
	timer_stop(&e->timer);
	loop_undefer(e->loop, &e->again);
	if (e->daemon)
		MHD_stop_daemon(e->daemon);
	free(e);
}

int endpoint_port(const struct endpoint *e)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(e->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}
