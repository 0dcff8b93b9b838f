/*
 * One POST to a receiver. See notify.h. Trusts TLS for who that is, and
 * nothing that it answers: of an answer only its number counts, and how long
 * to wait, within bounds; its words are not shown, for they may repeat what
 * they were sent. Where it connects to is the admin's to say, also to hosts
 * that only this machine can reach: no pusher and no cluster has a say in it,
 * and redirects, by which a receiver would have, are refused.
 */
#include "config.h"
#include "hooks/notify.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hooks/http-client.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

/* from the first byte of the request to the last of the answer */
#define ANSWER_MS 15000L
/* what is kept of an answer, and how much may come */
#define LIMIT_ANSWER_BYTES (256u * 1024)
#define LIMIT_RETRY_AFTER 3600

struct poster {
	const struct receiver *r;
	CURL *easy;
	char why[CURL_ERROR_SIZE];
	struct buf url, token, title;

	/* of one request */
	struct buf answer;
	int64_t retry_after;	/* seconds; 0: it does not say */
};

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct poster *p = arg;

	(void)one;
	buf_add(&p->answer, data, n);
	return buf_ok(&p->answer) ? n : 0;
}

/* Seconds, or a date. */
static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct poster *p = arg;
	char value[64];
	uint64_t seconds;
	time_t date;

	(void)one;
	if (!http_client_header(line, n, "Retry-After", value, sizeof(value)))
		return n;
	if (!parse_u64(value, 0, UINT32_MAX, &seconds)) {
		p->retry_after = (int64_t)seconds;
	} else {
		date = curl_getdate(value, NULL);
		p->retry_after = date > 0 ? (int64_t)date - clock_now() : 0;
	}
	if (p->retry_after < 0)
		p->retry_after = 0;
	if (p->retry_after > LIMIT_RETRY_AFTER)
		p->retry_after = LIMIT_RETRY_AFTER;
	return n;
}

/* ---- one request ---- */

static void add_token(const struct poster *p, struct curl_slist **headers)
{
	static const char *const names[RECEIVER_FORMS] = {
		[RECEIVER_GENERIC] = "Authorization: Bearer",
		[RECEIVER_SLACK] = "Authorization: Bearer",
		[RECEIVER_GITEA] = "Authorization: token",
		[RECEIVER_GITHUB] = "Authorization: Bearer",
		[RECEIVER_GITLAB] = "PRIVATE-TOKEN:",
	};
	char *line;

	if (!p->token.len)
		return;
	line = xasprintf("%s %s", names[p->r->form], p->token.data);
	http_client_add(headers, line);
	sodium_memzero(line, strlen(line));
	free(line);
}

static struct curl_slist *headers_of(const struct poster *p)
{
	struct curl_slist *headers = NULL;

	http_client_add(&headers, "Content-Type: application/json");
	/* no answer before the body is asked for */
	http_client_add(&headers, "Expect:");
	if (p->r->form == RECEIVER_GITHUB) {
		http_client_add(&headers,
				"Accept: application/vnd.github+json");
		http_client_add(&headers, "X-GitHub-Api-Version: 2022-11-28");
	}
	add_token(p, &headers);
	return headers;
}

static void free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h; h = h->next)
		sodium_memzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static bool set_options(struct poster *p, const char *url,
			const struct buf *body, struct curl_slist *headers)
{
	CURL *c = p->easy;
	const struct http_request common = {
		.url = url, .ca_file = p->r->ca_file, .why = p->why,
		.on_body = on_body, .on_header = on_header, .arg = p,
	};

	return http_client_set(c, &common) &&
	       HTTP_SET(c, CURLOPT_TIMEOUT_MS, ANSWER_MS) &&
	       /* "%2F" stays what it is */
	       HTTP_SET(c, CURLOPT_PATH_AS_IS, 1L) &&
	       HTTP_SET(c, CURLOPT_HTTPHEADER, headers) &&
	       HTTP_SET(c, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)body->len) &&
	       HTTP_SET(c, CURLOPT_POSTFIELDS, body->data);
}

/* Those that came before anything was sent. */
static bool was_not_sent(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return true;
	default:
		return false;
	}
}

static const char *hint(const struct poster *p, long status)
{
	if (status == 401 || status == 403)
		return ": does it want another token, or one that may do "
		       "more?";
	if (status == 404 && receiver_is_forge(p->r))
		return ": it has no such repository or commit, or the token "
		       "may not see it";
	if (status == 422 && receiver_is_forge(p->r))
		return ": perhaps it does not have the commit";
	if (status / 100 == 3)
		return ": redirects are not followed, name where that leads";
	return "";
}

/* GitLab does not take a status that it has already. */
static bool has_it_already(const struct poster *p, long status)
{
	return p->r->form == RECEIVER_GITLAB && status == 400 &&
	       strstr(p->answer.data, "Cannot transition status");
}

static struct post_result judge(const struct poster *p, long status,
				struct err *err)
{
	struct post_result res = { .outcome = POST_REFUSED };
	bool busy = status == 429 || status == 408 || status >= 500 ||
		    /* GitHub's way to say it */
		    (status == 403 && p->retry_after);

	if (status / 100 == 2 || has_it_already(p, status)) {
		res.outcome = POST_TAKEN;
		return res;
	}
	if (busy) {
		res.outcome = POST_FAILED;
		res.wait = p->retry_after;
	}
	err_set(err, busy ? ERR_TRANSIENT : ERR_DENIED, "%s answers %ld%s",
		p->title.data, status, busy ? "" : hint(p, status));
	return res;
}

struct post_result poster_post(struct poster *p, const char *url,
			       const struct buf *body, struct err *err)
{
	struct post_result res = { .outcome = POST_FAILED };
	struct curl_slist *headers = headers_of(p);
	long status = 0;
	CURLcode code;

	buf_reset(&p->answer);
	p->retry_after = 0;
	if (!set_options(p, url ? url : p->url.data, body, headers)) {
		err_set(err, ERR_INTERNAL, "libcurl refuses an option");
		goto out;
	}
	code = curl_easy_perform(p->easy);
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	/* whatever else it wanted to say */
	if (status >= 200 && (code == CURLE_OK || !buf_ok(&p->answer))) {
		res = judge(p, status, err);
	} else {
		res.outcome = was_not_sent(code) ? POST_FAILED : POST_UNKNOWN;
		err_set(err, ERR_TRANSIENT, "cannot reach %s: %s",
			p->title.data,
			*p->why ? p->why : curl_easy_strerror(code));
	}
out:
	free_headers(headers);
	return res;
}

/* ---- for a run ---- */

/* A file that was written anew has another one. */
static void stamp_file(struct buf *stamp, const char *path)
{
	struct stat st;

	if (path && !stat(path, &st))
		buf_addf(stamp, " %" PRIu64 ".%09ld.%" PRIu64,
			 (uint64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			 (uint64_t)st.st_size);
}

void poster_stamp(const struct receiver *r, struct buf *ret)
{
	buf_addf(ret, "%d %s %s", (int)r->form, r->url ? r->url : "",
		 r->link ? r->link : "");
	stamp_file(ret, r->url_file);
	stamp_file(ret, r->token_file);
}

int poster_open(const struct receiver *r, struct poster **ret,
		struct err *err)
{
	struct poster *p = xcalloc(1, sizeof(*p));

	p->r = r;
	buf_init(&p->url, LIMIT_RECEIVER_URL_BYTES + 2);
	buf_init(&p->token, LIMIT_RECEIVER_TOKEN_BYTES + 2);
	buf_init(&p->title, LIMIT_RECEIVER_URL_BYTES);
	buf_init(&p->answer, LIMIT_ANSWER_BYTES);
	receiver_title(r, &p->title);
	if (receiver_open(r, &p->url, &p->token, err) < 0) {
		poster_free(p);
		return -1;
	}
	p->easy = curl_easy_init();
	if (!p->easy) {
		poster_free(p);
		return err_set(err, ERR_INTERNAL, "libcurl does not start");
	}
	*ret = p;
	return 0;
}

void poster_free(struct poster *p)
{
	if (!p)
		return;
	curl_easy_cleanup(p->easy);
	buf_wipe(&p->url);
	buf_wipe(&p->token);
	buf_release(&p->title);
	buf_release(&p->answer);
	free(p);
}

const char *poster_url(const struct poster *p)
{
	return p->url.data;
}
