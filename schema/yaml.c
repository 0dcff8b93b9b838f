/*
 * A stream of YAML documents, cut as apimachinery cuts it: at lines that
 * begin with ---, before any YAML is read. See yaml.h.
 *
 * Where that cut and YAML's own idea of documents differ, text would be
 * dropped without a word: all of these are refused. Trusts nothing in the
 * bytes; checks first that they are UTF-8, so that marks can be counted.
 */
#include "config.h"
#include "schema/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/yaml-stream.h"

#define BOM "\xef\xbb\xbf"

#define complain(s, mark, rule, ...) \
	problem_error((s)->ps, (s)->path, (mark), (rule), __VA_ARGS__)

/* ---- bytes, lines and places ---- */

size_t yaml_break(const char *s, size_t len)
{
	if (len >= 1 && (*s == '\n' || *s == '\r'))
		return 1;
	if (len >= 2 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (len >= 3 && (!memcmp(s, "\xe2\x80\xa8", 3) ||
			 !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

struct mark yaml_mark(const char *data, size_t len, size_t offset,
		      struct mark from)
{
	for (size_t i = 0; i < offset; i++) {
		if (data[i] == '\n' || (data[i] == '\r' && (i + 1 == len ||
						data[i + 1] != '\n'))) {
			from.line++;
			from.column = 1;
		} else if ((data[i] & 0xc0) != 0x80) {
			from.column++;
		}
	}
	return from;
}

static size_t count_lone_cr(const char *data, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\r' && (i + 1 == len || data[i + 1] != '\n');
	return n;
}

static const struct mark start_of_file = { 1, 1 };

static int bad_bytes(struct yaml_stream *s, const char *data, size_t len,
		     size_t at)
{
	struct mark mark = yaml_mark(data, len, at, start_of_file);

	if (utf8_length(data + at, len - at))
		complain(s, mark, "yaml-encoding", "a byte order mark inside "
			 "the text: remove it");
	else
		complain(s, mark, "yaml-encoding", "no valid UTF-8: save the "
			 "file as UTF-8");
	return -1;
}

/* Learns what the bytes are like; refuses what is no UTF-8. */
static int check_bytes(struct yaml_stream *s, const char *data, size_t len)
{
	size_t i = 0, n;

	s->ascii = true;
	while (i < len) {
		uint64_t word;

		if (len - i >= sizeof(word)) {
			memcpy(&word, data + i, sizeof(word));
			if (!(word & 0x8080808080808080u)) {
				i += sizeof(word);
				continue;
			}
		}
		n = utf8_length(data + i, len - i);
		if (!n || (n == 3 && !memcmp(data + i, BOM, 3)))
			return bad_bytes(s, data, len, i);
		if (n > 1) {
			s->ascii = false;
			s->odd_breaks |= yaml_break(data + i, len - i) > 0;
		}
		i += n;
	}
	s->lone_cr = memchr(data, '\r', len) && count_lone_cr(data, len);
	s->escaped_slash = memchr(data, '\\', len) &&
			   memmem(data, len, "\\/", 2);
	return 0;
}

static bool is_utf16(const char *data, size_t len)
{
	return len >= 2 && (!memcmp(data, "\xff\xfe", 2) ||
			    !memcmp(data, "\xfe\xff", 2) ||
			    (!data[0] != !data[1]));
}

/* ---- documents ---- */

struct document_list {
	struct node **v;
	size_t n, alloc;
	size_t read;	/* with empty ones */
};

static void add_document(struct yaml_stream *s, struct document_list *docs,
			 struct node *n)
{
	if (n->type == NODE_NULL)
		return;
	if (n->type != NODE_MAP) {
		complain(s, n->mark, "yaml-root", "the document is %s: an "
			 "object is a map", node_type_name(n->type));
		return;
	}
	if (docs->n == docs->alloc) {
		docs->alloc = docs->alloc ? 2 * docs->alloc : 16;
		docs->v = xreallocarray(docs->v, docs->alloc, sizeof(*docs->v));
	}
	docs->v[docs->n++] = n;
}

static int count_document(struct yaml_stream *s, struct document_list *docs,
			  struct mark mark)
{
	if (docs->read++ < LIMIT_FILE_DOCUMENTS)
		return 0;
	complain(s, mark, "yaml-limit", "more than %d documents in one file: "
		 "split it", LIMIT_FILE_DOCUMENTS);
	return -1;
}

static bool is_blank(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \r\n", p[i]) || !p[i])
			return false;
	return true;
}

static int read_chunk(struct yaml_stream *s, const struct yaml_chunk *c,
		      struct document_list *docs)
{
	struct mark mark = { c->line, 1 };
	struct node *n;

	if (is_blank(c->data, c->len))
		return 0;
	if (count_document(s, docs, mark))
		return -1;
	n = yaml_document(s, c);
	if (n)
		add_document(s, docs, n);
	return 0;
}

/* ---- separators ---- */

/* Blanks and line breaks only. */
static bool is_empty_text(const char *p, const char *end)
{
	while (p < end) {
		size_t n = *p == ' ' || *p == '\t' ? 1 :
			   yaml_break(p, (size_t)(end - p));

		if (!n)
			return false;
		p += n;
	}
	return true;
}

/*
 * What may stand behind --- for the reader and for YAML to agree: nothing,
 * or blanks and then a comment. Unicode's line breaks end the line for YAML
 * but not for the reader, so nothing may follow one.
 */
static bool is_separator(const char *p, const char *end)
{
	const char *blank = p;

	if (is_empty_text(p, end))
		return true;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == blank || *p != '#')
		return false;
	for (; p < end; p++)
		if (yaml_break(p, (size_t)(end - p)))
			return is_empty_text(p, end);
	return true;
}

static void check_separator(struct yaml_stream *s, const char *line,
			    const char *end, uint32_t number)
{
	struct mark mark = { number, 4 };

	if (!is_separator(line + 3, end))
		complain(s, mark, "yaml-separator", "a line that begins with "
			 "--- separates documents, no text may follow on it: "
			 "put the text on the next line, or indent it");
}

/* `line` is the number of the line that data begins. */
static void read_yaml(struct yaml_stream *s, const char *data, size_t len,
		      uint32_t line, struct document_list *docs)
{
	const char *end = data + len, *p = data;
	struct yaml_chunk c = { data, 0, line };

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *next = lf ? lf + 1 : end;
		uint32_t after = line + 1;

		if (s->lone_cr)
			after += (uint32_t)count_lone_cr(p, (size_t)(next - p));
		if (next - p >= 3 && !memcmp(p, "---", 3)) {
			c.len = (size_t)(p - c.data);
			if (read_chunk(s, &c, docs))
				return;
			check_separator(s, p, lf ? lf : end, line);
			c = (struct yaml_chunk){ next, 0, after };
		}
		p = next;
		line = after;
	}
	c.len = (size_t)(end - c.data);
	read_chunk(s, &c, docs);
}

/* ---- streams that start with a brace ---- */

/* The code unit of a \uXXXX escape at p, or -1. */
static int32_t unicode_escape(const char *p, size_t len)
{
	int32_t v = 0;

	if (len < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int c = (unsigned char)p[i];
		int digit = c >= '0' && c <= '9' ? c - '0' :
			    (c | 32) >= 'a' && (c | 32) <= 'f' ?
			    (c | 32) - 'a' + 10 : -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/*
 * Go reads half of a surrogate pair as U+FFFD, jansson refuses it. Makes
 * them \ufffd in a copy (the same length, so marks stay), if there are any.
 */
static const char *mend_surrogates(struct arena *a, const char *text,
				   size_t len)
{
	char *copy = NULL;

	for (size_t i = 0; i + 6 <= len; i++) {
		int32_t unit, low;

		if (text[i] != '\\')
			continue;
		unit = unicode_escape(text + i, len - i);
		if (unit < 0xd800 || unit > 0xdfff) {
			i++;
			continue;
		}
		low = unicode_escape(text + i + 6, len - i - 6);
		if (unit <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
			i += 11;
			continue;
		}
		if (!copy)
			copy = arena_strndup(a, text, len);
		memcpy(copy + i, "\\ufffd", 6);
		i += 5;
	}
	return copy ? copy : text;
}

static void json_fault(struct yaml_stream *s, const struct json_part *part,
		       const struct err *err)
{
	static const char *const rules[] = {
		[JSON_FAULT_SYNTAX] = "json-syntax",
		[JSON_FAULT_DUPLICATE] = "yaml-duplicate-key",
		[JSON_FAULT_NUMBER] = "yaml-number",
		[JSON_FAULT_LIMIT] = "yaml-limit",
	};

	complain(s, part->mark, rules[part->fault], "%s", err->msg);
}

static void advance(struct json_part *part)
{
	part->text += part->used;
	part->len -= part->used;
	part->from = part->mark;
	part->used = 0;
}

static void skip_blanks(struct json_part *part)
{
	size_t n = 0;

	while (n < part->len && part->text[n] && strchr(" \t\r\n", part->text[n]))
		n++;
	part->mark = yaml_mark(part->text, part->len, n, part->from);
	part->used = n;
	advance(part);
}

/*
 * Behind the first object: comments and blank lines up to a separator, from
 * which on the stream is YAML. `start` is where the stream begins.
 */
static void read_yaml_after_json(struct yaml_stream *s, const char *start,
				 struct json_part *part,
				 struct document_list *docs)
{
	while (part->len && *part->text == '#' &&
	       (part->text == start || strchr(" \t\n", part->text[-1]))) {
		const char *lf = memchr(part->text, '\n', part->len);

		part->used = lf ? (size_t)(lf - part->text) : part->len;
		part->mark = yaml_mark(part->text, part->len, part->used,
				       part->from);
		advance(part);
		skip_blanks(part);
	}
	if (!part->len)
		return;
	if (part->from.column == 1 && part->len >= 3 &&
	    !memcmp(part->text, "---", 3))
		read_yaml(s, part->text, part->len, part->from.line, docs);
	else
		complain(s, part->from, "json-syntax", "text behind a JSON "
			 "object: put a line --- before the next document");
}

static bool is_json_next(const struct json_part *part)
{
	return *part->text == '{' ||
	       (part->len >= 4 && !memcmp(part->text, "null", 4));
}

/* Behind the first object. */
static void read_json_rest(struct yaml_stream *s, const char *start,
			   struct json_part *part, struct document_list *docs)
{
	struct err err = ERR_INIT;
	struct node *n;

	skip_blanks(part);
	if (part->len && !is_json_next(part)) {
		read_yaml_after_json(s, start, part, docs);
		return;
	}
	for (; part->len; skip_blanks(part)) {
		if (!is_json_next(part)) {
			complain(s, part->from, "json-syntax", "behind two "
				 "JSON objects only JSON may follow: put lines "
				 "--- between all documents");
			return;
		}
		if (count_document(s, docs, part->from))
			return;
		if (json_read_part(part, s->arena, &n, &err)) {
			json_fault(s, part, &err);
			return;
		}
		add_document(s, docs, n);
		advance(part);
	}
}

/*
 * What the JSON reader refuses as no JSON goes to the YAML reader, as in
 * Kubernetes. Of a file that is called .json the JSON fault is shown.
 */
static void read_not_json(struct yaml_stream *s, const char *data, size_t len,
			  const struct json_part *part,
			  const struct err *err, struct document_list *docs)
{
	struct problems *all = s->ps, yaml = PROBLEMS_INIT;
	size_t n = strlen(s->path);

	s->ps = &yaml;
	read_yaml(s, data, len, 1, docs);
	s->ps = all;
	if (yaml.errors && n >= 5 && !strcmp(s->path + n - 5, ".json"))
		json_fault(s, part, err);
	else
		problems_move(all, &yaml);
	problems_release(&yaml);
}

/* Kubernetes looks for the brace in the first 4096 bytes. */
static bool starts_with_brace(const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && data[i] && strchr(" \t\n\v\f\r", data[i]))
		i++;
	return i < len && i < 4096 && data[i] == '{';
}

static void read_stream(struct yaml_stream *s, const char *data, size_t len,
			struct document_list *docs)
{
	struct err err = ERR_INIT;
	struct node *n;
	struct json_part part = {
		.text = data,
		.len = len,
		.from = start_of_file,
		.max_nodes = LIMIT_DOCUMENT_NODES,
	};

	if (!starts_with_brace(data, len)) {
		read_yaml(s, data, len, 1, docs);
		return;
	}
	part.text = mend_surrogates(s->arena, data, len);
	if (json_read_part(&part, s->arena, &n, &err)) {
		if (part.fault == JSON_FAULT_SYNTAX)
			read_not_json(s, data, len, &part, &err, docs);
		else
			json_fault(s, &part, &err);
		return;
	}
	docs->read++;
	add_document(s, docs, n);
	data = part.text;
	advance(&part);
	read_json_rest(s, data, &part, docs);
}

int yaml_read(const char *path, const char *data, size_t len,
	      struct arena *a, struct documents *ret, struct problems *ps)
{
	struct yaml_stream s = { .path = path, .ps = ps, .arena = a };
	struct document_list docs = { 0 };
	size_t errors = ps->errors;

	*ret = (struct documents){ 0 };
	if (len > LIMIT_FILE_BYTES) {
		complain(&s, (struct mark){ 0 }, "yaml-limit", "larger than "
			 "%u bytes: split it", LIMIT_FILE_BYTES);
		return -1;
	}
	if (is_utf16(data, len)) {
		complain(&s, start_of_file, "yaml-encoding", "the text is "
			 "UTF-16 or UTF-32: save the file as UTF-8");
		return -1;
	}
	if (len >= 3 && !memcmp(data, BOM, 3)) {
		data += 3;
		len -= 3;
	}
	if (check_bytes(&s, data, len))
		return -1;
	read_stream(&s, data, len, &docs);
	ret->n = docs.n;
	ret->v = arena_array(a, docs.n, sizeof(*ret->v));
	if (docs.n)
		memcpy(ret->v, docs.v, docs.n * sizeof(*docs.v));
	ret->copied = s.alias_bytes;
	free(docs.v);
	free(s.slots);
	return ps->errors == errors ? 0 : -1;
}
