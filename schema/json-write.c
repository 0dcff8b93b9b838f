/*
 * Writing JSON. See json.h. The same bytes are read by Git hosts as text,
 * by JSON parsers, and by the API server as YAML, which is pickier: an
 * escaped slash or surrogate is an error there, and so is a raw character
 * that YAML calls unprintable. Trusts the tree: strings are UTF-8, numbers
 * finite, depth bounded.
 */
#include "config.h"
#include "schema/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/float.h"

/* ---- strings ---- */

/* 0: as it is; 'u': \uXXXX; else the letter behind the backslash. */
static char escape_of(uint32_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case 0x2028:
	case 0x2029:
	case 0xfeff:
	case 0xfffe:
	case 0xffff:
		return 'u';
	default:
		return c < 0x20 || (c >= 0x7f && c <= 0x9f) ? 'u' : 0;
	}
}

/* Bytes below 0x7f but the quote, the backslash and controls. */
static bool is_ordinary(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_write_string(const char *s, size_t len, struct buf *out)
{
	size_t from = 0, i = 0;

	buf_addc(out, '"');
	while (i < len) {
		size_t n;
		uint32_t c;
		char escape;

		if (is_ordinary(s[i])) {
			i++;
			continue;
		}
		n = utf8_length(s + i, len - i);
		if (!n)
			BUG("string of a tree is no UTF-8");
		c = utf8_decode(s + i, n);
		escape = escape_of(c);
		if (escape) {
			buf_add(out, s + from, i - from);
			if (escape == 'u')
				buf_addf(out, "\\u%04x", c);
			else
				buf_add(out, (char[]){ '\\', escape }, 2);
			from = i + n;
		}
		i += n;
	}
	buf_add(out, s + from, len - from);
	buf_addc(out, '"');
}

/* ---- numbers ---- */

void json_write_float(double v, struct buf *out)
{
	char digits[FLOAT_DIGITS];
	int n, e;

	if (!isfinite(v))
		BUG("number of a tree is not finite");
	if (signbit(v))
		buf_addc(out, '-');
	v = fabs(v);
	if (v == 0) {
		buf_addc(out, '0');
		return;
	}
	n = float_digits(v, false, digits, &e);
	if (v < 1e-6 || v >= 1e21) {
		buf_addc(out, digits[0]);
		if (n > 1)
			buf_addc(out, '.');
		buf_add(out, digits + 1, (size_t)(n - 1));
		buf_addf(out, "e%c%d", e < 0 ? '-' : '+', abs(e));
	} else if (e < 0) {
		buf_addf(out, "0.%.*s%.*s", -e - 1, "00000", n, digits);
	} else if (n <= e + 1) {
		buf_addf(out, "%.*s%.*s", n, digits, e + 1 - n,
			 "000000000000000000000");
	} else {
		buf_addf(out, "%.*s.%.*s", e + 1, digits, n - e - 1,
			 digits + e + 1);
	}
}

/* ---- trees ---- */

/* Bytes of a number as it is written, and of null, true and brackets. */
#define NUMBER_MOST 32
/* Pairs of most maps: sorting them needs no memory of its own. */
#define SMALL_MAP 16

struct writer {
	struct buf *out;
	bool compact;
};

static void newline(struct writer *w, unsigned int level)
{
	static const char spaces[] = "\n                                ";

	size_t n = 2 * (size_t)level, first = sizeof(spaces) - 2;

	if (w->compact)
		return;
	if (first > n)
		first = n;
	buf_add(w->out, spaces, 1 + first);
	for (n -= first; n; n -= first) {
		first = n < first ? n : first;
		buf_add(w->out, spaces + 1, first);
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct node_pair *p = *(struct node_pair *const *)a;
	const struct node_pair *q = *(struct node_pair *const *)b;
	uint32_t len = p->key_len < q->key_len ? p->key_len : q->key_len;
	int order = memcmp(p->key, q->key, len);

	if (order)
		return order;
	return p->key_len < q->key_len ? -1 : p->key_len > q->key_len;
}

/* The pairs in order of their keys, in `small` if they fit, else malloced. */
static const struct node_pair **
sorted(const struct node *map, const struct node_pair *small[SMALL_MAP])
{
	const struct node_pair **v = map->n <= SMALL_MAP ? small :
		xreallocarray(NULL, map->n, sizeof(*v));
	bool in_order = true;

	for (uint32_t i = 0; i < map->n; i++) {
		v[i] = &map->pairs[i];
		if (i && in_order)
			in_order = compare_keys(&v[i - 1], &v[i]) < 0;
	}
	if (!in_order)
		qsort(v, map->n, sizeof(*v), compare_keys);
	return v;
}

static void write_node(struct writer *w, const struct node *n,
		       unsigned int level);

static void write_map(struct writer *w, const struct node *n,
		      unsigned int level)
{
	const struct node_pair *small[SMALL_MAP], **v = sorted(n, small);

	buf_addc(w->out, '{');
	for (uint32_t i = 0; i < n->n; i++) {
		if (i)
			buf_addc(w->out, ',');
		newline(w, level + 1);
		json_write_string(v[i]->key, v[i]->key_len, w->out);
		buf_add(w->out, ": ", w->compact ? 1 : 2);
		write_node(w, v[i]->value, level + 1);
	}
	newline(w, level);
	buf_addc(w->out, '}');
	if (v != small)
		free(v);
}

static void write_seq(struct writer *w, const struct node *n,
		      unsigned int level)
{
	buf_addc(w->out, '[');
	for (uint32_t i = 0; i < n->n; i++) {
		if (i)
			buf_addc(w->out, ',');
		newline(w, level + 1);
		write_node(w, n->items[i], level + 1);
	}
	newline(w, level);
	buf_addc(w->out, ']');
}

static void write_node(struct writer *w, const struct node *n,
		       unsigned int level)
{
	switch (n->type) {
	case NODE_NULL:
		buf_add(w->out, "null", 4);
		break;
	case NODE_BOOL:
		buf_adds(w->out, n->boolean ? "true" : "false");
		break;
	case NODE_INT:
		buf_addf(w->out, "%lld", (long long)n->integer);
		break;
	case NODE_FLOAT:
		/* -0 would be read back as the integer 0: one value, one text */
		json_write_float(n->real == 0 ? 0 : n->real, w->out);
		break;
	case NODE_STR:
		json_write_string(n->str, n->n, w->out);
		break;
	case NODE_SEQ:
		if (n->n)
			write_seq(w, n, level);
		else
			buf_add(w->out, "[]", 2);
		break;
	case NODE_MAP:
		if (n->n)
			write_map(w, n, level);
		else
			buf_add(w->out, "{}", 2);
		break;
	}
}

void json_write_canonical(const struct node *n, struct buf *out)
{
	struct writer w = { out, false };

	write_node(&w, n, 0);
	buf_addc(out, '\n');
}

/* What it has in its own line: each byte of a text may be a \uXXXX. */
static size_t most_of_text(size_t len)
{
	return 6 * len + sizeof("\"\": ,\n");
}

static size_t most(const struct node *n, size_t indent)
{
	size_t sum = most_of_text(n->type == NODE_STR ? n->n : NUMBER_MOST);

	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		sum += indent + 2 + most(n->items[i], indent + 2);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++)
		sum += indent + 2 + most_of_text(n->pairs[i].key_len) +
		       most(n->pairs[i].value, indent + 2);
	/* the closing bracket has a line too */
	return sum + indent;
}

size_t json_canonical_most(const struct node *n)
{
	return most(n, 0);
}

void json_write_compact(const struct node *n, struct buf *out)
{
	struct writer w = { out, true };

	write_node(&w, n, 0);
}
