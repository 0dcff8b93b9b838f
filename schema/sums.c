/*
 * SHA256SUMS texts: what fixes the bytes of a bundle. See sums.h. Trusts
 * nothing; refuses every text that `sha256sum -c` could read in another way
 * than we do, and every entry order but one, so that equal directories have
 * equal texts.
 */
#include "config.h"
#include "schema/sums.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

#define DIR_SUFFIX "/" SUMS_NAME

static bool may_stand(char c)
{
	return c > ' ' && c <= '~' && c != '/' && c != '\\' && c != '%' &&
	       c != '"' && c != '\'';
}

bool bundle_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > LIMIT_NAME_BYTES || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!may_stand(name[i]))
			return false;
	return strcmp(name, SUMS_NAME) != 0;
}

/* A directory's line goes on with "/SHA256SUMS", which makes the two one. */
int tree_name_cmp(const char *a, bool a_dir, const char *b, bool b_dir)
{
	size_t i = 0;
	unsigned char ca, cb;

	while (a[i] && a[i] == b[i])
		i++;
	ca = (unsigned char)(a[i] ? a[i] : a_dir ? '/' : 0);
	cb = (unsigned char)(b[i] ? b[i] : b_dir ? '/' : 0);
	return (ca > cb) - (ca < cb);
}

/* Where the name stands (*ret_at), or would have to be put. */
static bool search(const struct sums *s, const char *name, bool dir,
		   size_t *ret_at)
{
	size_t lo = 0, hi = s->n;

	/* whoever builds a directory mostly does so in order */
	if (s->n && tree_name_cmp(s->v[s->n - 1].name, s->v[s->n - 1].dir,
				  name, dir) < 0)
		lo = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = tree_name_cmp(s->v[mid].name, s->v[mid].dir, name, dir);

		if (c == 0) {
			*ret_at = mid;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_at = lo;
	return false;
}

static void insert(struct sums *s, size_t at, const struct sums_entry *e)
{
	if (s->n == s->alloc) {
		s->alloc = s->alloc ? s->alloc * 2 : 16;
		s->v = xreallocarray(s->v, s->alloc, sizeof(*s->v));
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = *e;
	s->n++;
}

/* One line without its LF. */
static int parse_line(const char *line, size_t len, struct sums *s,
		      struct sums_entry *ret)
{
	struct sums_entry e = { 0 };
	const char *name = line + SHA256_HEX_SIZE - 1 + 2;
	size_t name_len, suffix = strlen(DIR_SUFFIX);

	if (len <= SHA256_HEX_SIZE - 1 + 2 ||
	    sha256_parse(line, SHA256_HEX_SIZE - 1, &e.digest) < 0 ||
	    memcmp(line + SHA256_HEX_SIZE - 1, "  ", 2))
		return -1;
	name_len = len - (size_t)(name - line);
	if (memchr(name, '\0', name_len))
		return -1;
	if (name_len > suffix &&
	    !memcmp(name + name_len - suffix, DIR_SUFFIX, suffix)) {
		e.dir = true;
		name_len -= suffix;
	}
	if (name_len > LIMIT_NAME_BYTES)
		return -1;
	e.name = arena_strndup(&s->arena, name, name_len);
	if (!bundle_name_ok(e.name))
		return -1;
	*ret = e;
	return 0;
}

/* A name cannot be a file and a directory; the two need not be neighbours. */
static int check_twins(const struct sums *s, struct err *err)
{
	size_t at;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].dir && search(s, s->v[i].name, false, &at))
			return err_set(err, ERR_INVALID,
				       SUMS_NAME " line %zu: '%s' is there as "
				       "a file too", i + 1, s->v[i].name);
	return 0;
}

static int parse_lines(const char *text, size_t len, struct sums *s,
		       struct err *err)
{
	for (size_t at = 0, no = 1; at < len; no++) {
		const char *line = text + at, *lf;
		struct sums_entry e;

		lf = memchr(line, '\n', len - at);
		if (!lf)
			return err_set(err, ERR_INVALID,
				       SUMS_NAME " line %zu: no line feed", no);
		if (parse_line(line, (size_t)(lf - line), s, &e) < 0)
			return err_set(err, ERR_INVALID,
				       SUMS_NAME " line %zu: not '<sha256>  "
				       "<name>' with a name that a bundle may "
				       "hold", no);
		if (s->n && tree_name_cmp(s->v[s->n - 1].name,
					  s->v[s->n - 1].dir, e.name,
					  e.dir) >= 0)
			return err_set(err, ERR_INVALID,
				       SUMS_NAME " line %zu: '%s' is not in "
				       "order", no, e.name);
		insert(s, s->n, &e);
		at = (size_t)(lf - text) + 1;
	}
	return check_twins(s, err);
}

int sums_parse(const char *text, size_t len, struct sums *ret,
	       struct err *err)
{
	struct sums s = SUMS_INIT;

	if (!len)
		return err_set(err, ERR_INVALID, SUMS_NAME " is empty");
	if (len > LIMIT_SUMS_BYTES)
		return err_set(err, ERR_INVALID,
			       SUMS_NAME " is larger than %u bytes",
			       LIMIT_SUMS_BYTES);
	if (parse_lines(text, len, &s, err) < 0) {
		sums_release(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

void sums_write(const struct sums *s, struct buf *out)
{
	char hex[SHA256_HEX_SIZE];

	for (size_t i = 0; i < s->n; i++) {
		sha256_hex(&s->v[i].digest, hex);
		buf_add(out, hex, SHA256_HEX_SIZE - 1);
		buf_add(out, "  ", 2);
		buf_adds(out, s->v[i].name);
		if (s->v[i].dir)
			buf_adds(out, DIR_SUFFIX);
		buf_addc(out, '\n');
	}
}

void sums_set(struct sums *s, const char *name, bool dir,
	      const struct sha256 *digest)
{
	struct sums_entry e = { .dir = dir, .digest = *digest };
	size_t at;

	if (search(s, name, dir, &at)) {
		s->v[at].digest = *digest;
		return;
	}
	/* a file became a directory of the same name, or the other way */
	if (search(s, name, !dir, &at))
		sums_del(s, name);
	search(s, name, dir, &at);
	e.name = arena_strdup(&s->arena, name);
	insert(s, at, &e);
}

bool sums_del(struct sums *s, const char *name)
{
	size_t at;

	if (!search(s, name, false, &at) && !search(s, name, true, &at))
		return false;
	memmove(s->v + at, s->v + at + 1, (s->n - at - 1) * sizeof(*s->v));
	s->n--;
	return true;
}

void sums_release(struct sums *s)
{
	free(s->v);
	arena_release(&s->arena);
	*s = (struct sums)SUMS_INIT;
}
