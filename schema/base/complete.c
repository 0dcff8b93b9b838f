/*
 * Completion out of tables and usage texts. See complete.h. Both are our own
 * and trusted; the words are the user's. What the program adds may come from
 * elsewhere (names in a repository or a cluster), so nothing that a terminal
 * or a shell's list would misread is ever printed.
 */
#include "config.h"
#include "schema/base/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/base/strvec.h"

#define MEANING_MAX 200

struct completion {
	const struct option_spec *specs;
	const char *usage;
	char **argv;
	int argc;
	const char *lead;	/* "--output=" of the word, len bytes, or "" */
	size_t lead_len;
	const char *prefix;	/* what was typed behind that */
};

/* one process completes one word */
static struct {
	bool asked;
	int argc;
	char **argv;
	complete_fn *values;
} request;

void complete_begin(int argc, char **argv, complete_fn *values)
{
	request.asked = true;
	request.argc = argc;
	request.argv = argv;
	request.values = values;
}

bool complete_asked(void)
{
	return request.asked;
}

/* ---- what is printed ---- */

/*
 * A ref may be named $(reboot), and bash puts what it is told on the command
 * line as it is: what a shell would do something with is left to type.
 */
static bool harmless(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' ||
		    strchr("\"'`$&;|<>(){}[]*?!#~\\\x7f", *s))
			return false;
	return true;
}

void complete_word(const char *prefix, const char *word, const char *meaning)
{
	if (!*word || *word == ':' || !harmless(word) ||
	    strncmp(word, prefix, strlen(prefix)) != 0)
		return;
	fputs(word, stdout);
	if (meaning && *meaning) {
		struct buf out = BUF_INIT(4 * MEANING_MAX);

		buf_add_scrubbed(&out, meaning,
				 strnlen(meaning, MEANING_MAX));
		printf("\t%s", out.data);
		buf_release(&out);
	}
	putchar('\n');
}

void completion_add(struct completion *c, const char *word,
		    const char *meaning)
{
	char *whole;

	/* the rest would be the prefix of another word */
	if (!*word || *word == ':')
		return;
	whole = xasprintf("%.*s%s", (int)c->lead_len, c->lead, word);
	complete_word(c->argv[c->argc - 1], whole, meaning);
	free(whole);
}

const char *completion_prefix(const struct completion *c)
{
	return c->prefix;
}

/* ---- a usage text ---- */

/*
 * The text behind "  --repo" or "  -n" at the start of a line, or NULL: there
 * every option is described.
 */
static const char *described(const char *usage, const struct option_spec *s)
{
	char *head = s->name ? xasprintf("\n  --%s", s->name) :
			       xasprintf("\n  -%c", s->letter);
	const char *at = usage;

	while ((at = strstr(at, head))) {
		at += strlen(head);
		if (strchr(" =\n", *at))
			break;
	}
	free(head);
	return at;
}

/* The name of its argument, "DIR"; "" if there is none. */
static void argument_name(const struct option_spec *s, const char *text,
			  struct buf *out)
{
	if (!s->flag && text && (*text == ' ' || *text == '='))
		buf_add(out, text + 1, strcspn(text + 1, " \n"));
}

/* What it means, which may go on over several lines. */
static void description(const struct option_spec *s, const char *text,
			struct buf *out)
{
	if (!s->flag && *text != '\n')
		text += 1 + strcspn(text + 1, " \n");
	for (;;) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, "\n");
		if (out->len && len)
			buf_addc(out, ' ');
		buf_add(out, text, len);
		/* it goes on deeper than the options themselves */
		if (strncmp(text + len, "\n      ", 7) != 0)
			break;
		text += len + 1;
	}
}

/* Of that what has room beside a word. */
static void shorten(struct buf *b)
{
	static const char *const ends[] = { "; ", ": ", " (", ", or " };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *end = strstr(b->data, ends[i]);

		if (end)
			buf_truncate(b, (size_t)(end - b->data));
	}
	while (b->len && strchr(" ,.;:", b->data[b->len - 1]))
		buf_truncate(b, b->len - 1);
}

static const struct option_spec *spec_named(const struct option_spec *specs,
					    const char *word)
{
	size_t len = strcspn(word, "=");

	for (const struct option_spec *s = specs; s->name || s->letter; s++) {
		if (s->name && len > 2 && strlen(s->name) == len - 2 &&
		    !strncmp(word + 2, s->name, len - 2) &&
		    !strncmp(word, "--", 2))
			return s;
		if (s->letter && word[0] == '-' && word[1] == s->letter &&
		    !word[2])
			return s;
	}
	return NULL;
}

/*
 * The name of the argument that is no option's and has this number, as the
 * synopsis has it ("CHANNEL" of "[CHANNEL...]"); "" if there is none.
 */
static void positional(const struct completion *c, unsigned int number,
		       struct buf *out)
{
	const char *end = c->usage + strcspn(c->usage, "\n");
	const char *at = c->usage + strlen("usage: ");
	bool argument = false;

	/* behind the program and its command, which begin in lower case */
	while (at < end && islower((unsigned char)*at)) {
		at += strcspn(at, " \n");
		at += strspn(at, " ");
	}
	while (at < end) {
		const char *word = at + strspn(at, "[|");
		size_t len = strcspn(word, " ]\n"), full;
		const struct option_spec *s = NULL;
		char *name = xstrndup(word, len);
		bool repeated;

		full = strcspn(word, " \n");
		at = word + full + strspn(word + full, " ");
		if (len > 3 && !strcmp(name + len - 3, "..."))
			name[len - 3] = '\0';
		repeated = memmem(word, full, "...", 3) != NULL;
		if (*name == '-') {
			s = spec_named(c->specs, name);
		} else if (!argument && *name &&
			   strcmp(name, "OPTION") && strcmp(name, "OPTIONS") &&
			   (repeated || number-- == 0)) {
			buf_adds(out, name);
			at = end;
		}
		argument = s && !s->flag && !strchr(name, '=') &&
			   len == full;
		free(name);
	}
}

/* ---- the words before ---- */

bool completion_has(const struct completion *c, const char *option)
{
	char *word = xasprintf("--%s", option);
	bool has = spec_named(c->specs, word) != NULL;

	free(word);
	return has;
}

/* What a word of the command line is. */
struct place {
	bool option, value;	/* is one; is the argument of `spec` */
	const struct option_spec *spec;
	unsigned int number;	/* neither: which one */
};

static struct place place_of(const struct completion *c, int index)
{
	struct place p = { 0 };
	bool ended = false;
	unsigned int others = 0;

	for (int i = 1; i <= index; i++) {
		const char *w = c->argv[i];
		bool takes = p.option && p.spec && !p.spec->flag &&
			     !strchr(c->argv[i - 1], '=');

		p = (struct place){ .spec = takes ? p.spec : NULL,
				    .value = takes };
		if (takes)
			continue;
		if (!ended && w[0] == '-' && (w[1] || i == c->argc - 1)) {
			p.option = true;
			p.spec = spec_named(c->specs, w);
			ended = !strcmp(w, "--") && i < index;
		} else {
			p.number = others++;
		}
	}
	return p;
}

const char *completion_option(const struct completion *c,
			      const char *option)
{
	const char *found = NULL;
	char *word = xasprintf("--%s", option);
	const struct option_spec *spec = spec_named(c->specs, word);

	for (int i = 1; spec && i < c->argc - 1; i++) {
		struct place p = place_of(c, i);
		const char *sign = strchr(c->argv[i], '=');

		if (p.spec == spec && p.value)
			found = c->argv[i];
		else if (p.spec == spec && p.option && sign)
			found = sign + 1;
	}
	free(word);
	return found;
}

static bool given(const struct completion *c, const struct option_spec *s)
{
	for (int i = 1; i < c->argc - 1; i++) {
		struct place p = place_of(c, i);

		if (p.option && p.spec == s)
			return true;
	}
	return false;
}

/* ---- the answer ---- */

static void add_option(struct completion *c, const struct option_spec *s)
{
	const char *text = described(c->usage, s);
	struct buf meaning = BUF_INIT(4096);
	char *word = s->name ? xasprintf("--%s", s->name) :
			       xasprintf("-%c", s->letter);

	if (text)
		description(s, text, &meaning);
	if (!given(c, s) || strstr(meaning.data, "repeat")) {
		shorten(&meaning);
		complete_word(c->prefix, word, meaning.data);
	}
	free(word);
	buf_release(&meaning);
}

static void add_options(struct completion *c)
{
	const struct option_spec *s = c->specs;

	for (; s->name || s->letter; s++)
		add_option(c, s);
	complete_word(c->prefix, "--help", "say how it is used");
}

static bool is_one_of(const char *word, size_t len, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == len && !strncmp(word, *list, len))
			return true;
	return false;
}

/* "text, json or sarif (default: text)": a description may list them. */
static void add_listed(struct completion *c, const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	struct strvec words = STRVEC_INIT;
	bool last = false;

	for (;;) {
		size_t len = strspn(text, letters);

		strvec_pushn(&words, text, len);
		text += len;
		if (!len || last)
			break;
		last = !strncmp(text, " or ", 4);
		if (!last && strncmp(text, ", ", 2) != 0)
			break;
		text += last ? 4 : 2;
	}
	for (size_t i = 0; last && (!*text || *text == ' ') && i < words.n; i++)
		completion_add(c, words.v[i], NULL);
	strvec_release(&words);
}

/* Of the argument `what`, of that option unless spec is NULL. */
static void add_values(struct completion *c, const char *what,
		       const struct option_spec *spec)
{
	static const char *const files[] = { "FILE", "PATH", NULL };
	static const char *const folders[] = {
		"DIR", "DIRECTORY", "REPOSITORY", NULL,
	};
	const char *text = spec ? described(c->usage, spec) : NULL;
	bool file = false, folder = false;

	if (!*what || (request.values && request.values(c, what)))
		return;
	while (*what) {
		size_t len = strcspn(what, "|");

		file |= is_one_of(what, len, files);
		folder |= is_one_of(what, len, folders);
		if (islower((unsigned char)*what)) {
			char *word = xstrndup(what, len);

			completion_add(c, word, NULL);
			free(word);
		}
		what += len + (what[len] == '|');
	}
	if (file || folder) {
		puts(file ? ":files" : ":folders");
	} else if (text) {
		struct buf listed = BUF_INIT(4096);

		description(spec, text, &listed);
		add_listed(c, listed.data);
		buf_release(&listed);
	}
}

void complete_answer(const struct option_spec *specs, const char *usage)
{
	struct completion c = {
		.specs = specs, .usage = usage, .argc = request.argc,
		.argv = request.argv, .lead = "",
	};
	struct buf what = BUF_INIT(4096);
	const char *word = c.argv[c.argc - 1];
	struct place p = place_of(&c, c.argc - 1);
	const char *sign = p.option ? strchr(word, '=') : NULL;

	c.prefix = word;
	if (sign && p.spec) {
		c.lead = word;
		c.lead_len = (size_t)(sign - word) + 1;
		c.prefix = sign + 1;
	}
	if (p.value || (sign && p.spec))
		argument_name(p.spec, described(usage, p.spec), &what);
	else if (!p.option)
		positional(&c, p.number, &what);
	if (p.option && !sign)
		add_options(&c);
	else
		add_values(&c, what.data, p.option || p.value ? p.spec : NULL);
	/* there is nothing else to say */
	if (!p.option && !p.value && !what.len)
		add_options(&c);
	buf_release(&what);
}
