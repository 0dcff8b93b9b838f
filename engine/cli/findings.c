/*
 * Printing findings. See findings.h. The files are read again for their
 * lines, which may have changed or gone since: then there is no line. What
 * stands in them is a stranger's, so control bytes are shown, not sent.
 */
#include "config.h"
#include "engine/cli/findings.h"

#include <inttypes.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/quote.h"

/* all problems, each with a path and a message, escaped */
#define REPORT_MAX (LIMIT_PROBLEMS * 32u * LIMIT_PATH_BYTES)

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define GREEN "\033[32m"
#define PLAIN "\033[m"

int findings_take_format(void *target, const char *word, struct err *err)
{
	static const char *const words[] = {
		[FINDINGS_TEXT] = "text", [FINDINGS_JSON] = "json",
		[FINDINGS_SARIF] = "sarif", [FINDINGS_JUNIT] = "junit",
		[FINDINGS_GITHUB] = "github",
	};
	enum findings_format *format = target;

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i])) {
			*format = (enum findings_format)i;
			return 0;
		}
	return err_set(err, ERR_INVALID, "must be text, json, sarif, junit or "
		       "github");
}

const char *findings_severity(const struct problem *p)
{
	return p->severity == SEVERITY_ERROR ? "error" : "warning";
}

/* ---- text ---- */

/* The file of the last finding; they are sorted by path. */
struct source {
	struct review *review;
	const char *path;
	struct buf text;
	struct quotes quotes;
};

static void open_source(struct source *s, const char *path)
{
	struct err err = ERR_INIT;

	s->path = path;
	quotes_release(&s->quotes);
	buf_reset(&s->text);
	if (*path && !review_read(s->review, path, &s->text, &err))
		quotes_read(&s->quotes, s->text.data, s->text.len);
}

static void print_line(FILE *out, struct source *s, const struct problem *p,
		       const struct findings_style *style)
{
	struct buf line = BUF_INIT(QUOTE_BYTES), caret = BUF_INIT(QUOTE_BYTES);

	if (!s->path || strcmp(s->path, p->path))
		open_source(s, p->path);
	if (quotes_line(&s->quotes, p->mark, &line, &caret))
		fprintf(out, "    %s\n    %s%s%s\n", line.data,
			style->color ? GREEN : "", caret.data,
			style->color ? PLAIN : "");
	buf_release(&line);
	buf_release(&caret);
}

static void print_coloured(FILE *out, const struct problem *p)
{
	struct buf path = BUF_INIT(4 * LIMIT_PATH_BYTES);

	buf_add_scrubbed(&path, p->path, strlen(p->path));
	fputs(BOLD, out);
	if (path.len)
		fprintf(out, "%s:", path.data);
	if (p->mark.line)
		fprintf(out, "%" PRIu32 ":%" PRIu32 ":", p->mark.line,
			p->mark.column);
	fprintf(out, PLAIN "%s%s%s:" PLAIN " %s [%s]\n",
		path.len || p->mark.line ? " " : "",
		p->severity == SEVERITY_ERROR ? RED : YELLOW,
		findings_severity(p), p->message, p->rule);
	buf_release(&path);
}

void findings_print(FILE *out, struct review *r,
		    const struct findings_style *style)
{
	struct source source = {
		.review = r, .text = BUF_INIT(LIMIT_FILE_BYTES),
	};
	struct buf line = BUF_INIT(16 * LIMIT_PATH_BYTES);
	const struct problems *ps = &r->problems;

	for (size_t i = 0; i < ps->n; i++) {
		buf_reset(&line);
		problem_format(&ps->v[i], &line);
		if (style->color)
			print_coloured(out, &ps->v[i]);
		else
			fprintf(out, "%s\n", line.data);
		if (style->lines && ps->v[i].mark.line)
			print_line(out, &source, &ps->v[i], style);
	}
	if (ps->errors + ps->warnings > ps->n)
		fprintf(out, "... and %zu more\n",
			ps->errors + ps->warnings - ps->n);
	buf_release(&line);
	quotes_release(&source.quotes);
	buf_release(&source.text);
}

/* ---- for programs ---- */

static struct node *problem_json(const struct problem *p, struct arena *a)
{
	struct node *n = node_map(a);

	node_set(a, n, "path", node_str_clean(a, p->path));
	if (p->mark.line) {
		node_set(a, n, "line", node_int(a, p->mark.line));
		node_set(a, n, "column", node_int(a, p->mark.column));
	}
	node_set(a, n, "severity", node_str(a, findings_severity(p)));
	node_set(a, n, "rule", node_str(a, p->rule));
	node_set(a, n, "message", node_str_clean(a, p->message));
	return n;
}

static void findings_json(const struct review *r, struct buf *out)
{
	const struct problems *ps = &r->problems;
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a), *list = node_seq(&a);

	for (size_t i = 0; i < ps->n; i++)
		node_append(&a, list, problem_json(&ps->v[i], &a));
	node_set(&a, n, "files", node_int(&a, (int64_t)r->files.n));
	node_set(&a, n, "objects", node_int(&a, (int64_t)r->objects.n));
	node_set(&a, n, "errors", node_int(&a, (int64_t)ps->errors));
	node_set(&a, n, "warnings", node_int(&a, (int64_t)ps->warnings));
	node_set(&a, n, "unchecked", node_int(&a, (int64_t)ps->unchecked));
	node_set(&a, n, "problems", list);
	json_write_canonical(n, out);
	arena_release(&a);
}

int findings_report(const struct review *r, enum findings_format format,
		    int status)
{
	struct buf out = BUF_INIT(REPORT_MAX);
	struct err err = ERR_INIT;

	if (format == FINDINGS_SARIF)
		findings_sarif(r, status, &out);
	else if (format == FINDINGS_JUNIT)
		findings_junit(r, &out);
	else if (format == FINDINGS_GITHUB)
		findings_github(r, &out);
	else
		findings_json(r, &out);
	if (buf_check(&out, "the report", &err) < 0) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	} else {
		fwrite(out.data, 1, out.len, stdout);
	}
	buf_release(&out);
	return status;
}
