/*
 * Trust files. See trust.h; the grammar is that of ssh-keygen(1), ALLOWED
 * SIGNERS. An admin writes these by hand, so every error says which line and
 * what to change. Stock tools pass over a line that they do not understand;
 * here one bad line refuses the whole text, because a list that is shorter
 * than its author believes is worse than none. Whatever stock tools could
 * understand in another way (wildcards, local times, quoted names) is
 * refused as well.
 */
#include "config.h"
#include "schema/trust.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* Where the reader is: one line, without its LF. */
struct line {
	const char *p, *end;
	unsigned n;
};

static int bad(const struct line *l, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(const struct line *l, struct err *err, const char *fmt, ...)
{
	char what[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_INVALID, "line %u: %s", l->n, what);
}

static void skip_space(struct line *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
}

static size_t left(const struct line *l)
{
	return (size_t)(l->end - l->p);
}

/* The next bytes up to white space; empty at the end of the line. */
static size_t word(const struct line *l)
{
	size_t n = 0;

	while (n < left(l) && l->p[n] != ' ' && l->p[n] != '\t')
		n++;
	return n;
}

static bool principal_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') ||
		(!first && c && strchr("._@+-", c));
}

/* [A-Za-z0-9][A-Za-z0-9._@+-]{0,63}, and a component of a ref. */
bool is_principal(const char *s, size_t len)
{
	if (!len || len > LIMIT_PRINCIPAL_BYTES || s[len - 1] == '.' ||
	    (len >= 5 && !memcmp(s + len - 5, ".lock", 5)))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!principal_char(s[i], i == 0) ||
		    (i && s[i] == '.' && s[i - 1] == '.'))
			return false;
	return true;
}

static int read_principal(struct line *l, struct trust_key *k,
			  struct err *err)
{
	size_t n = word(l);

	if (!is_principal(l->p, n))
		return bad(l, err, "'%.*s' is not a principal: one name of "
			   "letters, digits and . _ @ + -, at most %d bytes, "
			   "no list, no wildcard", n < 80 ? (int)n : 80, l->p,
			   LIMIT_PRINCIPAL_BYTES);
	memcpy(k->principal, l->p, n);
	k->principal[n] = '\0';
	l->p += n;
	skip_space(l);
	return 0;
}

/* YYYYMMDD[HHMM[SS]]Z to seconds. */
static int parse_time(const char *s, size_t len, int64_t *ret)
{
	char digits[] = "00000000000000", text[CLOCK_TEXT_SIZE];

	if ((len != 9 && len != 13 && len != 15) || s[len - 1] != 'Z')
		return -1;
	memcpy(digits, s, len - 1);
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits,
		 digits + 4, digits + 6, digits + 8, digits + 10, digits + 12);
	if (clock_parse(text, ret) < 0)
		return -1;
	/* to OpenSSH second 0 is no time */
	return *ret ? 0 : -1;
}

static int set_time(const struct line *l, const char *name, const char *s,
		    size_t len, int64_t *ret, struct err *err)
{
	if (parse_time(s, len, ret) < 0)
		return bad(l, err, "%s=\"%.*s\" is not a time in UTC such as "
			   "20261123Z or 20261123100000Z", name,
			   len < 40 ? (int)len : 40, s);
	return 0;
}

enum { OPT_NAMESPACES = 1, OPT_AFTER = 2, OPT_BEFORE = 4 };

static const struct option {
	const char *name;
	unsigned bit;
} options[] = {
	{ "namespaces=\"", OPT_NAMESPACES },
	{ "valid-after=\"", OPT_AFTER },
	{ "valid-before=\"", OPT_BEFORE },
};

static const struct option *find_option(const struct line *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		size_t n = strlen(options[i].name);

		if (left(l) >= n && !memcmp(l->p, options[i].name, n))
			return &options[i];
	}
	return NULL;
}

static int set_option(const struct line *l, const struct option *o,
		      const char *v, size_t len, const char *namespaces,
		      struct trust_key *k, struct err *err)
{
	switch (o->bit) {
	case OPT_NAMESPACES:
		if (len == strlen(namespaces) && !memcmp(v, namespaces, len))
			return 0;
		return bad(l, err, "namespaces=\"%.*s\" must be "
			   "namespaces=\"%s\" here", len < 80 ? (int)len : 80,
			   v, namespaces);
	case OPT_AFTER:
		return set_time(l, "valid-after", v, len, &k->valid_after,
				err);
	default:
		return set_time(l, "valid-before", v, len, &k->valid_before,
				err);
	}
}

/* name="value", one of them; quotes are not optional, nor is escaping. */
static int read_option(struct line *l, const char *namespaces, unsigned *seen,
		       struct trust_key *k, struct err *err)
{
	const struct option *o = find_option(l);
	const char *v, *quote;

	if (!o)
		return bad(l, err, "'%.*s' is not an option taken here: only "
			   "namespaces=\"%s\", valid-after=\"...\" and "
			   "valid-before=\"...\" are",
			   word(l) < 60 ? (int)word(l) : 60, l->p, namespaces);
	if (*seen & o->bit)
		return bad(l, err, "the option %.*s stands there twice",
			   (int)strcspn(o->name, "="), o->name);
	*seen |= o->bit;
	v = l->p + strlen(o->name);
	quote = memchr(v, '"', (size_t)(l->end - v));
	if (!quote)
		return bad(l, err, "the option %.*s has no closing quote",
			   (int)strcspn(o->name, "="), o->name);
	if (set_option(l, o, v, (size_t)(quote - v), namespaces, k, err) < 0)
		return -1;
	l->p = quote + 1;
	return 0;
}

static int read_options(struct line *l, const char *namespaces,
			struct trust_key *k, struct err *err)
{
	unsigned seen = 0;

	k->valid_after = INT64_MIN;
	k->valid_before = INT64_MAX;
	for (;;) {
		if (read_option(l, namespaces, &seen, k, err) < 0)
			return -1;
		if (l->p == l->end || *l->p != ',')
			break;
		l->p++;
	}
	if (!(seen & OPT_NAMESPACES))
		return bad(l, err, "the option namespaces=\"%s\" is missing",
			   namespaces);
	if (k->valid_before <= k->valid_after)
		return bad(l, err, "valid-before is not after valid-after");
	if (l->p < l->end && *l->p != ' ' && *l->p != '\t')
		return bad(l, err, "an option is followed by '%c' instead of "
			   "',' or a space", *l->p);
	skip_space(l);
	return 0;
}

/* Type, white space, base64; then a comment that nobody reads. */
static int read_key(struct line *l, struct trust_key *k, struct err *err)
{
	struct buf text = BUF_INIT(512);
	int rc = -1;

	buf_add(&text, l->p, word(l));
	buf_addc(&text, ' ');
	l->p += word(l);
	skip_space(l);
	buf_add(&text, l->p, word(l));
	if (!buf_ok(&text)) {
		bad(l, err, "the key is too long");
	} else if (sshkey_parse_text(text.data, text.len, &k->key, err) < 0) {
		err->class = ERR_INVALID;
		err_wrap(err, "line %u", l->n);
	} else {
		rc = 0;
	}
	buf_release(&text);
	return rc;
}

/*
 * The same 32 bytes are the same secret, whatever type or application is
 * written around them: they must not count twice.
 */
static const struct trust_key *find_pk(const struct trust *t,
				       const struct sshkey *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (!memcmp(t->v[i].key.pk, key->pk, sizeof(key->pk)))
			return &t->v[i];
	return NULL;
}

static int check_bytes(const struct line *l, struct err *err)
{
	for (const char *p = l->p; p < l->end; p++) {
		if (*p == '\r')
			return bad(l, err, "ends in CR: save the file with LF "
				   "line ends");
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return bad(l, err, "holds the control byte 0x%02x",
				   (unsigned char)*p);
	}
	return 0;
}

static int read_line(struct line *l, const char *namespaces, struct trust *t,
		     struct err *err)
{
	struct trust_key k = { 0 };
	const struct trust_key *twin;

	if (check_bytes(l, err) < 0)
		return -1;
	skip_space(l);
	if (l->p == l->end || *l->p == '#')
		return 0;
	if (read_principal(l, &k, err) < 0 ||
	    read_options(l, namespaces, &k, err) < 0 ||
	    read_key(l, &k, err) < 0)
		return -1;
	twin = find_pk(t, &k.key);
	if (twin)
		return bad(l, err, "the key of '%s' is the key of '%s' before "
			   "it: each key stands there once", k.principal,
			   twin->principal);
	if (t->n == LIMIT_TRUST_KEYS)
		return bad(l, err, "is beyond the limit of %d keys",
			   LIMIT_TRUST_KEYS);
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n++] = k;
	return 0;
}

int trust_parse(const char *text, size_t len, const char *namespaces,
		struct trust *ret, struct err *err)
{
	const char *end = text + len;
	struct trust t = TRUST_INIT;
	unsigned n = 0;

	if (len > LIMIT_TRUST_BYTES)
		return err_set(err, ERR_INVALID, "a list of keys is larger "
			       "than %d bytes", LIMIT_TRUST_BYTES);
	while (text < end) {
		const char *lf = memchr(text, '\n', (size_t)(end - text));
		struct line l = { text, lf ? lf : end, ++n };

		if (read_line(&l, namespaces, &t, err) < 0) {
			trust_release(&t);
			return -1;
		}
		text = lf ? lf + 1 : end;
	}
	*ret = t;
	return 0;
}

void trust_release(struct trust *t)
{
	free(t->v);
	*t = (struct trust)TRUST_INIT;
}

static int not_valid(const struct trust_key *k, const char *what, int64_t t,
		     struct err *err)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(t, text);
	return err_set(err, ERR_DENIED, "the key of '%s' is not valid %s %s",
		       k->principal, what, text);
}

const struct trust_key *trust_find(const struct trust *t,
				   const struct sshkey *key, int64_t now,
				   struct err *err)
{
	const struct trust_key *k = find_pk(t, key);
	struct buf fp = BUF_INIT(64);

	if (!k || !sshkey_equal(&k->key, key)) {
		sshkey_fingerprint(key, &fp);
		err_set(err, ERR_DENIED, "key %s is not in the list of "
			"trusted keys", fp.data);
		buf_release(&fp);
		return NULL;
	}
	if (now == TRUST_ANY_TIME)
		return k;
	if (now < k->valid_after)
		not_valid(k, "before", k->valid_after, err);
	else if (now > k->valid_before)
		not_valid(k, "after", k->valid_before, err);
	else
		return k;
	return NULL;
}

int trust_disjoint(const struct trust *a, const struct trust *b,
		   struct err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct trust_key *twin = find_pk(b, &a->v[i].key);

		if (twin)
			return err_set(err, ERR_INVALID, "the key of '%s' is "
				       "also the key of '%s' in another list: "
				       "a key has one role", a->v[i].principal,
				       twin->principal);
	}
	return 0;
}

size_t trust_people(const struct trust *t)
{
	size_t people = 0;

	for (size_t i = 0; i < t->n; i++) {
		size_t k = 0;

		while (strcmp(t->v[k].principal, t->v[i].principal))
			k++;
		people += k == i;
	}
	return people;
}
