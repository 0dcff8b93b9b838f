/*
 * Characters and classes. See re2-class.h. Everything is written as ranges
 * of hexadecimal numbers, so that nothing of it can be read as syntax.
 */
#include "config.h"
#include "schema/crd/re2-class.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/limits.h"

#define LAST_CHARACTER 0x10ffffu
/* they fold to s and k, alone of all beyond ASCII */
#define LONG_S 0x17fu
#define KELVIN 0x212au

/* ---- single characters ---- */

static void add_char(struct buf *out, uint32_t c)
{
	buf_addf(out, "\\x{%x}", c);
}

static void add_range(struct buf *out, uint32_t low, uint32_t high)
{
	add_char(out, low);
	if (high > low) {
		buf_addc(out, '-');
		add_char(out, high);
	}
}

static bool is_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint32_t other_case(uint32_t c)
{
	return c ^ 0x20;
}

/* The part of low..high that lies in first..last, in the other case. */
static void add_other_case(struct buf *out, uint32_t low, uint32_t high,
			   uint32_t first, uint32_t last)
{
	if (low < first)
		low = first;
	if (high > last)
		high = last;
	if (low <= high)
		add_range(out, other_case(low), other_case(high));
}

/*
 * A range and what its letters fold to, as far as a text of ASCII can tell:
 * no other text is judged then.
 */
static void add_folded(struct re2 *re, uint32_t low, uint32_t high, bool fold)
{
	struct buf *out = &re->out;

	add_range(out, low, high);
	if (!fold)
		return;
	re->ascii_only = true;
	add_other_case(out, low, high, 'a', 'z');
	add_other_case(out, low, high, 'A', 'Z');
	if (low <= LONG_S && high >= LONG_S)
		buf_adds(out, "Ss");
	if (low <= KELVIN && high >= KELVIN)
		buf_adds(out, "Kk");
}

void re2_literal(struct re2 *re, uint32_t c, bool fold)
{
	if (fold && (is_letter(c) || c >= 0x80)) {
		buf_addc(&re->out, '[');
		add_folded(re, c, c, true);
		buf_addc(&re->out, ']');
	} else if (is_letter(c) || (c >= '0' && c <= '9')) {
		buf_addc(&re->out, (char)c);
	} else {
		add_char(&re->out, c);
	}
}

/* ---- escapes ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is behind "\x". */
static int hexadecimal(const char **s, const char *end, uint32_t *ret)
{
	const char *at = *s;
	bool braces = at < end && *at == '{';
	uint32_t c = 0;
	int n = 0;

	at += braces;
	for (; at < end && hex_digit(*at) >= 0 && (braces || n < 2); at++) {
		c = c * 16 + (uint32_t)hex_digit(*at);
		if (c > LAST_CHARACTER)
			return -1;
		n++;
	}
	if (braces ? !n || at == end || *at != '}' : n < 2)
		return -1;
	*s = at + braces;
	*ret = c;
	return 0;
}

static bool is_octal(const char *s, const char *end)
{
	return s < end && *s >= '0' && *s <= '7';
}

/* \0, \012, \12: a single digit but 0 would refer back. */
static int octal(const char **s, const char *end, uint32_t *ret)
{
	const char *at = *s;
	uint32_t c = 0;

	if (*at != '0' && !is_octal(at + 1, end))
		return -1;
	for (int i = 0; i < 3 && is_octal(at, end); i++)
		c = c * 8 + (uint32_t)(*at++ - '0');
	*s = at;
	*ret = c;
	return 0;
}

int re2_char_escape(const char **s, const char *end, uint32_t *ret)
{
	static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	const char *at = *s + 1, *name;
	unsigned char c;

	if (at == end)
		return -1;
	c = (unsigned char)*at;
	if (is_octal(at, end)) {
		if (octal(&at, end, ret) < 0)
			return -1;
	} else if (c == 'x') {
		at++;
		if (hexadecimal(&at, end, ret) < 0)
			return -1;
	} else if (c && (name = strchr(names, c))) {
		at++;
		*ret = (unsigned char)values[name - names];
	} else if (c < 0x80 && !is_letter(c) && (c < '0' || c > '9')) {
		at++;
		*ret = c;
	} else {
		return -1;
	}
	*s = at;
	return 0;
}

/* ---- classes with a name ---- */

/* ASCII as pairs of first and last characters. */
struct named {
	const char *name, *ranges;
};

static const struct named perl[] = {
	{ "d", "09" }, { "s", "\t\n\f\r  " }, { "w", "09AZ__az" },
};

static const struct named posix[] = {
	{ "alnum", "09AZaz" }, { "alpha", "AZaz" }, { "ascii", NULL },
	{ "blank", "\t\t  " }, { "cntrl", NULL }, { "digit", "09" },
	{ "graph", "!~" }, { "lower", "az" }, { "print", " ~" },
	{ "punct", "!/:@[`{~" }, { "space", "\t\r  " }, { "upper", "AZ" },
	{ "word", "09AZ__az" }, { "xdigit", "09AFaf" },
};

/* Categories that every Go knows, and by this spelling. */
static bool is_category(const char *s, size_t len)
{
	static const char known[] =
		" C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No "
		"P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";
	char word[5];

	if (len < 1 || len > 2)
		return false;
	word[0] = ' ';
	memcpy(word + 1, s, len);
	word[len + 1] = ' ';
	word[len + 2] = '\0';
	return strchr(word + 1, ' ') == word + len + 1 && strstr(known, word);
}

/*
 * The ranges of an ASCII class; the two with NUL in them have no table. They
 * are disjoint and in order, so what is between them is the negation.
 */
static void add_named(struct re2 *re, const struct named *n, bool negated,
		      bool fold)
{
	static const char ascii[] = "\0\177", cntrl[] = "\0\037\177\177";
	const char *r = n->ranges;
	size_t len = r ? strlen(r) : 0;
	uint32_t next = 0;

	if (!r) {
		r = *n->name == 'a' ? ascii : cntrl;
		len = *n->name == 'a' ? 2 : 4;
	}
	/* \W and (?i): the negation of what w folds to, so that nothing of
	 * ASCII comes back; see ascii_only */
	re->ascii_only |= fold;
	for (size_t i = 0; i < len; i += 2) {
		uint32_t low = (unsigned char)r[i];
		uint32_t high = (unsigned char)r[i + 1];

		if (!negated)
			add_folded(re, low, high, fold);
		else if (low > next)
			add_range(&re->out, next, low - 1);
		next = high + 1;
	}
	if (negated)
		add_range(&re->out, next, LAST_CHARACTER);
}

static const struct named *find_named(const struct named *table, size_t n,
				      const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(table[i].name) == len &&
		    !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

/* [:alpha:]: 1 if there is none here, -1 if it is unknown. */
static int posix_class(struct re2 *re, const char **s, const char *end,
		       bool fold)
{
	const char *name = *s + 2, *close;
	const struct named *n;
	bool negated;

	if (end - *s <= 2 || (*s)[0] != '[' || (*s)[1] != ':')
		return 1;
	close = memmem(name, (size_t)(end - name), ":]", 2);
	if (!close)
		return 1;
	negated = *name == '^';
	name += negated;
	if (close < name)
		return -1;
	n = find_named(posix, ARRAY_SIZE(posix), name, (size_t)(close - name));
	if (!n)
		return -1;
	/* as [[:^lower:]] is, of both cases */
	if (negated && fold)
		re->undecided = true;
	add_named(re, n, negated, fold);
	*s = close + 2;
	return 0;
}

/* \pL, \p{Lu}, \P{^Lu} */
static int unicode_class(struct re2 *re, const char **s, const char *end,
			 bool fold)
{
	bool negated = (*s)[1] == 'P', braces;
	const char *name = *s + 2, *close;

	if (name == end)
		return -1;
	braces = *name == '{';
	if (braces)
		close = memchr(name, '}', (size_t)(end - name));
	else
		close = name + utf8_length(name, (size_t)(end - name));
	if (!close || close == name)
		return -1;
	name += braces;
	*s = close + braces;
	if (name < close && *name == '^') {
		negated = !negated;
		name++;
	}
	re->ascii_only = true;
	if (fold || !is_category(name, (size_t)(close - name)))
		re->undecided = true;	/* a script, an alias, or nothing */
	else
		buf_addf(&re->out, "\\%c{%.*s}", negated ? 'P' : 'p',
			 (int)(close - name), name);
	return 0;
}

bool re2_is_class_escape(const char *s, const char *end)
{
	return end - s >= 2 && *s == '\\' && s[1] && strchr("dDsSwWpP", s[1]);
}

/* Inside of brackets. */
static int class_escape(struct re2 *re, const char **s, const char *end,
			bool fold)
{
	char c = (*s)[1], small = (char)(c | 0x20);

	if (small == 'p')
		return unicode_class(re, s, end, fold);
	*s += 2;
	add_named(re, find_named(perl, ARRAY_SIZE(perl), &small, 1),
		  c != small, fold);
	return 0;
}

int re2_class_escape(struct re2 *re, const char **s, const char *end,
		     bool fold)
{
	int rc;

	buf_addc(&re->out, '[');
	rc = class_escape(re, s, end, fold);
	buf_addc(&re->out, ']');
	return rc;
}

/* ---- brackets ---- */

static const char *class_char(const char **s, const char *end, uint32_t *ret)
{
	size_t n;

	if (*s == end)
		return "a missing ]";
	if (**s == '\\')
		return re2_char_escape(s, end, ret) < 0 ?
			"an unknown escape in [" : NULL;
	n = utf8_length(*s, (size_t)(end - *s));
	if (!n)
		return "no UTF-8";
	*ret = utf8_decode(*s, n);
	*s += n;
	return NULL;
}

/* "a" or "a-z"; the - of "a-]" is itself. */
static const char *class_range(struct re2 *re, const char **s,
			       const char *end, bool fold)
{
	uint32_t low, high;
	const char *what = class_char(s, end, &low);

	if (what)
		return what;
	high = low;
	if (end - *s >= 2 && **s == '-' && (*s)[1] != ']') {
		(*s)++;
		what = class_char(s, end, &high);
		if (what)
			return what;
	}
	if (high < low)
		return "a range that ends before it begins in [";
	add_folded(re, low, high, fold);
	return NULL;
}

static const char *class_item(struct re2 *re, const char **s, const char *end,
			      bool fold)
{
	int rc = posix_class(re, s, end, fold);

	if (rc < 0)
		return "an unknown class in [";
	if (rc == 0)
		return NULL;
	if (re2_is_class_escape(*s, end))
		return class_escape(re, s, end, fold) < 0 ?
			"an unknown class in [" : NULL;
	return class_range(re, s, end, fold);
}

const char *re2_class(struct re2 *re, const char **s, const char *end,
		      bool fold)
{
	const char *what = NULL;
	bool first = true;

	(*s)++;
	buf_addc(&re->out, '[');
	if (*s < end && **s == '^') {
		buf_addc(&re->out, '^');
		(*s)++;
	}
	/* a ] that comes first is itself */
	while (!what && (*s == end || **s != ']' || first)) {
		first = false;
		what = class_item(re, s, end, fold);
	}
	if (what)
		return what;
	(*s)++;
	buf_addc(&re->out, ']');
	return NULL;
}
