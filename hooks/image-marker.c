/*
 * Markers in a manifest's text. See image-marker.h. The text is scanned by
 * line, as a marker is a comment and comments are not in any tree; what the
 * scan takes for a value must be one for our YAML reader too, at that very
 * place, and an edited text is only handed out when the two trees differ by
 * the new values alone. Trusts neither the scan nor what is put in.
 */
#include "config.h"
#include "hooks/image-marker.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/yaml.h"

#define KEY "\"$imagepolicy\""
#define BLANKS " \t"
#define VALUE_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"._-/:@+"

bool image_markers_maybe(const char *text, size_t len)
{
	return memmem(text, len, KEY, strlen(KEY)) != NULL;
}

/* ---- the comment ---- */

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && strchr(BLANKS, *s) && *s)
		s++;
	return s;
}

static const char *expect(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	if (!s)
		return NULL;
	s = skip_blanks(s, end);
	return (size_t)(end - s) >= n && !memcmp(s, word, n) ? s + n : NULL;
}

/* Takes a field's word off, where a namespace and a name are left. */
static bool ends_with(const char *s, size_t *len, const char *word)
{
	size_t n = strlen(word);

	if (*len <= n || memcmp(s + *len - n, word, n) ||
	    !memchr(s, ':', *len - n))
		return false;
	*len -= n;
	return true;
}

/* "ns:name", "ns:name:tag"; false if it names no policy. */
static bool take_name(const char *s, size_t len, struct image_marker *m)
{
	m->field = FIELD_IMAGE;
	if (ends_with(s, &len, ":name"))
		m->field = FIELD_NAME;
	else if (ends_with(s, &len, ":tag"))
		m->field = FIELD_TAG;
	else if (ends_with(s, &len, ":digest"))
		m->field = FIELD_DIGEST;
	if (!len || len > LIMIT_TAG_POLICY_BYTES || !memchr(s, ':', len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!s[i] || !strchr(VALUE_CHARS, s[i]))
			return false;
	memcpy(m->policy, s, len);
	m->policy[len] = '\0';
	return true;
}

/* `s` is behind the #. */
static bool take_comment(const char *s, const char *end,
			 struct image_marker *m)
{
	const char *name, *quote;

	s = expect(s, end, "{");
	s = expect(s, end, KEY);
	s = expect(s, end, ":");
	name = expect(s, end, "\"");
	quote = name ? memchr(name, '"', (size_t)(end - name)) : NULL;
	if (!quote || !take_name(name, (size_t)(quote - name), m))
		return false;
	s = expect(quote + 1, end, "}");
	return s && skip_blanks(s, end) == end;
}

/* ---- the value before it ---- */

static bool take_value(const char *text, const char *line, const char *hash,
		       struct image_marker *m)
{
	const char *end = hash, *from;
	char quote;

	while (end > line && strchr(BLANKS, end[-1]) && end[-1])
		end--;
	/* YAML wants a blank before a comment */
	if (end == line || end == hash)
		return false;
	quote = end[-1];
	m->quoted = quote == '"' || quote == '\'';
	if (m->quoted)
		end--;
	from = end;
	while (from > line && from[-1] && strchr(VALUE_CHARS, from[-1]))
		from--;
	if (from == end || from == line ||
	    (m->quoted ? from[-1] != quote : !strchr(BLANKS, from[-1])) ||
	    end - from > LIMIT_MARKED_BYTES)
		return false;
	m->at = (size_t)(from - text);
	m->len = (size_t)(end - from);
	return true;
}

static void add_marker(struct image_markers *ms, const struct image_marker *m)
{
	ms->v = xreallocarray(ms->v, ms->n + 1, sizeof(*ms->v));
	ms->v[ms->n++] = *m;
}

/* The line's first # that is one; false if that is too many. */
static bool scan_line(const char *text, const char *line, const char *end,
		      uint32_t number, struct image_markers *ms)
{
	const char *key = memmem(line, (size_t)(end - line), KEY, strlen(KEY));
	const char *hash;
	struct image_marker m = { .line = number };

	hash = key ? memrchr(line, '#', (size_t)(key - line)) : NULL;
	if (!hash || !take_comment(hash + 1, end, &m))
		return true;
	if (!take_value(text, line, hash, &m)) {
		m.at = (size_t)(hash - text);
		m.len = 0;
	}
	if (ms->n == LIMIT_IMAGE_MARKERS)
		return false;
	add_marker(ms, &m);
	return true;
}

static int scan(const char *text, size_t len, struct image_markers *ms,
		struct err *err)
{
	const char *s = text, *end = text + len;

	for (uint32_t number = 1; s < end; number++) {
		const char *lf = memchr(s, '\n', (size_t)(end - s));
		const char *stop = lf ? lf : end;
		const char *last = stop;

		if (last > s && last[-1] == '\r')
			last--;
		if (!scan_line(text, s, last, number, ms))
			return err_set(err, ERR_INVALID, "has more than %d "
				       "image markers", LIMIT_IMAGE_MARKERS);
		s = stop + (lf != NULL);
	}
	return 0;
}

/* ---- what YAML says of it ---- */

struct reading {
	struct arena arena;
	struct documents docs;
};

#define READING_INIT { ARENA_INIT, { 0 } }

static int read_yaml(const char *text, size_t len, struct reading *ret,
		     struct err *err)
{
	struct problems ps = PROBLEMS_INIT;
	int rc = yaml_read("", text, len, &ret->arena, &ret->docs, &ps);

	if (rc < 0) {
		const struct problem *p = &ps.v[0];

		for (size_t i = 0; i < ps.n; i++)
			if (ps.v[i].severity == SEVERITY_ERROR)
				p = &ps.v[i];
		rc = err_set(err, ERR_INVALID, "line %u: %s", p->mark.line,
			     p->message);
	}
	problems_release(&ps);
	return rc;
}

/* The text of a scalar as it is written, where its value says so. */
static const char *written(const struct node *n, size_t *ret_len)
{
	const char *s = n->type == NODE_STR ? n->str : n->source;

	*ret_len = n->type == NODE_STR ? n->n : s ? strlen(s) : 0;
	return n->type == NODE_SEQ || n->type == NODE_MAP ? NULL : s;
}

/* The first marker of that line or a later one. */
static struct image_marker *marker_at(const struct image_markers *ms,
				      uint32_t line)
{
	size_t low = 0, high = ms->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ms->v[mid].line < line)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ms->n && ms->v[low].line == line ? &ms->v[low] : NULL;
}

/* Characters from the line's begin, as marks count them, from 1. */
static uint32_t column_of(const char *text, size_t at)
{
	uint32_t column = 1;

	while (at > 0 && text[at - 1] != '\n')
		column += ((unsigned char)text[--at] & 0xc0) != 0x80;
	return column;
}

static void confirm(const char *text, struct image_markers *ms,
		    const struct node *n)
{
	struct image_marker *m = marker_at(ms, n->mark.line);
	size_t len;
	const char *s = written(n, &len);

	if (n->type == NODE_SEQ)
		for (uint32_t i = 0; i < n->n; i++)
			confirm(text, ms, n->items[i]);
	else if (n->type == NODE_MAP)
		for (uint32_t i = 0; i < n->n; i++)
			confirm(text, ms, n->pairs[i].value);
	else if (m && m->len && s && len == m->len &&
		 !memcmp(s, text + m->at, len) &&
		 n->mark.column == column_of(text, m->at - m->quoted))
		m->is_value = true;
}

int image_markers_find(const char *text, size_t len,
		       struct image_markers *ret, struct err *err)
{
	struct image_markers ms = IMAGE_MARKERS_INIT;
	struct reading r = READING_INIT;
	int rc = scan(text, len, &ms, err);

	if (!rc && ms.n)
		rc = read_yaml(text, len, &r, err);
	for (size_t i = 0; !rc && i < r.docs.n; i++)
		confirm(text, &ms, r.docs.v[i]);
	arena_release(&r.arena);
	if (rc < 0)
		image_markers_release(&ms);
	else
		*ret = ms;
	return rc;
}

void image_markers_release(struct image_markers *m)
{
	free(m->v);
	*m = (struct image_markers)IMAGE_MARKERS_INIT;
}

bool image_marker_tag(const char *text, const struct image_marker *m,
		      char ret[LIMIT_TAG_BYTES + 1])
{
	const char *s = text + m->at, *end = s + m->len, *at, *slash, *colon;

	if (!m->is_value ||
	    (m->field != FIELD_IMAGE && m->field != FIELD_TAG))
		return false;
	at = memchr(s, '@', m->len);
	end = at ? at : end;
	if (m->field == FIELD_IMAGE) {
		slash = memrchr(s, '/', (size_t)(end - s));
		s = slash ? slash + 1 : s;
		colon = memchr(s, ':', (size_t)(end - s));
		if (!colon)
			return false;
		s = colon + 1;
	}
	if (!is_image_tag(s, (size_t)(end - s)))
		return false;
	memcpy(ret, s, (size_t)(end - s));
	ret[end - s] = '\0';
	return true;
}

/* ---- setting them ---- */

struct editing {
	const char *text;
	const struct image_markers *ms;
	const char *const *values;
	bool *quotes;		/* this one gets some */
};

static void write_edited(const struct editing *e, size_t len, struct buf *out)
{
	size_t at = 0;

	for (size_t i = 0; i < e->ms->n; i++) {
		const struct image_marker *m = &e->ms->v[i];

		if (!e->values[i])
			continue;
		buf_add(out, e->text + at, m->at - at);
		if (e->quotes[i])
			buf_addc(out, '"');
		buf_adds(out, e->values[i]);
		if (e->quotes[i])
			buf_addc(out, '"');
		at = m->at + m->len;
	}
	buf_add(out, e->text + at, len - at);
}

/* Is it marked, and the new value what was to be set? One that was a text and
 * is none any more is to get quotes. */
static bool is_set(const struct editing *e, const struct node *old,
		   const struct node *new)
{
	struct image_marker *m = marker_at(e->ms, old->mark.line);
	const char *value = m ? e->values[m - e->ms->v] : NULL;
	size_t old_len, new_len;
	const char *a = written(old, &old_len), *b = written(new, &new_len);

	if (!value || !a || !b || new->mark.line != m->line ||
	    old_len != m->len || memcmp(a, e->text + m->at, old_len) ||
	    new_len != strlen(value) || memcmp(b, value, new_len))
		return false;
	if (old->type == NODE_STR && new->type != NODE_STR)
		e->quotes[m - e->ms->v] = true;
	return true;
}

static bool same_but_set(const struct editing *e, const struct node *a,
			 const struct node *b)
{
	if (a->type == NODE_SEQ || a->type == NODE_MAP) {
		if (a->type != b->type || a->n != b->n)
			return false;
		for (uint32_t i = 0; i < a->n; i++) {
			bool seq = a->type == NODE_SEQ;

			if (!seq && (a->pairs[i].key_len !=
				     b->pairs[i].key_len ||
				     memcmp(a->pairs[i].key, b->pairs[i].key,
					    a->pairs[i].key_len)))
				return false;
			if (!same_but_set(e, seq ? a->items[i]
						 : a->pairs[i].value,
					  seq ? b->items[i]
					      : b->pairs[i].value))
				return false;
		}
		return true;
	}
	return node_equal(a, b) || is_set(e, a, b);
}

static int check_edited(const struct editing *e, const struct reading *old,
			const struct buf *edited, struct err *err)
{
	struct reading new = READING_INIT;
	int rc = read_yaml(edited->data, edited->len, &new, err);
	bool same = !rc && old->docs.n == new.docs.n;

	for (size_t i = 0; same && i < old->docs.n; i++)
		same = same_but_set(e, old->docs.v[i], new.docs.v[i]);
	arena_release(&new.arena);
	if (rc < 0)
		return err_wrap(err, "cannot set its images");
	if (!same)
		return err_set(err, ERR_INTERNAL, "cannot set its images and "
			       "nothing else");
	return 0;
}

int image_markers_set(const char *text, size_t len,
		      const struct image_markers *m,
		      const char *const *values, struct buf *out,
		      struct err *err)
{
	struct editing e = { text, m, values, xcalloc(m->n + 1, 1) };
	struct buf edited = BUF_INIT(out->max);
	struct reading old = READING_INIT;
	int rc = read_yaml(text, len, &old, err);

	/* the first round finds out which need quotes */
	for (int round = 0; !rc && round < 2; round++) {
		buf_reset(&edited);
		write_edited(&e, len, &edited);
		rc = buf_check(&edited, "the file", err);
		if (!rc)
			rc = check_edited(&e, &old, &edited, err);
	}
	if (!rc)
		buf_add(out, edited.data, edited.len);
	buf_release(&edited);
	arena_release(&old.arena);
	free(e.quotes);
	return rc;
}
