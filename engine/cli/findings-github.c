/*
 * Findings as workflow commands of GitHub Actions, which Gitea's and
 * Forgejo's runners know, too: the runner makes an annotation of each line
 * that begins with ::. What a stranger wrote must not begin such a line, nor
 * end a property: escaped as actions/toolkit does.
 */
#include "config.h"
#include "engine/cli/findings.h"

#include <inttypes.h>

#include "schema/base/num.h"

static void add_escaped(struct buf *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' ||
		    (property && (*s == ':' || *s == ',')))
			buf_addf(out, "%%%02X", (unsigned char)*s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_addc(out, '?');
		else
			buf_addc(out, *s);
	}
}

static void add_command(struct buf *out, const struct problem *p)
{
	buf_addf(out, "::%s ", findings_severity(p));
	if (*p->path) {
		buf_adds(out, "file=");
		add_escaped(out, p->path, true);
		buf_addc(out, ',');
	}
	if (p->mark.line)
		buf_addf(out, "line=%" PRIu32 ",col=%" PRIu32 ",",
			 p->mark.line, p->mark.column);
	buf_adds(out, "title=");
	add_escaped(out, p->rule, true);
	buf_adds(out, "::");
	add_escaped(out, p->message, false);
	buf_addc(out, '\n');
}

void findings_github(const struct review *r, struct buf *out)
{
	const struct problems *ps = &r->problems;

	for (size_t i = 0; i < ps->n; i++)
		add_command(out, &ps->v[i]);
	for (size_t i = 0; i < r->troubles.n; i++) {
		buf_adds(out, "::error title=could not be checked::");
		add_escaped(out, r->troubles.v[i], false);
		buf_addc(out, '\n');
	}
	buf_addf(out, "%zu file%s, %zu error%s, %zu warning%s\n", r->files.n,
		 plural(r->files.n), ps->errors, plural(ps->errors),
		 ps->warnings, plural(ps->warnings));
}
