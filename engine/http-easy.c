/*
 * A request as libcurl wants it. See http-easy.h. Trusts the caller for what
 * to ask, and refuses what could turn one request into another: line breaks
 * in a header, credentials in a URL, schemes but http and https. Redirects
 * are answers like any other: the caller decides.
 */
#include "config.h"
#include "engine/http-easy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/authorities.h"
#include "schema/base/mem.h"

#define CONNECT_MS 10000
/* unacknowledged data for this long: the connection is dead */
#define USER_TIMEOUT_MS 30000
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_EVERY_S 5L

#define SET(e, opt, value) \
	(curl_easy_setopt((e), (opt), (value)) == CURLE_OK)

static int set_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int ms = USER_TIMEOUT_MS;

	/* a refusal costs a slower notice of a dead peer, no more */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static int set_common(struct http_easy *e, const struct http_request *r,
		      struct err *err)
{
	CURL *c = e->easy;
	bool good =
		SET(c, CURLOPT_ERRORBUFFER, e->why) &&
		SET(c, CURLOPT_NOSIGNAL, 1L) &&
		SET(c, CURLOPT_NOPROGRESS, 1L) &&
		SET(c, CURLOPT_PROTOCOLS_STR, "http,https") &&
		SET(c, CURLOPT_FOLLOWLOCATION, 0L) &&
		SET(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
		SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
		SET(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
		SET(c, CURLOPT_TCP_KEEPALIVE, 1L) &&
		SET(c, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S) &&
		SET(c, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S) &&
		SET(c, CURLOPT_SOCKOPTFUNCTION, set_socket) &&
		SET(c, CURLOPT_CONNECTTIMEOUT_MS,
		    (long)(r->connect_ms ? r->connect_ms : CONNECT_MS)) &&
		SET(c, CURLOPT_TIMEOUT_MS, (long)r->total_ms);

	return good ? 0 : err_set(err, ERR_INTERNAL,
				  "libcurl refuses an option");
}

/* The peer outlives the handle: no second copy of a key, if it need not be. */
static bool set_blob(CURL *c, CURLoption opt, const char *pem, bool copy)
{
	struct curl_blob blob = {
		.data = (void *)pem, .len = strlen(pem),
		.flags = copy ? CURL_BLOB_COPY : CURL_BLOB_NOCOPY,
	};

	return SET(c, opt, &blob);
}

int http_check_proxy(const char *proxy, struct err *err)
{
	static const char *const schemes[] = {
		"http", "https", "socks5", "socks5h",
	};
	char *scheme = NULL;
	CURLU *u = curl_url();
	bool good = false;

	if (u && !curl_url_set(u, CURLUPART_URL, proxy,
			       CURLU_NON_SUPPORT_SCHEME) &&
	    !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0))
		for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
			good |= !strcmp(scheme, schemes[i]);
	curl_free(scheme);
	curl_url_cleanup(u);
	return good ? 0 : err_set(err, ERR_INVALID, "the proxy must be "
				  "http://HOST:PORT, or so with https or "
				  "socks5, with NAME:PASSWORD@ before the "
				  "host where it wants that");
}

int http_check_url(const char *url, struct err *err)
{
	char *host = NULL, *port = NULL;
	CURLU *u = curl_url();
	bool good;

	/* libcurl judges the port, but for 0, which it takes */
	good = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
	       !curl_url_get(u, CURLUPART_HOST, &host, 0) && *host &&
	       !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	       strcmp(port, "0");
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return good ? 0 : err_set(err, ERR_INVALID, "must be a URL with a "
				  "host, and with a port from 1 to 65535 or "
				  "none");
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart what)
{
	char *x = NULL, *y = NULL;
	bool same = !curl_url_get(a, what, &x, CURLU_DEFAULT_PORT) &&
		    !curl_url_get(b, what, &y, CURLU_DEFAULT_PORT) &&
		    !strcasecmp(x, y);

	curl_free(x);
	curl_free(y);
	return same;
}

/* An escape may be a dot or a slash to the server: only where all is equal. */
static bool path_is_below(const char *path, const char *base)
{
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	return !strncmp(path, base, len) &&
	       (!path[len] || (path[len] == '/' &&
			       (!len || !strchr(path + len, '%'))));
}

bool http_url_is_below(const char *url, const char *base)
{
	char *path = NULL, *base_path = NULL;
	CURLU *u = curl_url(), *b = curl_url();
	bool below = u && b && !curl_url_set(u, CURLUPART_URL, url, 0) &&
		     !curl_url_set(b, CURLUPART_URL, base, 0) &&
		     same_part(u, b, CURLUPART_SCHEME) &&
		     same_part(u, b, CURLUPART_HOST) &&
		     same_part(u, b, CURLUPART_PORT) &&
		     !curl_url_get(u, CURLUPART_PATH, &path, 0) &&
		     !curl_url_get(b, CURLUPART_PATH, &base_path, 0) &&
		     path_is_below(path, base_path);

	curl_free(path);
	curl_free(base_path);
	curl_url_cleanup(u);
	curl_url_cleanup(b);
	return below;
}

/* The whole host, without port and path: "127.evil.example" is not ours. */
bool http_is_loopback(const char *host)
{
	size_t len = *host == '[' ? strcspn(host, "/]") + 1
				  : strcspn(host, ":/");
	struct in_addr address;
	char name[64];

	if (len > strlen(host) || len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (!strcmp(name, "localhost") || !strcmp(name, "[::1]"))
		return true;
	return inet_pton(AF_INET, name, &address) == 1 &&
	       ntohl(address.s_addr) >> 24 == 127;
}

/* Names are resolved by the proxy, as client-go has it for socks5. */
static bool set_proxy(CURL *c, const char *proxy)
{
	char *by_name = !strncmp(proxy, "socks5://", 9) ?
			xasprintf("socks5h://%s", proxy + 9) : NULL;
	bool good = SET(c, CURLOPT_PROXY, by_name ? by_name : proxy) &&
		    /* no_proxy is for the proxies that it stands beside */
		    SET(c, CURLOPT_NOPROXY, "");

	if (by_name)
		sodium_memzero(by_name, strlen(by_name));
	free(by_name);
	return good;
}

/* A CA of the caller's is the only one: not the system's as well. */
static bool set_cas(CURL *c, const struct http_peer *p)
{
	struct authorities a;

	if (p && p->ca_pem)
		return set_blob(c, CURLOPT_CAINFO_BLOB, p->ca_pem, false) &&
		       SET(c, CURLOPT_CAPATH, NULL);
	if (p && p->ca_file)
		return SET(c, CURLOPT_CAINFO, p->ca_file) &&
		       SET(c, CURLOPT_CAPATH, NULL);
	return !authorities_named(&a) || (SET(c, CURLOPT_CAINFO, a.file) &&
					  SET(c, CURLOPT_CAPATH, a.dir));
}

static int set_peer(struct http_easy *e, const struct http_peer *p,
		    struct err *err)
{
	CURL *c = e->easy;
	bool good = SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
		    set_cas(c, p);

	if (!p)
		return good ? 0 : err_set(err, ERR_INTERNAL,
					  "libcurl cannot speak TLS 1.2");
	if (p->cert_pem)
		good = good && set_blob(c, CURLOPT_SSLCERT_BLOB,
					p->cert_pem, p->renewed);
	else if (p->cert_file)
		good = good && SET(c, CURLOPT_SSLCERT, p->cert_file);
	if (p->key_pem)
		good = good && set_blob(c, CURLOPT_SSLKEY_BLOB, p->key_pem,
					p->renewed);
	else if (p->key_file)
		good = good && SET(c, CURLOPT_SSLKEY, p->key_file);
	if (p->insecure)
		good = good && SET(c, CURLOPT_SSL_VERIFYPEER, 0L) &&
		       SET(c, CURLOPT_SSL_VERIFYHOST, 0L);
	if (p->proxy && http_check_proxy(p->proxy, err) < 0)
		return -1;
	if (p->proxy)
		good = good && set_proxy(c, p->proxy);
	return good ? 0 : err_set(err, ERR_INTERNAL,
				  "libcurl refuses the TLS settings");
}

static int add_header(struct http_easy *e, const char *line, struct err *err)
{
	struct curl_slist *more;

	if (strpbrk(line, "\r\n"))
		return err_set(err, ERR_INVALID,
			       "a request header has a line break in it");
	more = curl_slist_append(e->headers, line);
	if (!more)
		return err_set(err, ERR_INTERNAL, "out of memory");
	e->headers = more;
	return 0;
}

static bool gives(const struct http_request *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *h = r->headers; h && *h; h++)
		if (!strncasecmp(*h, name, len) && (*h)[len] == ':')
			return true;
	return false;
}

static int set_headers(struct http_easy *e, const struct http_request *r,
		       struct err *err)
{
	for (const char *const *h = r->headers; h && *h; h++)
		if (add_header(e, *h, err) < 0)
			return -1;
	/* no 100-continue round trip, and no form's content type */
	if (add_header(e, "Expect:", err) < 0 ||
	    (!gives(r, "Content-Type") &&
	     add_header(e, "Content-Type:", err) < 0))
		return -1;
	if (!SET(e->easy, CURLOPT_HTTPHEADER, e->headers))
		return err_set(err, ERR_INTERNAL,
			       "libcurl refuses the headers");
	return 0;
}

/* libcurl wants more of the body. */
static size_t read_body(char *out, size_t size, size_t n, void *arg)
{
	struct http_easy *e = arg;
	size_t left = e->body_len - e->body_sent;

	if (e->may_send && !e->may_send(e->may_arg)) {
		e->held_back = true;
		return CURL_READFUNC_ABORT;
	}
	n = n * size < left ? n * size : left;
	memcpy(out, e->body + e->body_sent, n);
	e->body_sent += n;
	return n;
}

/* and from the start again, on another connection */
static int seek_body(void *arg, curl_off_t offset, int origin)
{
	struct http_easy *e = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (size_t)offset > e->body_len)
		return CURL_SEEKFUNC_FAIL;
	e->body_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool set_body(struct http_easy *e, const struct http_request *r,
		     const void *body)
{
	CURL *c = e->easy;

	e->body = body;
	e->body_len = r->body_len;
	e->may_send = r->may_send;
	e->may_arg = r->may_arg;
	if (!r->body_len)
		return SET(c, CURLOPT_POSTFIELDS, "") &&
		       SET(c, CURLOPT_POSTFIELDSIZE, 0L);
	return SET(c, CURLOPT_READFUNCTION, read_body) &&
	       SET(c, CURLOPT_READDATA, e) &&
	       SET(c, CURLOPT_SEEKFUNCTION, seek_body) &&
	       SET(c, CURLOPT_SEEKDATA, e) &&
	       SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
}

static int set_method(struct http_easy *e, const struct http_request *r,
		      const void *body, struct err *err)
{
	CURL *c = e->easy;
	bool good = true;

	if (!strcmp(r->method, "GET") && !r->body_len)
		good = SET(c, CURLOPT_HTTPGET, 1L);
	else if (!strcmp(r->method, "HEAD"))
		good = SET(c, CURLOPT_NOBODY, 1L);
	else if (r->body_len || !strcmp(r->method, "POST") ||
		 !strcmp(r->method, "PUT") || !strcmp(r->method, "PATCH"))
		good = SET(c, CURLOPT_POST, 1L) && set_body(e, r, body) &&
		       SET(c, CURLOPT_CUSTOMREQUEST, r->method);
	else
		good = SET(c, CURLOPT_CUSTOMREQUEST, r->method);
	return good ? 0 : err_set(err, ERR_INTERNAL,
				  "libcurl refuses method '%s'", r->method);
}

/* Puts the certificate's name in the URL and the real host in connect_to. */
static bool rename_host(struct http_easy *e, CURLU *u, const char *name)
{
	char *host = NULL, *port = NULL, *url = NULL, *to = NULL, *line = NULL;
	struct curl_slist *more;
	bool good;

	good = !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	       !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	       !curl_url_set(u, CURLUPART_HOST, name, 0) &&
	       !curl_url_get(u, CURLUPART_URL, &url, 0);
	if (!good)
		goto out;
	to = xasprintf("%s:%s:%s:%s", name, port, host, port);
	line = xasprintf("Host: %s:%s", host, port);
	e->connect_to = curl_slist_append(NULL, to);
	more = curl_slist_append(e->headers, line);
	if (more)
		e->headers = more;
	good = e->connect_to && more &&
	       SET(e->easy, CURLOPT_CONNECT_TO, e->connect_to) &&
	       SET(e->easy, CURLOPT_URL, url);
out:
	curl_free(host);
	curl_free(port);
	curl_free(url);
	free(to);
	free(line);
	return good;
}

static int set_url(struct http_easy *e, const struct http_request *r,
		   struct err *err)
{
	const char *name = r->peer ? r->peer->server_name : NULL;
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	int rc = -1;

	if (!u || curl_url_set(u, CURLUPART_URL, r->url,
			       CURLU_DISALLOW_USER) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    (strcmp(scheme, "http") && strcmp(scheme, "https"))) {
		/* a URL with a password in it must not be quoted */
		err_set(err, ERR_INVALID, "'%s' is no http or https URL "
			"without credentials",
			strchr(r->url, '@') ? "(hidden)" : r->url);
		goto out;
	}
	/* a proxy of the environment cannot reach this machine's own */
	if (!(r->peer && r->peer->proxy) &&
	    !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	    http_is_loopback(host) && !SET(e->easy, CURLOPT_NOPROXY, "*")) {
		err_set(err, ERR_INTERNAL, "libcurl refuses an option");
		goto out;
	}
	/* wait for a stream of a connection that is being made. Without TLS
	 * there will be none, and libcurl 7.88 goes on waiting until some
	 * call ends */
	if (!strcmp(scheme, "https") && !r->eager &&
	    !SET(e->easy, CURLOPT_PIPEWAIT, 1L)) {
		err_set(err, ERR_INTERNAL, "libcurl refuses an option");
		goto out;
	}
	if (name && !strcmp(scheme, "https") ? !rename_host(e, u, name)
					     : !SET(e->easy, CURLOPT_URL,
						    r->url)) {
		err_set(err, ERR_INVALID, "libcurl refuses URL '%s'", r->url);
		goto out;
	}
	rc = 0;
out:
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return rc;
}

int http_easy_init(struct http_easy *e, const struct http_request *r,
		   const void *body, struct err *err)
{
	*e = (struct http_easy){ .easy = curl_easy_init() };
	if (!e->easy)
		return err_set(err, ERR_INTERNAL, "libcurl is out of memory");
	e->url = xstrndup(r->url, strcspn(r->url, "?#"));
	if (set_url(e, r, err) < 0 || set_common(e, r, err) < 0 ||
	    set_peer(e, r->peer, err) < 0 ||
	    set_method(e, r, body, err) < 0 || set_headers(e, r, err) < 0) {
		http_easy_release(e);
		return -1;
	}
	return 0;
}

void http_easy_release(struct http_easy *e)
{
	curl_easy_cleanup(e->easy);
	for (struct curl_slist *h = e->headers; h; h = h->next)
		sodium_memzero(h->data, strlen(h->data));
	curl_slist_free_all(e->headers);
	curl_slist_free_all(e->connect_to);
	free(e->url);
	*e = (struct http_easy){ 0 };
}

static enum err_class class_of(CURLcode code)
{
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_INVALID;
	case CURLE_PEER_FAILED_VERIFICATION:
		return ERR_DENIED;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
		return ERR_INTERNAL;
	default:
		return ERR_TRANSIENT;
	}
}

int http_easy_error(const struct http_easy *e, CURLcode code, struct err *err)
{
	if (e->held_back)
		return err_set(err, ERR_TRANSIENT,
			       "not sent any more to '%s'", e->url);
	return err_set(err, class_of(code), "no answer from '%s': %s", e->url,
		       *e->why ? e->why : curl_easy_strerror(code));
}
