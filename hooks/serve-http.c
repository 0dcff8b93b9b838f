/*
 * Requests and answers of `serve`. GET and HEAD of exactly
 * /<channel>/head and /<channel>/packs/<sha256>, and of the pages for people
 * (serve-page.c), and POST of /heads and of /<channel>/report; every other
 * path is not there, every other method is refused. Paths are not decoded and
 * never joined from more than a known channel's name and 64 hex digits, so
 * there is nothing to traverse.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/http-value.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/heads.h"
#include "schema/limits.h"

/* headers of one request, and of its answer */
#define CONNECTION_BYTES (8u * 1024)
/* a pack of which nothing can be sent for so long is given up, seconds */
#define STALLED_SECONDS 75
/* descriptors that are not connections */
#define OWN_DESCRIPTORS 128
/* packs that are sent at a time, where there are descriptors enough */
#define PACKS_SENT_MAX 1024
/* the longest path: channel, packs, digest */
#define LIMIT_REQUEST_PATH 256

#define PACKS "packs/"

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

enum MHD_Result serve_reply(struct request *r, unsigned status,
			    struct MHD_Response *res)
{
	enum MHD_Result ok;

	MHD_add_response_header(res, "X-Content-Type-Options", "nosniff");
	ok = MHD_queue_response(r->connection, status, res);
	MHD_destroy_response(res);
	return ok;
}

enum MHD_Result serve_reply_text(struct request *r, unsigned status,
				 const char *name, const char *value,
				 const char *text)
{
	struct MHD_Response *res = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text,
		MHD_RESPMEM_PERSISTENT);

	if (!res)
		return MHD_NO;
	if (*text)
		MHD_add_response_header(res, "Content-Type",
					"text/plain; charset=us-ascii");
	if (name)
		MHD_add_response_header(res, name, value);
	return serve_reply(r, status, res);
}

enum MHD_Result serve_not_found(struct request *r)
{
	return serve_reply_text(r, MHD_HTTP_NOT_FOUND, NULL, NULL, "not found\n");
}

/* "not found" would say that the pack is gone, and it is not. */
enum MHD_Result serve_not_now(struct request *r)
{
	return serve_reply_text(r, MHD_HTTP_SERVICE_UNAVAILABLE, "Retry-After", "5",
			  "not now, try again\n");
}

void serve_say_waited(const struct request *r, struct MHD_Response *res)
{
	char applied[32];

	if (r->wait < 0)
		return;
	snprintf(applied, sizeof(applied), "wait=%d", r->wait);
	MHD_add_response_header(res, "Preference-Applied", applied);
	MHD_add_response_header(res, "Vary", "Prefer");
}

static enum MHD_Result answer_head(struct request *r, const struct served *ch)
{
	const char *known = header(r->connection, "If-None-Match");
	bool same = ch && ch->there && known &&
		    etag_matches(known, ch->etag);
	static const char none[] = "not published yet\n";
	struct MHD_Response *res;

	/* of a 304 the library sends no more than the length */
	if (ch && ch->there)
		res = MHD_create_response_from_buffer(
			ch->head_len, ch->head, MHD_RESPMEM_MUST_COPY);
	else
		res = MHD_create_response_from_buffer(
			strlen(none), (void *)(uintptr_t)none,
			MHD_RESPMEM_PERSISTENT);
	if (!res)
		return MHD_NO;
	MHD_add_response_header(res, "Content-Type",
				"text/plain; charset=us-ascii");
	if (ch && ch->there)
		MHD_add_response_header(res, "ETag", ch->etag);
	MHD_add_response_header(res, "Cache-Control", "no-cache");
	MHD_add_response_header(res, HEADS_HEADER, HEADS_VERSION);
	serve_say_waited(r, res);
	return serve_reply(r, same ? MHD_HTTP_NOT_MODIFIED :
		     ch && ch->there ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, res);
}

/* A GET that prefers to wait does, while nothing is new to it. */
static enum MHD_Result serve_head(struct serve *s, struct request *r,
			 struct served *ch, bool get)
{
	const char *known = header(r->connection, "If-None-Match");

	serve_head_check(s, ch);
	if (r->answered_wait)
		return answer_head(r, ch);
	if (get)
		serve_wait_prefer(r);
	if ((ch->there && !(known && etag_matches(known, ch->etag))) ||
	    !serve_wait_hold(s, r))
		return answer_head(r, ch);
	memcpy(r->wish.known, ch->etag, sizeof(r->wish.known));
	r->wish.request = r;
	r->wish.channel = ch;
	serve_wait_begin(s, r);
	return MHD_YES;
}

int serve_open_file(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	/* of a link, and of a socket */
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		errno = ENOENT;
	return fd;
}

bool serve_hold_file(struct serve *s, struct request *r)
{
	r->has_pack = serve_client_hold(s, r->client, PLACE_PACK, 1);
	return r->has_pack;
}

static int open_pack(const struct served *ch, const char *hex,
		     struct stat *ret)
{
	char *path = xasprintf("%s/" PACKS "%s", ch->folder, hex);
	int fd = serve_open_file(path, ret);
	int sys = errno;

	free(path);
	errno = sys;
	return fd;
}

static enum MHD_Result serve_pack(struct serve *s, struct request *r,
			 const struct served *ch, const char *hex)
{
	const char *known = header(r->connection, "If-None-Match");
	struct MHD_Response *res;
	char etag[ETAG_SIZE];
	struct stat st;
	bool same;
	int fd;

	if (!serve_hold_file(s, r))
		return serve_not_now(r);
	fd = open_pack(ch, hex, &st);
	if (fd < 0 && errno != ENOENT) {
		log_warn("pack-unreadable", LOG_S("channel", ch->name),
			 LOG_S("pack", hex), LOG_S("error", strerror(errno)));
		return serve_not_now(r);
	}
	if (fd < 0)
		return serve_not_found(r);
	snprintf(etag, sizeof(etag), "\"%s\"", hex);
	same = known && etag_matches(known, etag);
	res = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
	if (!res) {
		close(fd);
		return MHD_NO;
	}
	serve_client_state(s, r->client, CLIENT_KEPT);
	MHD_add_response_header(res, "ETag", etag);
	MHD_add_response_header(res, "Cache-Control", s->opts.public ?
				"public, max-age=31536000, immutable" :
				"private, max-age=31536000, immutable");
	MHD_add_response_header(res, "Content-Type",
				"application/octet-stream");
	return serve_reply(r, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, res);
}

static enum MHD_Result route(struct serve *s, struct request *r, const char *url,
		    bool get)
{
	const char *rest;
	struct served *ch;
	size_t len;

	if (url[0] != '/' || strnlen(url, LIMIT_REQUEST_PATH) == LIMIT_REQUEST_PATH)
		return serve_not_found(r);
	if (!strcmp(url, "/"))
		return serve_index(s, r);
	url++;
	len = strcspn(url, "/");
	rest = url + len + (url[len] == '/');
	ch = serve_find(s, url, len);
	if (!ch)
		ch = serve_look_again(s, &s->http_looks, url, len);
	/* none, or one that was taken out of the settings while it waited */
	if (!ch)
		return serve_not_found(r);
	if (!strcmp(rest, "head"))
		return serve_head(s, r, ch, get);
	if (serve_page_path(url - 1))
		return serve_page(s, r, ch, url - 1);
	if (!strncmp(rest, PACKS, strlen(PACKS)) &&
	    is_hex(rest + strlen(PACKS), strlen(rest + strlen(PACKS)), 64))
		return serve_pack(s, r, ch, rest + strlen(PACKS));
	return serve_not_found(r);
}

static bool may_ask(struct serve *s, struct MHD_Connection *c,
		    const char *url)
{
	const char *authorization = header(c, "Authorization");

	return !s->tokens.n || tokens_allow(&s->tokens, authorization) ||
	       (serve_page_path(url) &&
		tokens_allow_password(&s->tokens, authorization));
}

static enum MHD_Result unauthorized(struct request *r, const char *url)
{
	return serve_reply_text(r, MHD_HTTP_UNAUTHORIZED, "WWW-Authenticate",
				serve_page_path(url) ?
				"Basic realm=\"windlass\", charset=\"UTF-8\"" :
				"Bearer realm=\"windlass\"",
				"a bearer token is needed\n");
}

/* Its first line and its headers are there, its body is not. */
static enum MHD_Result begin_request(struct serve *s, struct request *r,
				     const char *url, const char *method)
{
	bool many = !strcmp(url, "/" HEADS_PATH);
	size_t len;
	bool report = serve_report_path(url, &len);

	if ((many || report) && !strcmp(method, "POST"))
		return !may_ask(s, r->connection, url) ? unauthorized(r, url) :
		       many ? serve_many_begin(s, r) :
		       serve_report_begin(s, r);
	if (many || report)
		return serve_reply_text(r, MHD_HTTP_METHOD_NOT_ALLOWED,
					"Allow", "POST", "only POST\n");
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return serve_reply_text(r, MHD_HTTP_METHOD_NOT_ALLOWED,
					"Allow", "GET, HEAD",
					"only GET and HEAD\n");
	return MHD_YES;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *url,
		     const char *method, const char *version,
		     const char *body, size_t *body_len, void **state)
{
	struct serve *s = arg;
	struct request *r = *state;
	size_t len;

	(void)version;
	if (!r) {
		*state = r = xcalloc(1, sizeof(*r));
		r->connection = c;
		r->client = serve_client_of(c);
		serve_client_state(s, r->client, CLIENT_ASKED);
		r->wait = -1;
		r->gone.fd = -1;
		log_debug("request", LOG_S("method", method),
			  LOG_S("path", url));
		return begin_request(s, r, url, method);
	}
	if (*body_len) {
		/* elsewhere a body means nothing: it is read and forgotten */
		if (r->many)
			serve_many_add(r, body, *body_len);
		if (r->report)
			serve_report_add(r, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	if (!may_ask(s, c, url))
		return unauthorized(r, url);
	if (r->many)
		return serve_many_answer(s, r);
	if (r->report && serve_report_path(url, &len))
		return serve_report_answer(s, r, url + 1, len);
	return route(s, r, url, !strcmp(method, "GET"));
}

static void completed(void *arg, struct MHD_Connection *c, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct serve *s = arg;
	struct request *r = *state;

	(void)c;
	(void)code;
	if (!r)
		return;
	if (r->suspended)
		serve_wait_end(s, r);
	serve_many_end(s, r);
	serve_report_end(s, r);
	if (r->has_pack)
		serve_client_give_back(s, r->client, PLACE_PACK, 1);
	serve_client_state(s, r->client, CLIENT_IDLE);
	free(r);
	*state = NULL;
}

/* Paths are compared as they came; what needs decoding is not ours. */
static size_t no_unescape(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return strlen(s);
}

__attribute__((format(printf, 2, 0)))
static void library_says(void *arg, const char *fmt, va_list ap)
{
	struct buf text = BUF_INIT(1024);

	(void)arg;
	buf_vaddf(&text, fmt, ap);
	while (text.len && text.data[text.len - 1] == '\n')
		buf_truncate(&text, text.len - 1);
	log_debug("http", LOG_S("message", text.data));
	buf_release(&text);
}

/*
 * As many connections as there may be descriptors, less those for packs that
 * are being sent: a head that cannot be opened for want of one would look as
 * if there were none.
 */
static unsigned share_descriptors(struct serve *s)
{
	struct rlimit r = { .rlim_cur = 0 };
	size_t all = 2 * OWN_DESCRIPTORS, packs, connections;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
		getrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur > all)
		all = r.rlim_cur > 1000000 ? 1000000 : (size_t)r.rlim_cur;
	packs = all / 8 > PACKS_SENT_MAX ? PACKS_SENT_MAX : all / 8;
	connections = all - OWN_DESCRIPTORS - packs;
	serve_client_limits(s, connections, packs);
	return (unsigned)connections;
}

static struct MHD_Daemon *start(struct serve *s, unsigned flags,
				const struct MHD_OptionItem *tls)
{
	return MHD_start_daemon(
		flags, 0, NULL, NULL, handle, s,
		MHD_OPTION_EXTERNAL_LOGGER, library_says, s,
		MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, share_descriptors(s),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, STALLED_SECONDS,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, s,
		MHD_OPTION_NOTIFY_COMPLETED, completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, serve_client_notify, s,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static void http_ready(struct serve *s, struct source *src, uint32_t events)
{
	/* the library runs once a turn, after all descriptors were seen */
	(void)s;
	(void)src;
	(void)events;
}

static int start_daemon(struct serve *s, struct err *err)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG |
			 MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[2] = { { .option = MHD_OPTION_END } };

	if (s->opts.tls_cert) {
		if (tls_open(s->opts.tls_cert, s->opts.tls_key, &s->tls,
			     err) < 0)
			return -1;
		flags |= MHD_USE_TLS;
		tls[0] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
			(void *)tls_retrieve };
		tls[1].option = MHD_OPTION_END;
	}
	s->daemon = start(s, flags, tls);
	if (!s->daemon)
		return err_sys(err, "cannot start the HTTP server");
	return 0;
}

int serve_http_start(struct serve *s, struct err *err)
{
	const union MHD_DaemonInfo *info;

	if (start_daemon(s, err) < 0)
		return -1;
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_set(err, ERR_INTERNAL, "the HTTP library has no "
			       "epoll");
	s->http.fd = info->epoll_fd;
	s->http.ready = http_ready;
	return serve_watch(s, &s->http, EPOLLIN, err);
}

int serve_http_timeout(struct serve *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	/* the library counts a resumed connection only once it ran again */
	if (s->resumed)
		return 0;
	if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}

void serve_http_run(struct serve *s)
{
	s->resumed = false;
	MHD_run(s->daemon);
}

/* The end of all connections, and of what they needed. */
void serve_http_stop(struct serve *s)
{
	if (!s->daemon) {
		tls_free(s->tls);
		return;
	}
	/* also where the loop ended by an error: all turns come now */
	s->stop = true;
	serve_unwatch(s, &s->http);
	serve_report_turn(s);
	serve_keep_stop(s);
	serve_wait_wake_all(s);
	/* those who waited get their answers */
	for (int i = 0; i < 10; i++)
		MHD_run(s->daemon);
	MHD_stop_daemon(s->daemon);
	serve_client_release(s);
	s->daemon = NULL;
	tls_free(s->tls);
}
