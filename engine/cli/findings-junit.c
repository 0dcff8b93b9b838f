/*
 * Findings as JUnit XML, as Jenkins, GitLab, Forgejo's and other CI systems
 * read it: each error is a test that failed, each file without one a test
 * that passed, with its warnings as what it printed. What could not be
 * looked at is a test with an error.
 */
#include "config.h"
#include "engine/cli/findings.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/utf8.h"

/* What XML 1.0 can hold at all; the rest becomes U+FFFD. */
static bool is_xml(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	       (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c <= 0xfffd) ||
	       (c >= 0x10000 && c <= 0x10ffff);
}

static void add_text(struct buf *out, const char *s)
{
	size_t len = strlen(s);

	for (size_t n; len; s += n, len -= n) {
		n = utf8_length(s, len);
		if (!n || !is_xml(utf8_decode(s, n))) {
			n = n ? n : 1;
			buf_adds(out, "\xef\xbf\xbd");
		} else if (*s == '<' || *s == '>' || *s == '&' || *s == '"' ||
			   (unsigned char)*s < 0x20) {
			buf_addf(out, "&#%d;", *s);
		} else {
			buf_add(out, s, n);
		}
	}
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=\"", name);
	add_text(out, value);
	buf_addc(out, '"');
}

/* "path:line:column: message [rule]", as the text output has it */
static void add_finding(struct buf *out, const struct problem *p)
{
	struct buf line = BUF_INIT(64u * 1024);

	problem_format(p, &line);
	add_text(out, line.data);
	buf_release(&line);
}

/* <testcase>, up to its closing bracket */
static void open_case(struct buf *out, const char *path, const char *name)
{
	buf_adds(out, "    <testcase");
	add_attribute(out, "classname", *path ? path : "windlass");
	add_attribute(out, "name", name);
	if (*path)
		add_attribute(out, "file", path);
}

static void add_failure(struct buf *out, const struct problem *p)
{
	struct buf name = BUF_INIT(256);

	buf_adds(&name, p->rule);
	if (p->mark.line)
		buf_addf(&name, " %" PRIu32 ":%" PRIu32, p->mark.line,
			 p->mark.column);
	open_case(out, p->path, name.data);
	if (p->mark.line)
		buf_addf(out, " line=\"%" PRIu32 "\"", p->mark.line);
	buf_adds(out, ">\n      <failure");
	add_attribute(out, "type", p->rule);
	add_attribute(out, "message", p->message);
	buf_addc(out, '>');
	add_finding(out, p);
	buf_adds(out, "</failure>\n    </testcase>\n");
	buf_release(&name);
}

/* A file without errors; its warnings are problems i to *ret_end. */
static void add_good(struct buf *out, const char *path,
		     const struct problems *ps)
{
	bool any = false;

	open_case(out, path, "valid");
	buf_adds(out, ">");
	for (size_t i = 0; i < ps->n; i++) {
		if (strcmp(ps->v[i].path, path))
			continue;
		buf_adds(out, any ? "" : "\n      <system-out>");
		add_finding(out, &ps->v[i]);
		buf_addc(out, '\n');
		any = true;
	}
	buf_adds(out, any ? "</system-out>\n    </testcase>\n" :
			    "</testcase>\n");
}

static void add_trouble(struct buf *out, const char *message)
{
	open_case(out, "", "could not be checked");
	buf_adds(out, ">\n      <error");
	add_attribute(out, "message", message);
	buf_adds(out, "/>\n    </testcase>\n");
}

void findings_junit(const struct review *r, struct buf *out)
{
	const struct problems *ps = &r->problems;
	size_t rest = ps->errors + ps->warnings - ps->n;
	size_t failures = 0, good = 0, troubles = r->troubles.n + !!rest;
	struct map bad = MAP_INIT;

	for (size_t i = 0; i < ps->n; i++) {
		if (ps->v[i].severity != SEVERITY_ERROR)
			continue;
		failures++;
		map_put(&bad, ps->v[i].path, &ps->v[i]);
	}
	for (size_t i = 0; i < r->files.n; i++)
		good += !map_get(&bad, r->files.v[i]);
	buf_addf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n"
		 "  <testsuite name=\"windlass check\" tests=\"%zu\" "
		 "failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"0\">\n",
		 failures + good + troubles, failures, troubles,
		 failures + good + troubles, failures, troubles);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].severity == SEVERITY_ERROR)
			add_failure(out, &ps->v[i]);
	for (size_t i = 0; i < r->files.n; i++)
		if (!map_get(&bad, r->files.v[i]))
			add_good(out, r->files.v[i], ps);
	for (size_t i = 0; i < r->troubles.n; i++)
		add_trouble(out, r->troubles.v[i]);
	if (rest)
		add_trouble(out, "there are more findings than are shown");
	buf_adds(out, "  </testsuite>\n</testsuites>\n");
	map_release(&bad, NULL);
}
