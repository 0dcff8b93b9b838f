/*
 * Kubernetes' URLs, by the grammar of Go's net/url. What its versions do not
 * agree about (brackets, percent signs and several colons in a host) is
 * unknown.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

struct text {
	const char *s;
	size_t n;
};

struct cel_url {
	struct text scheme;	/* lower case */
	struct text host;	/* with its port */
	struct text path;	/* as it was written */
};

enum reading { BAD, GOOD, UNSURE };

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static struct text from(struct text t, size_t n)
{
	return (struct text){ t.s + n, t.n - n };
}

static const char *find(struct text t, char c)
{
	return t.n ? memchr(t.s, c, t.n) : NULL;
}

/* ---- parts ---- */

/* Bytes of the scheme; 0 if there is none, -1 if there should be one. */
static int64_t scheme(struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.s[i];

		if (c == ':')
			return i ? (int64_t)i : -1;
		if (!is_alpha(c) && (!i || (!is_digit(c) &&
					    c != '+' && c != '-' && c != '.')))
			return 0;
	}
	return 0;
}

/* Each percent sign begins an escape. */
static bool escapes(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.s[i] == '%' && (t.n - i < 3 || !is_hex(t.s[i + 1]) ||
				      !is_hex(t.s[i + 2])))
			return false;
	return true;
}

static enum reading host(struct text t)
{
	const char *colon = find(t, ':');

	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.s[i];

		if (c == '%' || c == '[' || c == ']')
			return UNSURE;
		if (c < 0x80 && !is_alpha((char)c) && !is_digit((char)c) &&
		    !strchr("-_.~!$&'()*+,;=:<>\"", c))
			return BAD;
	}
	if (!colon)
		return GOOD;
	t = from(t, (size_t)(colon + 1 - t.s));
	if (find(t, ':'))
		return UNSURE;
	for (size_t i = 0; i < t.n; i++)
		if (!is_digit(t.s[i]))
			return BAD;
	return GOOD;
}

static enum reading authority(struct text t, struct cel_url *u)
{
	const char *at = t.n ? memrchr(t.s, '@', t.n) : NULL;
	struct text user = { t.s, at ? (size_t)(at - t.s) : 0 };

	for (size_t i = 0; i < user.n; i++)
		if (!is_alpha(t.s[i]) && !is_digit(t.s[i]) &&
		    !strchr("-._:~!$&'()*+,;=%@", t.s[i]))
			return BAD;
	if (!escapes(user))
		return BAD;
	u->host = at ? from(t, user.n + 1) : t;
	return host(u->host);
}

/* ---- all of it ---- */

/* What stands behind the scheme and before the query. */
static enum reading rest(struct text t, bool request, struct cel_url *u)
{
	bool slash = t.n && *t.s == '/';
	bool three = t.n >= 3 && !memcmp(t.s, "///", 3);
	const char *end;
	enum reading got = GOOD;

	if (!slash && u->scheme.n)
		return GOOD;		/* opaque: neither host nor path */
	if (!slash && request)
		return BAD;
	if (!slash) {
		const char *colon = find(t, ':'), *first = find(t, '/');

		if (colon && (!first || colon < first))
			return BAD;
	}
	if ((u->scheme.n || (!request && !three)) && t.n >= 2 &&
	    t.s[0] == '/' && t.s[1] == '/') {
		t = from(t, 2);
		end = find(t, '/');
		got = authority((struct text){ t.s, end ?
					       (size_t)(end - t.s) : t.n }, u);
		t = end ? from(t, (size_t)(end - t.s)) : from(t, t.n);
	}
	if (got == GOOD && !escapes(t))
		return BAD;
	u->path = t;
	return got;
}

/* url.ParseRequestURI, or url.Parse of what has no fragment. */
static enum reading parse(struct text t, bool request, struct cel_url *u)
{
	const char *query;
	int64_t n;

	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.s[i] < ' ' || t.s[i] == 0x7f)
			return BAD;
	if (!t.n && request)
		return BAD;
	*u = (struct cel_url){ .path = t };
	if (t.n == 1 && *t.s == '*')
		return GOOD;
	n = scheme(t);
	if (n < 0)
		return BAD;
	u->scheme = (struct text){ t.s, (size_t)n };
	if (n)
		t = from(t, (size_t)n + 1);
	query = find(t, '?');
	if (query)
		t.n = (size_t)(query - t.s);
	u->path = from(t, t.n);
	return rest(t, request, u);
}

/* As url() does: twice, the second time without the fragment. */
static enum reading parse_both(struct cel_value v, struct cel_url *u)
{
	struct text t = { v.str, v.n };
	enum reading first = parse(t, true, u);
	const char *hash = find(t, '#');

	if (first != GOOD)
		return first;
	if (hash && !escapes(from(t, (size_t)(hash + 1 - t.s))))
		return BAD;
	if (hash)
		t.n = (size_t)(hash - t.s);
	return parse(t, false, u);
}

static struct cel_value unsure(void)
{
	return cel_unknown("a URL that Go's versions read in different ways");
}

static struct cel_value url(struct cel_run *r,
			    const struct cel_value *args, size_t n)
{
	struct cel_url *u = cel_room(r, sizeof(*u));
	enum reading got;

	(void)n;
	if (!u || !cel_work(r, args[0].n / 8))
		return cel_too_much();
	got = parse_both(args[0], u);
	if (got == UNSURE)
		return unsure();
	return got == GOOD ? (struct cel_value){ .tag = VAL_URL, .url = u } :
	       cel_error("URL parse error during conversion from string");
}

static struct cel_value is_url(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	struct cel_url u;
	enum reading got = parse((struct text){ args[0].str, args[0].n },
				 true, &u);

	(void)n;
	if (!cel_work(r, args[0].n / 8))
		return cel_too_much();
	return got == UNSURE ? unsure() : cel_bool(got == GOOD);
}

/* ---- what is in it ---- */

static struct cel_value as_value(struct text t)
{
	return cel_stringn(t.n ? t.s : "", t.n);
}

static struct cel_value get_scheme(struct cel_run *r,
				   const struct cel_value *args, size_t n)
{
	struct text t = args[0].url->scheme;
	char *lower = cel_room(r, t.n + 1);

	(void)n;
	if (!lower)
		return cel_too_much();
	for (size_t i = 0; i < t.n; i++)
		lower[i] = t.s[i] >= 'A' && t.s[i] <= 'Z' ?
			   (char)(t.s[i] | 0x20) : t.s[i];
	return cel_stringn(lower, t.n);
}

static struct cel_value get_host(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return as_value(args[0].url->host);
}

/* getHostname() and getPort() */
static struct cel_value get_part(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	bool port = !strcmp(cel_call_name(r), "getPort");
	struct text t = args[0].url->host;
	const char *colon = find(t, ':');

	(void)n;
	if (!colon)
		return as_value(port ? from(t, t.n) : t);
	if (port)
		return as_value(from(t, (size_t)(colon + 1 - t.s)));
	t.n = (size_t)(colon - t.s);
	return as_value(t);
}

/* As it was written, if it was written well. */
static struct cel_value get_path(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	struct text t = args[0].url->path;

	(void)r;
	(void)n;
	for (size_t i = 0; i < t.n; i++)
		if (!is_alpha(t.s[i]) && !is_digit(t.s[i]) &&
		    !strchr("-_.~!$&'()*+,;=:@[]%/", t.s[i]))
			return cel_unknown("a path with characters that are "
					   "escaped");
	return as_value(t);
}

const struct cel_function cel_url_functions[] = {
	{ "url", false, "s", url },
	{ "isURL", false, "s", is_url },
	{ "getScheme", true, "U", get_scheme },
	{ "getHost", true, "U", get_host },
	{ "getHostname", true, "U", get_part },
	{ "getPort", true, "U", get_part },
	{ "getEscapedPath", true, "U", get_path },
	{ "getQuery", true, "U", NULL },
	{ 0 },
};
