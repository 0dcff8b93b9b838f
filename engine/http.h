/*
 * HTTP on the loop: libcurl's multi interface, HTTP/2 where the other side
 * has it. An `http` is one multi handle with its own connections; the engine
 * has one for writes and one for watches, so that neither starves the other.
 * No redirects, http and https only, never a paused transfer.
 */
#ifndef ENGINE_HTTP_H
#define ENGINE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/loop.h"
#include "schema/base/err.h"

struct http;
struct http_call;

/* How to speak to one server: shared by many requests, owned by the caller,
 * who keeps it until they are done. Paths or PEM text; NULL: not given. */
struct http_peer {
	const char *ca_file, *ca_pem;
	const char *cert_file, *cert_pem;
	const char *key_file, *key_pem;
	const char *server_name;	/* SNI and certificate name */
	const char *proxy;		/* http, https or socks5 URL; NULL: as
					   https_proxy and no_proxy say, and
					   none for this machine itself */
	bool renewed;			/* cert_pem and key_pem may be
					   replaced at any time: copied */
	bool insecure;			/* do not verify: only if a user says so */
};

struct http_request {
	const char *method;		/* "GET" */
	const char *url;
	const char *const *headers;	/* "Name: value", NULL-terminated; copied */
	const void *body;		/* copied unless body_keep */
	size_t body_len;
	bool body_keep;			/* the caller keeps it until done */
	bool eager;			/* rather on a connection of its own
					   than wait for one that is being
					   made, which is busy for minutes if
					   it turns out to be HTTP/1.1 */
	bool secret;			/* what is sent, and the answer: both
					   are wiped at the end */
	const struct http_peer *peer;
	/* Asked when the body goes out, the last moment at which a request
	 * can be taken back; false ends the call with ERR_TRANSIENT. It may
	 * do nothing else. NULL: no question. */
	bool (*may_send)(void *arg);
	void *may_arg;
	int connect_ms;			/* 0: 10,000 */
	int total_ms;			/* whole call; 0: no limit */
	int idle_ms;			/* longest silence; 0: no limit */
	size_t max_bytes;		/* of the answer's body; more: an error */

	/*
	 * Callbacks; all but on_done may be NULL. on_data gets the body in
	 * pieces as it comes; without it the body is collected and handed to
	 * on_done. A return of -1 from on_data ends the call with *err as the
	 * error. A call may be cancelled inside its callbacks.
	 */
	void (*on_headers)(void *arg, struct http_call *c, long status);
	int (*on_data)(void *arg, const char *data, size_t len,
		       struct err *err);
	/* The last one, exactly once unless cancelled. err: NULL if an answer
	 * came, whatever its status. The call is gone afterwards. */
	void (*on_done)(void *arg, struct http_call *c, long status,
			const char *body, size_t len, const struct err *err);
	void *arg;
};

/* -1 with ERR_INVALID, which does not quote it: it may hold a password. */
int http_check_proxy(const char *proxy, struct err *err);
/* Of what is to be fetched from; -1 with ERR_INVALID. */
int http_check_url(const char *url, struct err *err);
/* Is it the same, or below it? Scheme, host and port are compared as they are
 * meant, then whole parts of the path; dots and escapes lead nowhere else. */
bool http_url_is_below(const char *url, const char *base);
/* Of "host", "host:port" or "host/path", an IPv6 address in brackets: is that
 * this machine, whatever a resolver says? */
bool http_is_loopback(const char *host);

int http_new(struct loop *l, long max_streams, struct http **ret,
	     struct err *err);
/* Cancels what runs, without callbacks. */
void http_free(struct http *h);
int http_send(struct http *h, const struct http_request *r,
	      struct http_call **ret, struct err *err);
void http_cancel(struct http_call *c);
/* Drops idle connections and opens no stream on the busy ones: after a
 * GOAWAY, a rotated certificate, a blackholed connection. */
void http_reconnect(struct http *h);
/* An answer's header, or NULL; valid inside the callbacks. */
const char *http_header(struct http_call *c, const char *name);
/* Calls that run. */
size_t http_running(const struct http *h);
/* For the metrics: calls begun, failed without an answer, bytes in, out;
 * answers that came by HTTP/2; connections that were made. */
struct http_stats {
	uint64_t calls, failed, bytes_in, bytes_out, http2, connections;
};
const struct http_stats *http_stats(const struct http *h);

#endif
