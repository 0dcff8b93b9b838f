/*
 * Requests to registries. See registry.h. Trusts TLS for who is asked, and
 * nothing that is answered: sizes, pages, tags and waiting have bounds, a tag
 * is taken only if it can be one, and redirects are refused, so that no
 * credentials get to another host. The one other host there is, is the one
 * that a registry names for its tokens; it gets the credentials of that
 * registry, which has them already, and only by TLS: what listens on this
 * machine is not asked because a registry elsewhere says so.
 */
#include "config.h"
#include "hooks/registry.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/config-value.h"
#include "hooks/http-client.h"
#include "hooks/registry-login.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/json.h"

#define ANSWER_MS 60000L
/* without a byte */
#define SILENT_S 30L
/* of a round, for one registry: with nothing but failures since its last
 * answer, and in all */
#define LIMIT_FAILING_MS (25 * 1000)
#define LIMIT_ROUND_MS (10 * 60 * 1000)
#define LIMIT_ANSWER_BYTES (8u * 1024 * 1024)
#define LIMIT_PAGES 1000
#define LIMIT_LISTING_MS (5 * 60 * 1000)
#define PAGE_TAGS 1000
#define TRIES 3
#define FIRST_PAUSE_MS 500
/* a registry that wants us to wait longer is asked the next time */
#define LIMIT_RETRY_AFTER 30
#define LIMIT_URL_BYTES 4096
#define HUB "registry-1.docker.io"
#define ACCEPT \
	"Accept: application/vnd.oci.image.index.v1+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.oci.image.manifest.v1+json, " \
	"application/vnd.docker.distribution.manifest.v2+json"

struct registry_host {
	char *name;
	int64_t failing_ms, ms;
};

struct registry {
	const struct tag_policy *policy;
	struct registries *all;
	size_t at;		/* of all of them: may be moved */
	CURL *easy;
	char why[CURL_ERROR_SIZE];
	char *host, *name;	/* "registry.example.org:5000", "shop/web" */
	const char *scheme;
	struct buf login;	/* "user:password", or empty */
	char *authorization;	/* a header, or NULL */
};

struct request {
	struct registry *r;
	const char *url;
	bool head;		/* wants no body */
	bool for_token;		/* with the login, to the realm */

	long status;
	struct buf body;
	char challenge[1024], link[2048];
	char digest[IMAGE_DIGEST_SIZE];
	uint64_t retry_after;
};

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct request *q = arg;

	(void)one;
	buf_add(&q->body, data, n);
	return buf_ok(&q->body) ? n : 0;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct request *q = arg;
	char value[16];
	struct challenge c;
	char challenge[sizeof(q->challenge)];

	(void)one;
	/* of several the first that we know */
	if (!*q->challenge &&
	    http_client_header(line, n, "WWW-Authenticate", challenge,
			       sizeof(challenge)) &&
	    registry_challenge_parse(challenge, &c))
		memcpy(q->challenge, challenge, sizeof(challenge));
	http_client_header(line, n, "Link", q->link, sizeof(q->link));
	http_client_header(line, n, "Docker-Content-Digest", q->digest,
			   sizeof(q->digest));
	if (http_client_header(line, n, "Retry-After", value,
			       sizeof(value)) &&
	    parse_u64(value, 0, UINT32_MAX, &q->retry_after) < 0)
		q->retry_after = 0;
	return n;
}

/* ---- one request ---- */

static bool set_options(struct request *q, struct curl_slist *headers)
{
	struct registry *r = q->r;
	CURL *c = r->easy;
	const struct http_request common = {
		.url = q->url, .ca_file = r->policy->ca_file, .why = r->why,
		.on_body = on_body, .on_header = on_header, .arg = q,
	};
	bool login = q->for_token && r->login.len;

	return http_client_set(c, &common) &&
	       HTTP_SET(c, CURLOPT_TIMEOUT_MS, ANSWER_MS) &&
	       HTTP_SET(c, CURLOPT_LOW_SPEED_LIMIT, 1L) &&
	       HTTP_SET(c, CURLOPT_LOW_SPEED_TIME, SILENT_S) &&
	       HTTP_SET(c, CURLOPT_HTTPHEADER, headers) &&
	       (!q->head || HTTP_SET(c, CURLOPT_NOBODY, 1L)) &&
	       (!login || (HTTP_SET(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) &&
			   HTTP_SET(c, CURLOPT_USERPWD, r->login.data)));
}

/* Why there is no answer, and what to do about certificates. */
static int unanswered(const struct registry *r, CURLcode code, struct err *err)
{
	const char *why = *r->why ? r->why : curl_easy_strerror(code);
	const struct tag_policy *p = r->policy;

	if (code == CURLE_SSL_CACERT_BADFILE && p->ca_file)
		return err_set(err, ERR_INVALID, IMAGE_SECTION ".%s.caFile = "
			       "'%s' cannot be read, or has no certificate in "
			       "PEM", p->name, p->ca_file);
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return err_set(err, ERR_TRANSIENT, "cannot ask %s: %s",
			       r->host, why);
	if (p->ca_file)
		return err_set(err, ERR_DENIED, "cannot ask %s, because its "
			       "certificate is not good: %s; authorities that "
			       "count are those in " IMAGE_SECTION
			       ".%s.caFile, '%s'", r->host, why, p->name,
			       p->ca_file);
	return err_set(err, ERR_DENIED, "cannot ask %s, because its "
		       "certificate is not good: %s; one by an authority of "
		       "your own needs that in " IMAGE_SECTION ".%s.caFile",
		       r->host, why, p->name);
}

static int perform(struct request *q, struct err *err)
{
	struct registry *r = q->r;
	struct curl_slist *headers = NULL;
	CURLcode code;
	int rc = 0;

	q->status = 0;
	q->retry_after = 0;
	q->challenge[0] = q->link[0] = q->digest[0] = '\0';
	buf_reset(&q->body);
	http_client_add(&headers, q->for_token ? "Accept: application/json" :
			ACCEPT ", application/json");
	if (!q->for_token && r->authorization)
		http_client_add(&headers, r->authorization);
	if (!set_options(q, headers)) {
		rc = err_set(err, ERR_INTERNAL, "libcurl refuses an option");
		goto out;
	}
	code = curl_easy_perform(r->easy);
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &q->status);
	if (code != CURLE_OK && !buf_ok(&q->body))
		rc = err_set(err, ERR_INVALID, "%s answers with more than %u "
			     "bytes", r->host, LIMIT_ANSWER_BYTES);
	else if (code != CURLE_OK)
		rc = unanswered(r, code, err);
out:
	curl_slist_free_all(headers);
	return rc;
}

/* May it be asked once more in this round? */
static int check_patience(const struct registry *r, struct err *err)
{
	const struct registry_host *h = &r->all->v[r->at];

	if (h->failing_ms >= LIMIT_FAILING_MS)
		return err_set(err, ERR_TRANSIENT, "%s did not answer the "
			       "image before: it is asked again the next time",
			       r->host);
	if (h->ms >= LIMIT_ROUND_MS)
		return err_set(err, ERR_TRANSIENT, "%s took %d minutes for the "
			       "images before: it is asked again the next time",
			       r->host, LIMIT_ROUND_MS / 60000);
	return 0;
}

static bool is_trouble(const struct request *q, int rc, const struct err *err)
{
	return rc < 0 ? err->class == ERR_TRANSIENT
		      : q->status == 429 || q->status >= 500;
}

/* 0 with q->status; what passes by itself is tried again. */
static int ask(struct request *q, struct err *err)
{
	struct registry_host *h = &q->r->all->v[q->r->at];
	uint64_t wait = FIRST_PAUSE_MS;
	int64_t began = clock_mono_ms(), failing = h->failing_ms;
	bool again = true;
	int rc = check_patience(q->r, err);

	if (rc < 0)
		return -1;
	for (int tries = 1; again; tries++) {
		err_clear(err);
		rc = perform(q, err);
		h->failing_ms = failing + clock_mono_ms() - began;
		again = is_trouble(q, rc, err) && tries < TRIES &&
			h->failing_ms < LIMIT_FAILING_MS &&
			q->retry_after <= LIMIT_RETRY_AFTER;
		if (again)
			http_client_pause(q->retry_after ?
					  q->retry_after * 1000 : wait);
		wait *= 3;
	}
	if (!is_trouble(q, rc, err))
		h->failing_ms = 0;
	h->ms += clock_mono_ms() - began;
	return rc;
}

static int refused(const struct request *q, struct err *err)
{
	const struct registry *r = q->r;

	if (q->status == 401 || q->status == 403)
		return err_set(err, ERR_DENIED, "%s does not let us read '%s' "
			       "(%ld)%s", r->host, r->name, q->status,
			       r->login.len ? ": the credentials are not "
			       "those it wants" : "; it may want credentials: "
			       "set " IMAGE_SECTION ".NAME.credentials");
	if (q->status == 404)
		return err_set(err, ERR_INVALID, "%s has no such image or tag "
			       "of '%s'", r->host, r->name);
	if (q->status / 100 == 3)
		return err_set(err, ERR_INVALID, "%s redirects (%ld), which is "
			       "not followed: name the registry that has "
			       "'%s'", r->host, q->status, r->name);
	if (q->status == 429)
		return err_set(err, ERR_TRANSIENT, "%s wants fewer requests",
			       r->host);
	return err_set(err, q->status >= 500 ? ERR_TRANSIENT : ERR_INVALID,
		       "%s answers %ld for '%s'", r->host, q->status, r->name);
}

/* ---- tokens ---- */

static void forget_authorization(struct registry *r)
{
	if (r->authorization)
		sodium_memzero(r->authorization, strlen(r->authorization));
	free(r->authorization);
	r->authorization = NULL;
}

static bool is_token(const char *s)
{
	for (; s && *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return s != NULL;
}

static int take_token(struct registry *r, const struct buf *body,
		      struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct node *root = NULL;
	struct err ignored = ERR_INIT;
	const char *token = NULL;
	int rc = 0;

	if (!json_read(body->data, body->len, &arena, &root, &ignored)) {
		token = node_path_str(root, "token", NULL);
		if (!token)
			token = node_path_str(root, "access_token", NULL);
	}
	if (is_token(token) && *token)
		r->authorization = xasprintf("Authorization: Bearer %s", token);
	else
		rc = err_set(err, ERR_INVALID, "the answer of the token server "
			     "of %s is no token", r->host);
	arena_wipe(&arena);
	return rc;
}

static void add_parameter(CURL *c, struct buf *url, const char *key,
			  const char *value)
{
	char *escaped = curl_easy_escape(c, value, 0);

	if (!escaped)
		BUG("out of memory");
	buf_addf(url, "%c%s=%s", strchr(url->data, '?') ? '&' : '?', key,
		 escaped);
	curl_free(escaped);
}

static int get_token(struct registry *r, const struct challenge *c,
		     struct err *err)
{
	struct buf url = BUF_INIT(LIMIT_URL_BYTES);
	struct request q = { .r = r, .for_token = true,
			     .body = BUF_INIT(LIMIT_ANSWER_BYTES) };
	char *scope = xasprintf("repository:%s:pull", r->name);
	int rc;

	buf_adds(&url, c->realm);
	if (*c->service)
		add_parameter(r->easy, &url, "service", c->service);
	add_parameter(r->easy, &url, "scope", scope);
	q.url = url.data;
	if (!value_is_safe_url(c->realm))
		rc = err_set(err, ERR_DENIED, "%s wants a token of '%s', and "
			     "without TLS only this machine is spoken to",
			     r->host, c->realm);
	else if (strncmp(c->realm, "https:", 6) && strcmp(r->scheme, "http"))
		rc = err_set(err, ERR_DENIED, "%s wants a token of '%s', and "
			     "has no say in what is asked of this machine",
			     r->host, c->realm);
	else
		rc = ask(&q, err);
	if (!rc && q.status != 200) {
		refused(&q, err);
		rc = err_wrap(err, "no token");
	}
	if (!rc)
		rc = take_token(r, &q.body, err);
	free(scope);
	buf_wipe(&q.body);
	buf_release(&url);
	return rc;
}

/* A header for what the registry asks for. */
static int log_in(struct registry *r, const char *text, struct err *err)
{
	struct challenge c;
	size_t size = sodium_base64_encoded_len(
		r->login.len, sodium_base64_VARIANT_ORIGINAL);
	char *base64;

	if (!registry_challenge_parse(text, &c))
		return err_set(err, ERR_DENIED, "%s asks for an authentication "
			       "that is neither Basic nor Bearer", r->host);
	if (c.bearer)
		return get_token(r, &c, err);
	if (!r->login.len)
		return err_set(err, ERR_DENIED, "%s wants a user and a "
			       "password: set " IMAGE_SECTION ".%s."
			       "credentials to a file like Docker's "
			       "config.json", r->host, r->policy->name);
	base64 = xmalloc(size);
	sodium_bin2base64(base64, size, (unsigned char *)r->login.data,
			  r->login.len, sodium_base64_VARIANT_ORIGINAL);
	r->authorization = xasprintf("Authorization: Basic %s", base64);
	sodium_memzero(base64, size);
	free(base64);
	return 0;
}

/* An answer of 200, logged in where that is asked for. */
static int get(struct request *q, struct err *err)
{
	int rc = ask(q, err);

	if (!rc && q->status == 401 && *q->challenge) {
		char challenge[sizeof(q->challenge)];

		memcpy(challenge, q->challenge, sizeof(challenge));
		/* one that was good for a page may have expired */
		forget_authorization(q->r);
		rc = log_in(q->r, challenge, err);
		if (!rc)
			rc = ask(q, err);
	}
	return rc < 0 ? -1 : q->status == 200 ? 0 : refused(q, err);
}

/* ---- tags ---- */

static int take_tags(const struct request *q, struct strvec *ret,
		     size_t *ret_n, struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct node *root = NULL;
	const struct node *tags;
	int rc = json_read(q->body.data, q->body.len, &arena, &root, err);

	tags = rc < 0 ? NULL : node_get(root, "tags");
	*ret_n = tags && tags->type == NODE_SEQ ? tags->n : 0;
	if (rc < 0)
		rc = err_wrap(err, "%s does not answer with tags", q->r->host);
	else if (!tags || (tags->type != NODE_SEQ && tags->type != NODE_NULL))
		rc = err_set(err, ERR_INVALID, "%s does not answer with tags",
			     q->r->host);
	else if (ret->n + *ret_n > LIMIT_IMAGE_TAGS)
		rc = err_set(err, ERR_INVALID, "%s has more than %d tags of "
			     "'%s'", q->r->host, LIMIT_IMAGE_TAGS, q->r->name);
	for (size_t i = 0; !rc && i < *ret_n; i++) {
		const char *tag = node_text(tags->items[i]);

		if (tag && is_image_tag(tag, tags->items[i]->n))
			strvec_push(ret, tag);
	}
	arena_release(&arena);
	return rc;
}

/* Does a Link lead to one more page, wherever that is? */
static bool is_next(const char *link)
{
	const char *end = strchr(link, '>');

	return *link == '<' && end && strstr(end, "next");
}

/*
 * The next page: </v2/NAME/tags/list?...>; rel="next", on this host and of
 * this image. False where there is none; an url elsewhere counts as none, and
 * is warned of.
 */
static bool next_page(const struct request *q, struct buf *ret_url)
{
	struct registry *r = q->r;
	const char *s = q->link + 1, *end;
	char *base, *path;
	bool good;

	if (!is_next(q->link))
		return false;
	base = xasprintf("%s://%s", r->scheme, r->host);
	path = xasprintf("/v2/%s/tags/list?", r->name);
	end = strchr(s, '>');
	if (!strncmp(s, base, strlen(base)))
		s += strlen(base);
	good = !strncmp(s, path, strlen(path));
	for (const char *p = s; good && p < end; p++)
		good = *p > ' ' && *p <= '~';
	if (good) {
		buf_reset(ret_url);
		buf_adds(ret_url, base);
		buf_add(ret_url, s, (size_t)(end - s));
	}
	free(base);
	free(path);
	return good && buf_ok(ret_url);
}

/* Tags beyond that page are not known: a newer one may be among them. */
static void warn_cut(const struct request *q)
{
	struct registry *r = q->r;
	struct buf line = BUF_INIT(4 * sizeof(q->link) + 1024);

	buf_addf(&line, "%s: warning: only some of the tags of '%s' are known: "
		 "%s says that more are at <", r->policy->name, r->name,
		 r->host);
	buf_add_scrubbed(&line, q->link + 1, strcspn(q->link + 1, ">"));
	buf_addf(&line, ">, which is not below %s://%s/v2/%s/: let it know "
		 "the url that it is asked by", r->scheme, r->host, r->name);
	strvec_push(&r->all->warnings, line.data);
	buf_release(&line);
}

static int read_tags(struct registry *r, struct strvec *ret, struct err *err)
{
	struct buf url = BUF_INIT(LIMIT_URL_BYTES);
	struct buf before = BUF_INIT(LIMIT_URL_BYTES);
	struct request q = { .r = r, .body = BUF_INIT(LIMIT_ANSWER_BYTES) };
	const int64_t end = clock_mono_ms() + LIMIT_LISTING_MS;
	size_t n = 1;
	bool more = true;
	int rc = 0;

	buf_addf(&url, "%s://%s/v2/%s/tags/list?n=%d", r->scheme, r->host,
		 r->name, PAGE_TAGS);
	for (int page = 0; !rc && more; page++) {
		if (page == LIMIT_PAGES || !n || clock_mono_ms() > end ||
		    !strcmp(url.data, before.data)) {
			rc = err_set(err, ERR_INVALID, "%s has no end of pages "
				     "of tags of '%s'", r->host, r->name);
			break;
		}
		buf_reset(&before);
		buf_add(&before, url.data, url.len);
		q.url = before.data;
		rc = get(&q, err);
		if (!rc)
			rc = take_tags(&q, ret, &n, err);
		more = !rc && next_page(&q, &url);
	}
	if (!rc && is_next(q.link))
		warn_cut(&q);
	buf_release(&q.body);
	buf_release(&before);
	buf_release(&url);
	return rc;
}

/* ---- digests ---- */

static bool is_digest(const char *s)
{
	return !strncmp(s, "sha256:", 7) && strlen(s) == 71 &&
	       strspn(s + 7, "0123456789abcdef") == 64;
}

static int read_digest(struct registry *r, const char *tag,
		       char ret[IMAGE_DIGEST_SIZE], struct err *err)
{
	struct request q = { .r = r, .head = true,
			     .body = BUF_INIT(LIMIT_ANSWER_BYTES) };
	char *url = xasprintf("%s://%s/v2/%s/manifests/%s", r->scheme, r->host,
			      r->name, tag);
	int rc;

	q.url = url;
	rc = get(&q, err);
	if (!rc && !is_digest(q.digest))
		rc = err_set(err, ERR_INVALID, "%s does not say which digest "
			     "'%s:%s' has", r->host, r->name, tag);
	if (!rc)
		memcpy(ret, q.digest, IMAGE_DIGEST_SIZE);
	buf_release(&q.body);
	free(url);
	return rc;
}

/* ---- which registry ---- */

/* "web" and "shop/web" are of Docker's own registry. */
static void split_image(struct registry *r, const char *image)
{
	size_t n = strcspn(image, "/");
	bool host = image[n] == '/' &&
		    (memchr(image, '.', n) || memchr(image, ':', n) ||
		     (n == 9 && !strncmp(image, "localhost", n)));

	if (!host || (n == 9 && !strncmp(image, "docker.io", n))) {
		const char *name = host ? image + n + 1 : image;

		r->host = xstrdup(HUB);
		r->name = strchr(name, '/') ? xstrdup(name)
					    : xasprintf("library/%s", name);
	} else {
		r->host = xstrndup(image, n);
		r->name = xstrdup(image + n + 1);
	}
	/* on this machine there is no one between */
	r->scheme = value_is_loopback(r->host, strlen(r->host)) &&
		    !r->policy->ca_file ? "http" : "https";
}

static void close_registry(struct registry *r)
{
	curl_easy_cleanup(r->easy);
	forget_authorization(r);
	buf_wipe(&r->login);
	free(r->host);
	free(r->name);
}

static size_t find_host(struct registries *rs, const char *name)
{
	size_t i = 0;

	while (i < rs->n && strcmp(rs->v[i].name, name))
		i++;
	if (i == rs->n) {
		rs->v = xreallocarray(rs->v, rs->n + 1, sizeof(*rs->v));
		rs->v[rs->n++] = (struct registry_host){
			.name = xstrdup(name) };
	}
	return i;
}

void registries_release(struct registries *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		free(rs->v[i].name);
	free(rs->v);
	strvec_release(&rs->warnings);
	*rs = (struct registries)REGISTRIES_INIT;
}

static int open_registry(struct registries *rs, const struct tag_policy *p,
			 const char *image, struct registry *r,
			 struct err *err)
{
	*r = (struct registry){ .policy = p, .all = rs,
				.login = BUF_INIT(LIMIT_LOGIN_BYTES) };
	split_image(r, image);
	r->at = find_host(rs, r->host);
	if (p->credentials &&
	    registry_login_read(p->credentials, r->host, &r->login, err) < 0) {
		close_registry(r);
		return -1;
	}
	r->easy = curl_easy_init();
	if (r->easy)
		return 0;
	close_registry(r);
	return err_set(err, ERR_INTERNAL, "libcurl does not start");
}

/* Tags, or the digest of one. */
static int ask_one(struct registries *rs, const struct tag_policy *p,
		   const char *image, struct strvec *tags, const char *tag,
		   char *ret_digest, struct err *err)
{
	struct registry r;
	int rc = open_registry(rs, p, image, &r, err);

	if (rc < 0)
		return -1;
	rc = tag ? read_digest(&r, tag, ret_digest, err)
		 : read_tags(&r, tags, err);
	close_registry(&r);
	return rc;
}

/* The mirrors in their order, then the registry itself. */
static int ask_each(struct registries *rs, const struct tag_policy *p,
		    struct strvec *tags, const char *tag, char *ret_digest,
		    struct err *err)
{
	for (size_t i = 0; i < p->mirrors.n; i++) {
		if (tags)
			strvec_release(tags);
		if (!ask_one(rs, p, p->mirrors.v[i], tags, tag, ret_digest,
			     err))
			return 0;
		err_clear(err);
	}
	if (tags)
		strvec_release(tags);
	return ask_one(rs, p, p->image, tags, tag, ret_digest, err);
}

int registry_tags(struct registries *rs, const struct tag_policy *p,
		  struct strvec *ret, struct err *err)
{
	struct strvec tags = STRVEC_INIT;

	if (ask_each(rs, p, &tags, NULL, NULL, err) < 0) {
		strvec_release(&tags);
		return -1;
	}
	strvec_release(ret);
	*ret = tags;
	return 0;
}

int registry_digest(struct registries *rs, const struct tag_policy *p,
		    const char *tag, char ret[IMAGE_DIGEST_SIZE],
		    struct err *err)
{
	return ask_each(rs, p, NULL, tag, ret, err);
}
