/* Lines of manifests: found, hidden, cut and drawn, whatever is in them. */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/quote.h"
#include "t/unit/tap.h"

/* The line at a place, or "(hidden)". Static. */
static const char *line_of(const char *text, size_t len, uint32_t line,
			   uint32_t column)
{
	static char got[2 * QUOTE_BYTES];
	struct buf l = BUF_INIT(QUOTE_BYTES), c = BUF_INIT(QUOTE_BYTES);
	struct quotes q = QUOTES_INIT;
	char *copy = xmemdup(text, len);

	quotes_read(&q, copy, len);
	if (quotes_line(&q, (struct mark){ line, column }, &l, &c))
		snprintf(got, sizeof(got), "%s|%s", l.data, c.data);
	else
		snprintf(got, sizeof(got), "(hidden)");
	quotes_release(&q);
	buf_release(&l);
	buf_release(&c);
	free(copy);
	return got;
}

static void is_line(const char *text, uint32_t line, uint32_t column,
		    const char *want, const char *what)
{
	is_str(line_of(text, strlen(text), line, column), want, what);
}

static void test_lines(void)
{
	is_line("", 1, 1, "|^", "an empty file has one line");
	is_line("", 2, 1, "(hidden)", "and no second");
	is_line("a: b", 0, 0, "(hidden)", "no place has none");
	is_line("a\nb\r\nc\rd", 2, 1, "b|^", "LF and CRLF");
	is_line("a\nb\r\nc\rd", 4, 1, "d|^", "a lone CR");
	is_line("a\nb\n", 3, 1, "|^", "behind the last LF");
	is_line("ab", 1, 3, "ab|  ^", "a caret behind the line");
	is_line("ab", 1, 90, "ab|  ^", "or far beyond");
}

static void test_cut(void)
{
	struct buf text = BUF_INIT(4096), want = BUF_INIT(4096);

	for (int i = 0; i < QUOTE_CHARS; i++)
		buf_addc(&text, (char)('a' + i % 26));
	buf_addf(&want, "%s|  ^", text.data);
	is_line(text.data, 1, 3, want.data, "a line at the limit");
	buf_addc(&text, 'z');
	buf_reset(&want);
	buf_addf(&want, "%.*s...|  ^", QUOTE_CHARS, text.data);
	is_line(text.data, 1, 3, want.data, "one beyond is cut");
	buf_reset(&want);
	buf_addf(&want, "...%s|%*s^", text.data + QUOTE_CHARS - 1 -
		 QUOTE_CHARS / 2, QUOTE_CHARS / 2 + 3, "");
	is_line(text.data, 1, QUOTE_CHARS, want.data, "around the caret");
	buf_release(&text);
	buf_release(&want);
}

static void test_characters(void)
{
	is_line("\xff\xfe: 1", 1, 5, "??: 1|    ^", "what is no UTF-8");
	is_line("\xe4\xb8\xad: 1", 1, 4, "\xe4\xb8\xad: 1|    ^",
		"a wide character");
	is_line("\x1b[1m\xc2\x9b: 1", 1, 7, "?[1m?: 1|      ^",
		"control characters");
	is_line("\xe2\x80\xae: 1", 1, 4, "?: 1|   ^", "a turned direction");
	is_line("\t\t1", 1, 3, "                1|                ^", "tabs");
}

static void test_hidden(void)
{
#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
	static const struct {
		const char *text;
		uint32_t line;
		bool hidden;
		const char *what;
	} cases[] = {
		{ "kind: Secret\na: b\n", 2, true, "a Secret" },
		{ "kind: 'Secret'\na: [\n", 2, true, "one that is no YAML" },
		{ "a: b\n---\nkind: Secret\n", 1, false, "before one" },
		{ "kind: Secret\n---\na: b\n", 3, false, "behind one" },
		{ "kind: SecretStore\na: b\n", 2, false, "another kind" },
		{ "imagePullSecrets: [a]\na: b\n", 2, false, "another key" },
		{ "value: x\n", 1, true, "a value" },
		{ "- value: |\n   x\n\n   y\n  z: 1\n", 4, true, "a block" },
		{ "- value: |\n   x\n\n   y\n  z: 1\n", 5, false,
		  "what is beside it" },
		{ "value: 'x\ny'\n", 2, true, "an open quote" },
		{ "- {value: x,\ny: z}\n", 2, true, "an open flow" },
		{ "valueFrom: x\n", 1, false, "where it is from" },
		{ "env:\n  A: x\n", 2, true, "a map of variables" },
		{ "env:\n- name: A\n  x: y\n", 2, false, "a list of them" },
		{ "{\"dbPassword\":\"x\"}\n", 1, true, "a password" },
		{ "password: true\n", 1, false, "whether there is one" },
		{ "secret:\n  secretName: x\n", 2, false, "a volume" },
		{ POD "spec: {x: &a b,\n env: [{name: A, w: *a}]}\n", 4, true,
		  "an alias" },
		{ POD "spec: {x: &a b}\n", 4, false, "an anchor alone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ok(!strcmp(line_of(cases[i].text, strlen(cases[i].text),
				   cases[i].line, 1), "(hidden)") ==
		   cases[i].hidden, "%s: %s", cases[i].what,
		   cases[i].hidden ? "hidden" : "shown");
}

/* Any bytes: nothing is read outside of them, and what is drawn fits. */
static void test_any(void)
{
	static const char letters[] =
		"\n\r\t :-{}[]\"'|&*av\x80\xc3\xa4\xe4\xb8\xad\xf0\xff\x1b\x00";
	unsigned seed = 1;
	char text[64];
	bool fits = true;

	for (int i = 0; i < 20000; i++) {
		size_t len = (unsigned)i % sizeof(text);

		for (size_t k = 0; k < len; k++) {
			seed = seed * 1103515245 + 12345;
			text[k] = letters[(seed >> 16) %
					  (sizeof(letters) - 1)];
		}
		for (uint32_t line = 0; line < 4; line++)
			fits &= strpbrk(line_of(text, len, line,
						(seed >> 20) % 200),
					"\n\r\t\x1b") == NULL;
	}
	ok(fits, "any bytes are read within them, and shown harmless");
}

int main(void)
{
	test_lines();
	test_cut();
	test_characters();
	test_hidden();
	test_any();
	return tap_done();
}
