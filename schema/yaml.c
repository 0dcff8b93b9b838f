/*
 * A stream of documents, cut as apimachinery's readers cut it (yaml.go,
 * decoder.go): a stream that starts with `{` is JSON values one after the
 * other, any other is split at lines `---` before YAML is parsed at all. So
 * a separator inside a quoted text ends a document here, as it does there,
 * and a marker that only a YAML parser would see is an error.
 *
 * Takes any bytes: what is not UTF-8, or hides line ends from one of the two
 * readers, is refused with its place.
 */
#include "config.h"
#include "schema/yaml.h"

#include <string.h>

#include "schema/base/buf.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/utf8.h"
#include "schema/yaml-tree.h"

struct stream {
	const char *path;
	const char *data, *end;
	struct arena *arena;
	struct problems *ps;
	struct documents docs;
	size_t alloc;
	bool faulty;
};

#define BOM "\xef\xbb\xbf"
#define BOM_LEN 3

/* The place of a byte, by counting; only for messages. */
static struct mark mark_at(const struct stream *s, const char *at)
{
	struct mark mark = { 1, 1 };

	for (const char *p = s->data; p < at; p++) {
		if (*p == '\n') {
			mark.line++;
			mark.column = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int refuse(struct stream *s, const char *at, const char *rule,
		  const char *message)
{
	problem_error(s->ps, s->path, mark_at(s, at), rule, "%s", message);
	s->faulty = true;
	return -1;
}

/* ---- encoding ---- */

static bool is_utf16(const char *data, size_t len)
{
	return len >= 2 && (!memcmp(data, "\xff\xfe", 2) ||
			    !memcmp(data, "\xfe\xff", 2) ||
			    (!data[0] && data[1]) || (data[0] && !data[1]));
}

static int check_encoding(struct stream *s)
{
	size_t len = (size_t)(s->end - s->data);

	if (is_utf16(s->data, len))
		return refuse(s, s->data, "yaml-encoding", "the file is "
			      "UTF-16 or UTF-32; save it as UTF-8");
	if (len >= BOM_LEN && !memcmp(s->data, BOM, BOM_LEN))
		s->data += BOM_LEN;
	for (const char *p = s->data; p < s->end; ) {
		size_t n = utf8_length(p, (size_t)(s->end - p));

		if (!n)
			return refuse(s, p, "yaml-encoding", "not UTF-8; save "
				      "the file as UTF-8");
		if (n == BOM_LEN && !memcmp(p, BOM, BOM_LEN))
			return refuse(s, p, "yaml-encoding", "a byte order "
				      "mark inside the file; remove it");
		p += n;
	}
	return 0;
}

/* ---- documents ---- */

static int add_document(struct stream *s, struct node *root, const char *at)
{
	if (root->type != NODE_MAP) {
		problem_error(s->ps, s->path, root->mark, "yaml-root", "a "
			      "Kubernetes object is a map; this document is %s",
			      node_type_name(root->type));
		s->faulty = true;
		return -1;
	}
	if (s->docs.n == LIMIT_FILE_DOCUMENTS)
		return refuse(s, at, "yaml-limit", "the file has more "
			      "documents than are read; split it");
	if (s->docs.n == s->alloc) {
		struct node **more;

		s->alloc = s->alloc ? s->alloc * 2 : 4;
		more = arena_array(s->arena, s->alloc,
				   sizeof(struct node *));
		if (s->docs.n)
			memcpy(more, s->docs.v,
			       s->docs.n * sizeof(struct node *));
		s->docs.v = more;
	}
	s->docs.v[s->docs.n++] = root;
	return 0;
}

/* ---- YAML ---- */

static int read_chunk(struct stream *s, const char *begin, const char *end,
		      uint32_t line, uint32_t column)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES + 1);
	struct yaml_chunk chunk = {
		.path = s->path, .data = begin, .len = (size_t)(end - begin),
		.line = line, .column = column,
	};
	struct node *root = NULL;
	int rc;

	if (begin == end)
		return 0;
	/* the reader ends every line with LF, the last one too */
	if (end[-1] != '\n') {
		buf_add(&text, begin, chunk.len);
		buf_addc(&text, '\n');
		chunk.data = text.data;
		chunk.len = text.len;
	}
	rc = yaml_tree_read(&chunk, s->arena, &root, s->ps);
	buf_release(&text);
	if (rc < 0)
		s->faulty = true;
	else if (root)
		rc = add_document(s, root, begin);
	return rc;
}

static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

/*
 * "---" and at most blanks, a line end of Unicode's, or a comment. Go's
 * strings.TrimSpace takes more, but a YAML parser reads those as text.
 */
static bool is_separator_rest(const char *p, const char *end)
{
	static const char *const breaks[] = {
		"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9",
	};
	const char *begin = p;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' ||
			   *p == '\n'))
		p++;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		size_t len = strlen(breaks[i]);

		if ((size_t)(end - p) >= len && !memcmp(p, breaks[i], len))
			return is_separator_rest(p + len, end);
	}
	return p == end || (*p == '#' && p > begin);
}

/* From p, which is at the beginning of a line or behind a JSON value. */
static int read_yaml(struct stream *s, const char *p, uint32_t line,
		     uint32_t column)
{
	const char *begin = p;
	uint32_t begin_line = line, begin_column = column;
	int rc = 0;

	while (p < s->end) {
		const char *next = line_end(p, s->end);

		if (column == 0 && next - p >= 3 && !memcmp(p, "---", 3)) {
			if (!is_separator_rest(p + 3, next))
				return refuse(s, p, "yaml-separator", "only a "
					      "comment may stand behind '---'");
			if (read_chunk(s, begin, p, begin_line, begin_column) < 0)
				rc = -1;
			begin = next;
			begin_line = line + 1;
			begin_column = 0;
		}
		p = next;
		line++;
		column = 0;
	}
	if (read_chunk(s, begin, s->end, begin_line, begin_column) < 0)
		rc = -1;
	return rc;
}

/* ---- JSON ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* The UTF-16 unit of an escape \\uXXXX at p, or -1. */
static int escaped_unit(const char *p, const char *end)
{
	int unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!at)
			return -1;
		unit = unit * 16 + (int)(at - digits);
	}
	return unit;
}

static bool is_surrogate(int unit, int first)
{
	return unit >= first && unit < first + 0x400;
}

/*
 * Go reads half a surrogate pair as U+FFFD; jansson refuses it. The escape
 * for U+FFFD is as long, so every place in the text stays what it was.
 */
static void mend_surrogates(struct stream *s)
{
	size_t len = (size_t)(s->end - s->data);
	char *copy, *end;

	if (!memmem(s->data, len, "\\u", 2))
		return;
	copy = arena_strndup(s->arena, s->data, len);
	end = copy + len;
	for (char *p = copy; p < end; p++) {
		int unit = escaped_unit(p, end);

		if (*p == '\\' && unit < 0) {
			p++;	/* some other escape */
		} else if (is_surrogate(unit, 0xd800) &&
			   is_surrogate(escaped_unit(p + 6, end), 0xdc00)) {
			p += 11;
		} else if (is_surrogate(unit, 0xd800) ||
			   is_surrogate(unit, 0xdc00)) {
			memcpy(p, "\\ufffd", 6);
			p += 5;
		}
	}
	s->data = copy;
	s->end = end;
}

/* What follows a JSON value is a comment, or a separator line and YAML. */
static int read_after_json(struct stream *s, const char *p, size_t values)
{
	struct mark at = mark_at(s, p);
	bool separator = at.column == 1 && (size_t)(s->end - p) >= 3 &&
			 !memcmp(p, "---", 3);

	if (*p != '#' && !(separator && values == 1))
		return refuse(s, p, "yaml-separator", values == 1 ?
			      "behind a JSON value only another one, a comment "
			      "or a line '---' may follow" :
			      "behind several JSON values no YAML may follow; "
			      "begin each document with a line '---'");
	return read_yaml(s, p, at.line, at.column - 1);
}

/*
 * JSON values one after the other. A text that is no JSON from its start may
 * still be YAML (`{a: b}`).
 */
static int read_json(struct stream *s)
{
	const struct stream as_given = *s;
	const char *p;
	size_t values = 0;

	mend_surrogates(s);
	p = skip_space(s->data, s->end);
	while (p < s->end) {
		struct json_part part = {
			.text = p, .len = (size_t)(s->end - p),
			.from = mark_at(s, p),
			.max_nodes = LIMIT_DOCUMENT_NODES,
		};
		struct err err = ERR_INIT;
		struct node *root;

		if (values && *p != '{' && strncmp(p, "null", 4))
			return read_after_json(s, p, values);
		if (json_read_part(&part, s->arena, &root, &err) < 0) {
			if (!values && part.fault == JSON_FAULT_SYNTAX) {
				*s = as_given;
				return read_yaml(s, s->data, 1, 0);
			}
			problem_error(s->ps, s->path, part.mark, "json-syntax",
				      "%s", err.msg);
			return -1;
		}
		if (root->type != NODE_NULL && add_document(s, root, p) < 0)
			return -1;
		values++;
		p = skip_space(p + part.used, s->end);
	}
	return 0;
}

int yaml_read(const char *path, const char *data, size_t len,
	      struct arena *a, struct documents *ret, struct problems *ps)
{
	struct stream s = {
		.path = path, .data = data, .end = data + len,
		.arena = a, .ps = ps,
	};
	const char *first;
	int rc;

	if (len > LIMIT_FILE_BYTES)
		return refuse(&s, data, "yaml-limit", "the file is larger "
			      "than is read; split it");
	if (check_encoding(&s) < 0)
		return -1;
	first = skip_space(s.data, s.end);
	if (first < s.end && *first == '{')
		rc = read_json(&s);
	else
		rc = read_yaml(&s, s.data, 1, 0);
	if (rc < 0 || s.faulty)
		return -1;
	*ret = s.docs;
	return 0;
}
