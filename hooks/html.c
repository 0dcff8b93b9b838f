/*
 * Texts in HTML. See html.h. Nothing is trusted: a commit's subject and a
 * cluster's message may be anybody's.
 */
#include "config.h"
#include "hooks/html.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

static void add_char(struct buf *out, const char *s, size_t n)
{
	switch (*s) {
	case '&':
		buf_adds(out, "&amp;");
		break;
	case '<':
		buf_adds(out, "&lt;");
		break;
	case '>':
		buf_adds(out, "&gt;");
		break;
	case '"':
		buf_adds(out, "&quot;");
		break;
	case '\'':
		buf_adds(out, "&#39;");
		break;
	default:
		buf_add_scrubbed(out, s, n);
	}
}

void html_text(struct buf *out, const char *s, size_t len, size_t max)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_length(s + at, len - at);
		n += !n;
		if (at + n > max) {
			buf_adds(out, ELLIPSIS);
			return;
		}
		add_char(out, s + at, n);
	}
}

void html_string(struct buf *out, const char *s)
{
	html_text(out, s, strlen(s), SIZE_MAX);
}

void html_time(struct buf *out, const char *class, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	if (t < 0 || t >= CLOCK_TIME_END) {
		buf_adds(out, "unknown");
		return;
	}
	clock_format(t, text);
	buf_adds(out, "<time");
	if (class)
		buf_addf(out, " class=\"%s\"", class);
	buf_addf(out, " datetime=\"%s\">%.10s %.8s UTC</time>", text, text,
		 text + 11);
}
