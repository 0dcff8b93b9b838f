/*
 * Requests to a store. See s3.h. Trusts TLS and the certificate; an answer
 * of the store is a number, a tag and a few words that are shown to people,
 * and is never believed to be what was published: engines verify that.
 * Refuses redirects: a request is signed for one host.
 *
 * What is known of CURLOPT_AWS_SIGV4 in libcurl 7.88, and kept away from:
 * the query is signed as it stands, unsorted; the path is not escaped; the
 * body of an upload is taken for empty unless x-amz-content-sha256 says what
 * it is; a header that is given without a value is signed and not sent, so
 * that "Expect:" cannot be taken away; headers are sorted as whole lines, by
 * bytes, after their names were made lower-case.
 */
#include "config.h"
#include "hooks/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hooks/credentials.h"
#include "hooks/http-client.h"
#include "hooks/s3-error.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* a transfer that moves less than this for so long is given up */
#define SLOW_BYTES 1024L
#define SLOW_SECONDS 30L
/* for all but the body of a pack */
#define SHORT_MS 60000L
#define TRIES 3
#define FIRST_PAUSE_MS 500
/* of the text that comes with a failure */
#define LIMIT_FAILURE_BYTES 8192

struct s3 {
	const struct bucket *bucket;
	struct credentials keys;
	CURL *easy;
	char *scheme;		/* for CURLOPT_AWS_SIGV4 */
	char why[CURL_ERROR_SIZE];
	bool no_conditions;	/* it says that it knows none */
	int64_t skew;
};

struct request {
	struct s3 *s;
	const char *method, *path;
	const struct s3_put *put;
	struct buf *out;	/* of a good answer */
	bool unsigned_one;

	struct buf failure;
	char etag[S3_ETAG_BYTES];
	long status;
	uint64_t length;
	uint64_t sent;
	bool toobig;
};

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct request *r = arg;

	(void)one;
	curl_easy_getinfo(r->s->easy, CURLINFO_RESPONSE_CODE, &r->status);
	if (r->status / 100 != 2) {
		size_t room = r->failure.max - r->failure.len;

		buf_add(&r->failure, data, n < room ? n : room);
		return n;
	}
	if (!r->out)
		return n;
	buf_add(r->out, data, n);
	r->toobig = !buf_ok(r->out);
	return r->toobig ? 0 : n;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct request *r = arg;
	char value[64];

	(void)one;
	http_client_header(line, n, "ETag", r->etag, sizeof(r->etag));
	if (http_client_header(line, n, "Date", value, sizeof(value))) {
		time_t date = curl_getdate(value, NULL);

		if (date > 0)
			r->s->skew = (int64_t)date - clock_now();
	}
	return n;
}

static size_t on_upload(char *to, size_t one, size_t n, void *arg)
{
	struct request *r = arg;
	uint64_t left = r->put->bytes - r->sent;
	ssize_t got;

	n *= one;
	if (n > left)
		n = (size_t)left;
	if (r->put->data) {
		memcpy(to, r->put->data + r->sent, n);
		got = (ssize_t)n;
	} else {
		got = n ? pread(r->put->fd, to, n, (off_t)r->sent) : 0;
		/* a file that ends early is not sent as a shorter one */
		if (got < 0 || (n && !got))
			return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)got;
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct request *r = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > r->put->bytes)
		return CURL_SEEKFUNC_FAIL;
	r->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- one request ---- */

static bool set_common(struct s3 *s, struct request *r, const char *url)
{
	CURL *c = s->easy;
	const struct http_request common = {
		.url = url, .ca_file = s->bucket->ca_file, .why = s->why,
		.on_body = on_body, .on_header = on_header, .arg = r,
	};

	return http_client_set(c, &common) &&
	       HTTP_SET(c, CURLOPT_PATH_AS_IS, 1L) &&
	       HTTP_SET(c, CURLOPT_TCP_KEEPALIVE, 1L) &&
	       HTTP_SET(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES) &&
	       HTTP_SET(c, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS) &&
	       (r->put || HTTP_SET(c, CURLOPT_TIMEOUT_MS, SHORT_MS));
}

static bool set_method(struct s3 *s, struct request *r)
{
	CURL *c = s->easy;

	if (r->put)
		return HTTP_SET(c, CURLOPT_UPLOAD, 1L) &&
		       HTTP_SET(c, CURLOPT_READFUNCTION, on_upload) &&
		       HTTP_SET(c, CURLOPT_READDATA, r) &&
		       HTTP_SET(c, CURLOPT_SEEKFUNCTION, on_seek) &&
		       HTTP_SET(c, CURLOPT_SEEKDATA, r) &&
		       HTTP_SET(c, CURLOPT_INFILESIZE_LARGE,
			   (curl_off_t)r->put->bytes);
	if (!strcmp(r->method, "HEAD"))
		return HTTP_SET(c, CURLOPT_NOBODY, 1L);
	return HTTP_SET(c, CURLOPT_CUSTOMREQUEST, r->method);
}

static bool set_signature(struct s3 *s, const struct request *r)
{
	return r->unsigned_one ||
	       (HTTP_SET(s->easy, CURLOPT_USERNAME, s->keys.id) &&
		HTTP_SET(s->easy, CURLOPT_PASSWORD, s->keys.secret) &&
		HTTP_SET(s->easy, CURLOPT_AWS_SIGV4, s->scheme));
}

static void add_header(struct curl_slist **list, const char *name,
		       const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	http_client_add(list, line);
	free(line);
}

/* All of them are signed too. */
static struct curl_slist *headers_of(struct s3 *s, const struct request *r)
{
	const struct s3_put *p = r->put;
	struct curl_slist *list = NULL;
	char hex[SHA256_HEX_SIZE];
	struct sha256 digest;

	if (r->unsigned_one)
		return NULL;
	sha256_of("", 0, &digest);
	sha256_hex(p ? &p->digest : &digest, hex);
	add_header(&list, "x-amz-content-sha256", hex);
	if (s->keys.token)
		add_header(&list, "x-amz-security-token", s->keys.token);
	if (!p)
		return list;
	add_header(&list, "content-type", p->type);
	add_header(&list, "cache-control", p->cache);
	if (p->over && !s->no_conditions)
		add_header(&list, *p->over ? "if-match" : "if-none-match",
			   *p->over ? p->over : "*");
	return list;
}

/* What it cost to find out; 0 when there is an answer, whatever it says. */
static int perform(struct request *r, struct err *err)
{
	struct s3 *s = r->s;
	char *url = xasprintf("%s/%s", s->bucket->url, r->path);
	struct curl_slist *headers = headers_of(s, r);
	curl_off_t length = -1;
	CURLcode code;
	int rc = 0;

	r->sent = 0;
	r->status = 0;
	r->etag[0] = '\0';
	buf_reset(&r->failure);
	if (r->out)
		buf_reset(r->out);
	if (!set_common(s, r, url) || !set_method(s, r) ||
	    !set_signature(s, r) ||
	    !HTTP_SET(s->easy, CURLOPT_HTTPHEADER, headers)) {
		rc = err_set(err, ERR_INTERNAL, "libcurl refuses an option");
		goto out;
	}
	code = curl_easy_perform(s->easy);
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &r->status);
	curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	r->length = length > 0 ? (uint64_t)length : 0;
	/* one that refuses a body may close before it has all of it */
	if (code != CURLE_OK && (r->status < 300 || code == CURLE_READ_ERROR))
		rc = s3_error_of_curl(r->toobig, (int)code,
				      *s->why ? s->why
					      : curl_easy_strerror(code), err);
out:
	curl_slist_free_all(headers);
	free(url);
	return rc;
}

static bool worth_another(const struct request *r, int rc,
			  const struct err *err)
{
	if (rc < 0)
		return err->class == ERR_TRANSIENT;
	return r->status == 429 || (r->status >= 500 && r->status != 501 &&
				    r->status != 507);
}

/* 0 with r->status; what passes by itself is tried again. */
static int ask(struct request *r, struct err *err)
{
	uint64_t wait = FIRST_PAUSE_MS;
	int rc;

	buf_init(&r->failure, LIMIT_FAILURE_BYTES);
	for (int tries = 1; ; tries++) {
		err_clear(err);
		rc = perform(r, err);
		if (tries == TRIES || !worth_another(r, rc, err))
			break;
		http_client_pause(wait);
		wait *= 3;
	}
	return rc;
}

/* The error that an answer is; releases what it was read into. */
static int refused(struct request *r, struct err *err)
{
	s3_error_of_answer(r->method, r->path, r->status, r->failure.data,
			   r->s->skew, err);
	buf_release(&r->failure);
	return -1;
}

static int finish(struct request *r, int rc, struct err *err)
{
	if (!rc && r->status / 100 != 2)
		return refused(r, err);
	buf_release(&r->failure);
	return rc;
}

/* ---- the four ---- */

int s3_get(struct s3 *s, const char *path, struct buf *out,
	   char ret_etag[S3_ETAG_BYTES], struct err *err)
{
	struct request r = {
		.s = s, .method = "GET", .path = path, .out = out,
	};
	int rc = ask(&r, err);

	if (!rc && r.status == 404 && s3_is_no_object(r.failure.data)) {
		buf_release(&r.failure);
		return 1;
	}
	rc = finish(&r, rc, err);
	if (!rc)
		memcpy(ret_etag, r.etag, S3_ETAG_BYTES);
	return rc;
}

int s3_size(struct s3 *s, const char *path, uint64_t *ret_bytes,
	    struct err *err)
{
	struct request r = { .s = s, .method = "HEAD", .path = path };
	int rc = ask(&r, err);

	if (!rc && r.status == 404) {
		buf_release(&r.failure);
		return 1;
	}
	rc = finish(&r, rc, err);
	if (!rc)
		*ret_bytes = r.length;
	return rc;
}

int s3_put(struct s3 *s, const struct s3_put *p, struct err *err)
{
	struct request r = {
		.s = s, .method = "PUT", .path = p->path, .put = p,
	};
	int rc = ask(&r, err);

	if (!rc && p->over && r.status == 501 && !s->no_conditions) {
		s->no_conditions = true;
		buf_release(&r.failure);
		rc = ask(&r, err);
	}
	/* 404: what it was to replace is gone; 409: another one is at it */
	if (!rc && p->over &&
	    (r.status == 412 || r.status == 409 ||
	     (r.status == 404 && s3_is_no_object(r.failure.data)))) {
		buf_release(&r.failure);
		return 1;
	}
	return finish(&r, rc, err);
}

int s3_remove(struct s3 *s, const char *path, struct err *err)
{
	struct request r = { .s = s, .method = "DELETE", .path = path };
	int rc = ask(&r, err);

	if (!rc && r.status == 404 && s3_is_no_object(r.failure.data)) {
		buf_release(&r.failure);
		return 0;
	}
	return finish(&r, rc, err);
}

int s3_get_unsigned(struct s3 *s, const char *path, struct err *err)
{
	struct request r = {
		.s = s, .method = "GET", .path = path, .unsigned_one = true,
	};
	int rc = ask(&r, err);

	buf_release(&r.failure);
	return rc < 0 ? -1 : r.status != 200;
}

int64_t s3_skew(const struct s3 *s)
{
	return s->skew;
}

int s3_open(const struct bucket *b, struct s3 **ret, struct err *err)
{
	struct s3 *s = xcalloc(1, sizeof(*s));

	s->bucket = b;
	if (credentials_read(b, &s->keys, err) < 0) {
		s3_free(s);
		return -1;
	}
	s->easy = curl_easy_init();
	if (!s->easy) {
		s3_free(s);
		return err_set(err, ERR_INTERNAL, "libcurl does not start");
	}
	s->scheme = xasprintf("aws:amz:%s:s3", b->region);
	*ret = s;
	return 0;
}

void s3_free(struct s3 *s)
{
	if (!s)
		return;
	curl_easy_cleanup(s->easy);
	credentials_release(&s->keys);
	free(s->scheme);
	free(s);
}
