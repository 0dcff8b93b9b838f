/*
 * The list of channels: what people find at the top of what is served. See
 * page.h.
 */
#include "config.h"
#include "hooks/page.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/html.h"

void page_state_find(const char *begin, char ret[PAGE_STATE_BYTES])
{
	const char *at = strstr(begin, PAGE_DESCRIPTION);
	size_t len;

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(PAGE_DESCRIPTION);
	len = strcspn(at, "\"<>");
	if (at[len] != '"' || len >= PAGE_STATE_BYTES)
		return;
	memcpy(ret, at, len);
	ret[len] = '\0';
}

static void add_channel(const struct page_channel *c, struct buf *out)
{
	/* a channel's name needs no escapes */
	buf_adds(out, "<tr><th scope=\"row\">");
	if (c->has_page)
		buf_addf(out, "<a href=\"%s/\">%s</a>", c->name, c->name);
	else
		buf_adds(out, c->name);
	buf_addf(out, "</th><td>%s</td><td>", c->state);
	if (c->published) {
		buf_addf(out, "%" PRIu64 ".%" PRIu64 "</td><td>", c->epoch,
			 c->sequence);
		html_time(out, NULL, c->issued);
	} else {
		buf_adds(out, "nothing published</td><td>");
	}
	buf_adds(out, "</td></tr>\n");
}

void page_list_html(const struct page_channel *v, size_t n, struct buf *out)
{
	page_begin_html(out);
	buf_adds(out, "<title>windlass: channels</title>\n");
	page_begin_main_html(out);
	buf_adds(out, "<h1>Channels</h1>\n<div class=\"wide\" "
		 "tabindex=\"0\"><table>\n<caption>What is published here"
		 "</caption>\n<thead><tr><th scope=\"col\">Channel</th>"
		 "<th scope=\"col\">State</th>"
		 "<th scope=\"col\">Newest bundle</th><th scope=\"col\">"
		 "Head signed</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++)
		add_channel(&v[i], out);
	buf_adds(out, "</tbody></table></div>\n");
	page_end_html(out);
}
