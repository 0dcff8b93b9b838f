/* Texts of strangers in HTML, and what a page may do. */
#include "config.h"
#include "hooks/html.h"
#include "hooks/page.h"

#include "t/unit/tap.h"

static void check_text(const char *s, size_t len, size_t max,
		       const char *want, const char *what)
{
	struct buf out = BUF_INIT(1024);

	html_text(&out, s, len, max);
	is_str(out.data, want, what);
	buf_release(&out);
}

static void check_texts(void)
{
	check_text("a<b>&\"c'", 8, 100, "a&lt;b&gt;&amp;&quot;c&#39;",
		   "markup is text");
	check_text("&amp;", 5, 100, "&amp;amp;", "references too");
	check_text("a\xff" "b\xc3", 4, 100, "a\\xffb\\xc3",
		   "what is no UTF-8");
	check_text("a\0b\n\x7f", 5, 100, "a\\x00b\\x0a\\x7f",
		   "control characters");
	check_text("\xe2\x80\xae" "a", 4, 100, "\\xe2\\x80\\xaea",
		   "what turns text around");
	check_text("\xc3\xa9\xc3\xa9", 4, 4, "\xc3\xa9\xc3\xa9",
		   "as much as may be");
	check_text("\xc3\xa9\xc3\xa9", 4, 3, "\xc3\xa9\xe2\x80\xa6",
		   "no half of a character");
	check_text("<<<", 3, 2, "&lt;&lt;\xe2\x80\xa6",
		   "bytes are counted as they came");
	check_text("", 0, 0, "", "nothing");
}

static void check_times(void)
{
	struct buf out = BUF_INIT(1024);

	html_time(&out, "heard", 1700000000);
	is_str(out.data, "<time class=\"heard\" datetime=\"2023-11-14T22:13:20Z"
	       "\">2023-11-14 22:13:20 UTC</time>", "a time");
	buf_reset(&out);
	html_time(&out, NULL, -1);
	html_time(&out, NULL, INT64_MAX);
	is_str(out.data, "unknownunknown", "times beyond all");
	buf_release(&out);
}

static void check_policy(void)
{
	struct buf out = BUF_INIT(1024);

	page_policy(&out);
	ok(buf_ok(&out) && !strncmp(out.data, "default-src 'none'; ", 20),
	   "nothing is allowed that is not named");
	ok(!strstr(out.data, "unsafe") && !strchr(out.data, '*'),
	   "nor anything at large");
	buf_release(&out);
}

int main(void)
{
	check_texts();
	check_times();
	check_policy();
	return tap_done();
}
