/*
 * Printing findings. See findings.h. The files are read again for their
 * lines, which may have changed or gone since: then there is no line. What
 * stands in them is a stranger's, so control bytes are shown, not sent.
 */
#include "config.h"
#include "engine/cli/findings.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "schema/base/fs.h"
#include "schema/limits.h"

/* Characters of a source line that are shown. */
#define LINE_MAX_SHOWN 120

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define GREEN "\033[32m"
#define PLAIN "\033[m"

/* The file of the last finding; they are sorted by path and line. */
struct source {
	const char *path;
	struct buf text;
	size_t at;		/* where the line begins */
	uint32_t line;
};

static void open_source(struct source *s, const char *path)
{
	struct err err = ERR_INIT;

	s->path = path;
	s->at = 0;
	s->line = 1;
	buf_reset(&s->text);
	if (!*path || !strcmp(path, "-") ||
	    fs_read(AT_FDCWD, path, &s->text, &err) < 0 ||
	    memmem(s->text.data, s->text.len, "Secret", strlen("Secret")))
		buf_reset(&s->text);
}

/* The text of a line, up to what is shown; NULL if there is none. */
static const char *source_line(struct source *s, const struct problem *p,
			       size_t *ret_len)
{
	const char *start, *end;

	if (!s->path || strcmp(s->path, p->path))
		open_source(s, p->path);
	while (s->line < p->mark.line) {
		const char *lf = memchr(s->text.data + s->at, '\n',
					s->text.len - s->at);

		if (!lf)
			return NULL;
		s->at = (size_t)(lf - s->text.data) + 1;
		s->line++;
	}
	if (s->at >= s->text.len)
		return NULL;
	start = s->text.data + s->at;
	end = memchr(start, '\n', s->text.len - s->at);
	*ret_len = end ? (size_t)(end - start) : s->text.len - s->at;
	return start;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The line and a caret under the column; characters, not bytes, count. */
static void print_line(FILE *out, const char *line, size_t len,
		       uint32_t column)
{
	struct buf shown = BUF_INIT(4 * 4 * LINE_MAX_SHOWN);
	struct buf caret = BUF_INIT(4 * LINE_MAX_SHOWN);
	uint32_t chars = 0;
	size_t i = 0;

	for (; i < len && chars < LINE_MAX_SHOWN; i++) {
		char c = line[i];

		if (!is_continuation(c) && ++chars < column)
			buf_addc(&caret, c == '\t' ? '\t' : ' ');
		if (c == '\t' || (unsigned char)c >= ' ')
			buf_addc(&shown, c == '\x7f' ? '?' : c);
		else if (c != '\r')
			buf_addc(&shown, '?');
	}
	while (i < len && is_continuation(line[i]))
		buf_addc(&shown, line[i++]);
	fprintf(out, "    %s%s\n", shown.data, i < len ? "..." : "");
	if (column <= chars + 1)
		fprintf(out, "    %s" GREEN "^" PLAIN "\n", caret.data);
	buf_release(&shown);
	buf_release(&caret);
}

static void print_coloured(FILE *out, struct source *s,
			   const struct problem *p)
{
	struct buf path = BUF_INIT(4 * LIMIT_PATH_BYTES);
	bool error = p->severity == SEVERITY_ERROR;
	const char *line;
	size_t len;

	buf_add_scrubbed(&path, p->path, strlen(p->path));
	fputs(BOLD, out);
	if (path.len)
		fprintf(out, "%s:", path.data);
	if (p->mark.line)
		fprintf(out, "%" PRIu32 ":%" PRIu32 ":", p->mark.line,
			p->mark.column);
	fprintf(out, PLAIN "%s%s" PLAIN " %s [%s]\n",
		path.len || p->mark.line ? " " : "",
		error ? RED "error:" : YELLOW "warning:", p->message, p->rule);
	buf_release(&path);
	line = p->mark.line ? source_line(s, p, &len) : NULL;
	if (line)
		print_line(out, line, len, p->mark.column);
}

void findings_print(FILE *out, const struct problems *ps)
{
	struct source source = { .text = BUF_INIT(LIMIT_FILE_BYTES) };
	struct buf line = BUF_INIT(16 * LIMIT_PATH_BYTES);
	bool color = cli_color(out);

	for (size_t i = 0; i < ps->n; i++) {
		if (color) {
			print_coloured(out, &source, &ps->v[i]);
			continue;
		}
		buf_reset(&line);
		problem_format(&ps->v[i], &line);
		fprintf(out, "%s\n", line.data);
	}
	if (ps->errors + ps->warnings > ps->n)
		fprintf(out, "... and %zu more\n",
			ps->errors + ps->warnings - ps->n);
	buf_release(&line);
	buf_release(&source.text);
}

struct node *findings_json(const struct problems *ps, struct arena *a)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < ps->n; i++) {
		const struct problem *p = &ps->v[i];
		struct node *n = node_map(a);

		node_set(a, n, "path", node_str(a, p->path));
		if (p->mark.line) {
			node_set(a, n, "line", node_int(a, p->mark.line));
			node_set(a, n, "column", node_int(a, p->mark.column));
		}
		node_set(a, n, "severity",
			 node_str(a, p->severity == SEVERITY_ERROR ?
				     "error" : "warning"));
		node_set(a, n, "rule", node_str(a, p->rule));
		node_set(a, n, "message", node_str(a, p->message));
		node_append(a, list, n);
	}
	return list;
}
