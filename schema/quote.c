/*
 * Lines of manifests for a reader. See quote.h. The text is a stranger's:
 * control characters, and those that turn the direction of a line around,
 * do not get through. Hiding is done twice: by what the text looks like, and
 * by the objects in it, for kinds written with escapes and values that are
 * aliases.
 */
#include "config.h"
#include "schema/quote.h"

#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/manifest.h"

#define TAB_COLUMNS 8
#define KEY_MAX 64

/* ---- lines ---- */

static void find_lines(struct quotes *q)
{
	size_t alloc = 0;

	for (size_t i = 0; i <= q->len; i++) {
		/* a break as yaml_mark() counts them */
		if (i && !(q->text[i - 1] == '\n' ||
			   (q->text[i - 1] == '\r' &&
			    (i == q->len || q->text[i] != '\n'))))
			continue;
		if (q->n == alloc) {
			alloc = alloc ? 2 * alloc : 64;
			q->starts = xreallocarray(q->starts, alloc,
						  sizeof(*q->starts));
		}
		q->starts[q->n++] = i;
	}
	q->hidden = xcalloc(q->n, sizeof(*q->hidden));
}

/* A line without its break. */
static const char *line_at(const struct quotes *q, uint32_t i, size_t *ret_len)
{
	size_t end = i + 1 < q->n ? q->starts[i + 1] : q->len;

	while (end > q->starts[i] &&
	       (q->text[end - 1] == '\n' || q->text[end - 1] == '\r'))
		end--;
	*ret_len = end - q->starts[i];
	return q->text + q->starts[i];
}

/* ---- what the text looks like ---- */

/* Where the lines go that belong to a value which is not shown. */
struct hiding {
	bool on;
	size_t column;		/* of its key: what is further right is it */
	bool rest;		/* a flow or a quote is open: up to the end */
	bool env;		/* the key was env: a list of it is none */
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool ends_in(const char *key, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && !strncasecmp(key + len - n, word, n);
}

static bool secret_key(const char *key, size_t len)
{
	static const char *const words[] = {
		"password", "passwd", "passphrase", "token", "secret",
		"apikey", "api_key", "api-key", "privatekey", "private_key",
		"private-key", "secretkey", "secret_key", "secret-key",
		"accesskey", "access_key", "access-key", "credentials",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (ends_in(key, len, words[i]))
			return true;
	return false;
}

static bool begins(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && !memcmp(s, word, n);
}

/* The value, or what the line has of it, goes on in the next lines. Asked
 * once a line: it looks at all of it. */
static bool stays_open(const char *line, size_t colon, const char *v, size_t len)
{
	size_t quotes = 0;

	if (memchr(line, '{', colon) || memchr(line, '[', colon))
		return true;
	if (!len || (*v != '"' && *v != '\'' && *v != '{' && *v != '[' &&
		     *v != '&' && *v != '!'))
		return false;
	for (size_t i = 0; i < len; i++)
		quotes += v[i] == '"' || v[i] == '\'';
	return quotes != 2;
}

/* What stands at the colon: does it hide something? */
static bool look_at_key(const char *line, size_t len, size_t colon,
			struct hiding *h)
{
	size_t end = colon, start, v = colon + 1;
	bool env, value;

	while (end && (line[end - 1] == ' ' || line[end - 1] == '"' ||
		       line[end - 1] == '\''))
		end--;
	for (start = end; start && is_word(line[start - 1]);)
		start--;
	while (v < len && (line[v] == ' ' || line[v] == '\t'))
		v++;
	value = end - start == 5 && !memcmp(line + start, "value", 5);
	env = end - start == 3 && !memcmp(line + start, "env", 3) &&
	      (v == len || line[v] != '[');
	if (!value && !env && (v == len || line[v] == '{' ||
			       begins(line + v, len - v, "true") ||
			       begins(line + v, len - v, "false") ||
			       !secret_key(line + start, end - start)))
		return false;
	if (start && (line[start - 1] == '"' || line[start - 1] == '\''))
		start--;
	*h = (struct hiding){ true, start,
			      stays_open(line, colon, line + v, len - v),
			      env && v == len };
	return true;
}

static bool looks_secret(const char *line, size_t len, struct hiding *h)
{
	size_t indent = 0;
	bool hide = false;

	while (indent < len && (line[indent] == ' ' || line[indent] == '\t'))
		indent++;
	if (h->on && indent < len && !h->rest &&
	    (indent <= h->column || (h->env && line[indent] == '-')))
		h->on = false;
	if (h->on) {
		h->env = false;
		return true;
	}
	for (size_t i = 0; i < len && !h->on; i++)
		if (line[i] == ':' && look_at_key(line, len, i, h))
			hide = !h->env;
	return hide;
}

/* The word Secret, or SecretList. */
static bool names_secret(const char *s, size_t len)
{
	const char *end = s + len, *at = s;

	while ((at = memmem(at, (size_t)(end - at), "Secret", 6))) {
		const char *after = at + 6;

		if (end - after >= 4 && !memcmp(after, "List", 4))
			after += 4;
		if ((at == s || !is_word(at[-1])) &&
		    (after == end || !is_word(*after)))
			return true;
		at += 6;
	}
	return false;
}

static void hide_by_text(struct quotes *q)
{
	struct hiding h = { 0 };
	uint32_t first = 0;

	for (uint32_t i = 0; i <= q->n; i++) {
		size_t len = 0;
		const char *line = i < q->n ? line_at(q, i, &len) : NULL;

		if (line && !(len >= 3 && !memcmp(line, "---", 3))) {
			q->hidden[i] = looks_secret(line, len, &h);
			continue;
		}
		/* the end of a document */
		if (first < i && names_secret(q->text + q->starts[first],
					      (line ? q->starts[i] : q->len) -
					      q->starts[first]))
			memset(q->hidden + first, true, i - first);
		h = (struct hiding){ 0 };
		first = i;
		if (line)
			q->hidden[i] = looks_secret(line, len, &h);
	}
}

/* ---- what the objects are ---- */

static void hide_line(struct quotes *q, uint32_t line)
{
	if (line && line <= q->n)
		q->hidden[line - 1] = true;
}

static void hide_tree(struct quotes *q, const struct node *n)
{
	hide_line(q, n->mark.line);
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		hide_tree(q, n->items[i]);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		hide_line(q, n->pairs[i].mark.line);
		hide_tree(q, n->pairs[i].value);
	}
}

/* An item of env: its name and where its value is from are no secrets. */
static void hide_variable(struct quotes *q, const struct node *n)
{
	if (n->type != NODE_MAP) {
		hide_tree(q, n);
		return;
	}
	for (uint32_t i = 0; i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];

		if (!strcmp(p->key, "name") || !strcmp(p->key, "valueFrom"))
			continue;
		hide_line(q, p->mark.line);
		hide_tree(q, p->value);
	}
}

static void hide_values(struct quotes *q, const struct node *n)
{
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		hide_values(q, n->items[i]);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		const struct node *v = n->pairs[i].value;

		if (strcmp(n->pairs[i].key, "env") || v->type == NODE_NULL) {
			hide_values(q, v);
		} else if (v->type != NODE_SEQ) {
			hide_tree(q, v);
		} else {
			for (uint32_t k = 0; k < v->n; k++)
				hide_variable(q, v->items[k]);
		}
	}
}

static void hide_by_objects(struct quotes *q)
{
	struct problems ignored = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena a = ARENA_INIT;

	manifest_read("", q->text, q->len, &a, &os, &ignored);
	for (size_t i = 0; i < os.n; i++) {
		if (!strcmp(os.v[i].id.kind, "Secret"))
			hide_tree(q, os.v[i].root);
		else
			hide_values(q, os.v[i].root);
	}
	problems_release(&ignored);
	objects_release(&os);
	arena_release(&a);
}

/* True if an anchor (&) or an alias (*) may stand in the line. */
static bool has_mark(const struct quotes *q, uint32_t i, char mark)
{
	size_t len;
	const char *line = line_at(q, i, &len);

	for (size_t k = 0; k + 1 < len; k++)
		if (line[k] == mark && is_word(line[k + 1]))
			return true;
	return false;
}

/* What is hidden may stand elsewhere in clear, under an anchor. */
static void hide_anchors(struct quotes *q)
{
	bool any = false;

	for (uint32_t i = 0; i < q->n && !any; i++)
		any = q->hidden[i] && has_mark(q, i, '*');
	for (uint32_t i = 0; i < q->n && any; i++)
		q->hidden[i] |= has_mark(q, i, '&');
}

void quotes_read(struct quotes *q, const char *text, size_t len)
{
	*q = (struct quotes){ .text = text, .len = len };
	find_lines(q);
	hide_by_text(q);
	hide_by_objects(q);
	hide_anchors(q);
}

/* ---- a line on a terminal ---- */

/* Columns that a terminal gives it. */
static int columns_of(uint32_t c, locale_t utf8)
{
	locale_t was;
	int n;

	if (c < 0x7f || !utf8)
		return 1;
	was = uselocale(utf8);
	n = wcwidth((wchar_t)c);
	uselocale(was);
	return n < 0 ? 1 : n;
}

static void add_spaces(struct buf *out, size_t n)
{
	while (n--)
		buf_addc(out, ' ');
}

/* One character; *column is where the terminal stands. Its bytes. */
static size_t add_character(const char *s, size_t len, locale_t utf8,
			    bool ascii, size_t *column, struct buf *out)
{
	size_t n = utf8_length(s, len);
	uint32_t c = n ? utf8_decode(s, n) : 0xfffd;
	size_t used = n ? n : 1;

	/* marks count a byte that begins nothing together with its tail */
	while (!n && used < len && ((unsigned char)s[used] & 0xc0) == 0x80)
		used++;
	if (c == '\t') {
		size_t to = TAB_COLUMNS - *column % TAB_COLUMNS;

		add_spaces(out, to);
		*column += to;
	} else if (!n || utf8_unprintable(c)) {
		buf_addc(out, '?');
		(*column)++;
	} else {
		int columns = columns_of(c, utf8);

		if (!ascii || c < 0x80)
			buf_add(out, s, n);
		else
			buf_adds(out, &"??"[columns > 1 ? 0 : 2 - columns]);
		*column += (size_t)columns;
	}
	return used;
}

/* As marks count them. */
static size_t characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

bool quotes_line(const struct quotes *q, struct mark mark, struct buf *line,
		 struct buf *caret)
{
	size_t len, column = 0, at = 0;
	uint32_t from = 1, i = 1;
	const char *s;
	locale_t utf8;

	if (!mark.line || mark.line > q->n || q->hidden[mark.line - 1])
		return false;
	s = line_at(q, mark.line - 1, &len);
	if (mark.column > characters(s, len))
		mark.column = (uint32_t)characters(s, len) + 1;
	if (mark.column > QUOTE_CHARS - 20)	/* shown from the middle on */
		from = mark.column - QUOTE_CHARS / 2;
	while (at < len && i < from) {
		i += ((unsigned char)s[at] & 0xc0) != 0x80;
		at++;
	}
	while (at < len && i > 1 && ((unsigned char)s[at] & 0xc0) == 0x80)
		at++;
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	buf_reset(line);
	buf_reset(caret);
	buf_adds(line, from > 1 ? "..." : "");
	column = line->len;
	for (; at < len && i < from + QUOTE_CHARS; i++) {
		if (i == mark.column)
			add_spaces(caret, column);
		at += add_character(s + at, len - at, utf8, q->ascii, &column,
				    line);
	}
	if (i <= mark.column)
		add_spaces(caret, column);
	buf_addc(caret, '^');
	if (at < len)
		buf_adds(line, "...");
	if (utf8)
		freelocale(utf8);
	return buf_ok(line) && buf_ok(caret);
}

void quotes_release(struct quotes *q)
{
	free(q->starts);
	free(q->hidden);
	*q = (struct quotes)QUOTES_INIT;
}
