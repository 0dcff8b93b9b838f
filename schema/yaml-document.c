/*
 * One YAML document to a tree, on libyaml's events. See yaml.h.
 *
 * Trusts nothing: what libyaml does not bound (depth, nodes, what aliases
 * make) is counted here, and where libyaml and go-yaml v2 read a text
 * differently it is refused. Faults that leave the structure clear (a
 * duplicate key, an unknown tag) are noted and reading goes on, so that one
 * look shows them all; a syntax error ends the document. Messages quote
 * keys, tags and anchors, never values: they may be secret.
 */
#include "config.h"
#include "schema/yaml-build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

/* ---- places ---- */

/* The byte at libyaml's index, which counts characters. */
static size_t offset_of(struct yaml_builder *b, size_t index)
{
	const char *data = b->c->data;
	size_t at;

	if (b->s->ascii)
		return index < b->c->len ? index : b->c->len;
	if (index < b->seen_index) {
		b->seen_index = b->seen_offset = 0;
		b->seen_mark = (struct mark){ b->c->line, 1 };
	}
	for (at = b->seen_offset; b->seen_index < index && at < b->c->len;
	     b->seen_index++)
		for (at++; at < b->c->len && (data[at] & 0xc0) == 0x80; at++)
			;
	if (b->s->odd_breaks)
		b->seen_mark = yaml_mark(data + b->seen_offset,
					 b->c->len - b->seen_offset,
					 at - b->seen_offset, b->seen_mark);
	b->seen_offset = at;
	return at;
}

/*
 * True if libyaml stands behind the line feed that it was fed after the last
 * line, which has none: a place that the file does not have.
 */
static bool is_behind(struct yaml_builder *b, const yaml_mark_t *m)
{
	const struct yaml_chunk *c = b->c;

	return !m->column && c->len && c->data[c->len - 1] != '\n' &&
	       offset_of(b, m->index) == c->len;
}

static struct mark mark_of(struct yaml_builder *b, const yaml_mark_t *m)
{
	if (is_behind(b, m))
		return yaml_mark(b->c->data, b->c->len, b->c->len,
				 (struct mark){ b->c->line, 1 });
	if (b->s->odd_breaks) {
		offset_of(b, m->index);
		return b->seen_mark;
	}
	return (struct mark){
		.line = b->c->line + (uint32_t)m->line,
		.column = (uint32_t)m->column + 1,
	};
}

/* ---- nodes and frames ---- */

static struct yaml_frame *top(struct yaml_builder *b)
{
	return b->depth ? &b->frames[b->depth - 1] : NULL;
}

static bool wants_key(const struct yaml_frame *f)
{
	return f && f->node->type == NODE_MAP && f->expect == EXPECT_KEY;
}

/* A finished node goes to where it belongs. */
static void deliver(struct yaml_builder *b, struct node *n, bool is_alias)
{
	struct yaml_frame *f = top(b);

	if (!f)
		b->root = n;
	else if (f->node->type == NODE_SEQ)
		yaml_push(b, &(struct yaml_slot){ .pair.value = n });
	else if (f->expect == EXPECT_KEY)
		yaml_key_node(b, f, n, n->mark);
	else
		yaml_value(b, f, n, is_alias);
}

static int count_nodes(struct yaml_builder *b, size_t n, struct mark mark)
{
	b->nodes += n;
	if (b->nodes <= LIMIT_DOCUMENT_NODES)
		return 0;
	yaml_complain(b, mark, "yaml-limit", "more than %d values in one "
		      "document: split it", LIMIT_DOCUMENT_NODES);
	return -1;
}

static int check_depth(struct yaml_builder *b, size_t depth, struct mark mark)
{
	if (depth <= LIMIT_DEPTH)
		return 0;
	yaml_complain(b, mark, "yaml-limit", "nested deeper than %d levels",
		      LIMIT_DEPTH);
	return -1;
}

/* Anchors count from where they stand, so that one in itself is found. */
static struct yaml_anchor *add_anchor(struct yaml_builder *b,
				      const yaml_char_t *name)
{
	struct yaml_anchor *anchor;

	if (!name)
		return NULL;
	anchor = arena_alloc(b->s->arena, sizeof(*anchor));
	map_put(&b->anchors, (const char *)name, anchor);
	return anchor;
}

/* ---- tags ---- */

/* The tag is not quoted: it may be a password that begins with !. */
static void unknown_tag(struct yaml_builder *b, enum yaml_tag tag,
			struct mark mark)
{
	if (tag == YAML_TAG_BINARY)
		yaml_complain(b, mark, "yaml-tag", "Kubernetes decodes "
			      "!!binary to raw bytes: write the base64 text "
			      "without the tag");
	else
		yaml_complain(b, mark, "yaml-tag", "Kubernetes ignores the "
			      "tag here: remove it, or put a text that "
			      "begins with ! in quotes");
}

/* The tag that decides how a scalar is read; one that may not be is noted. */
static enum yaml_tag scalar_tag(struct yaml_builder *b, const yaml_event_t *e,
				struct mark mark)
{
	const char *text = (const char *)e->data.scalar.tag;
	enum yaml_tag tag = yaml_tag_of(text);

	if (tag == YAML_TAG_NONE)
		return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ?
			YAML_TAG_NONE : YAML_TAG_STR;
	if (tag <= YAML_TAG_TIMESTAMP)
		return tag;
	unknown_tag(b, tag, mark);
	return YAML_TAG_STR;
}

static void check_collection_tag(struct yaml_builder *b,
				 const yaml_char_t *text, enum yaml_tag own,
				 struct mark mark)
{
	enum yaml_tag tag = yaml_tag_of((const char *)text);

	if (tag != YAML_TAG_NONE && tag != own && strcmp((const char *)text, "!"))
		unknown_tag(b, tag, mark);
}

/* ---- scalars ---- */

/* go-yaml does not know JSON's escape \/ and refuses it. */
static void check_escapes(struct yaml_builder *b, const yaml_event_t *e,
			  struct mark mark)
{
	const char *start = b->c->data + offset_of(b, e->start_mark.index);
	const char *end = b->c->data + offset_of(b, e->end_mark.index);
	const char *p = memchr(start, '"', (size_t)(end - start));

	for (p = p ? p + 1 : end; p + 1 < end; p++) {
		if (*p != '\\')
			continue;
		if (p[1] == '/') {
			yaml_complain(b, yaml_mark(start, (size_t)(end - start),
						   (size_t)(p - start), mark),
				      "yaml-syntax",
				      "\\/ is an escape of JSON, not of YAML: "
				      "write /");
			return;
		}
		p++;
	}
}

/* What libyaml reads and go-yaml does not. */
static void check_scalar(struct yaml_builder *b, const yaml_event_t *e,
			 const struct yaml_frame *f, struct mark mark)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;

	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && f && f->flow &&
	    memchr(text, '?', len))
		yaml_complain(b, mark, "yaml-syntax", "a text with ? inside "
			      "[ ] or { } must be in quotes");
	if (b->s->escaped_slash && memchr(text, '/', len) &&
	    e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		check_escapes(b, e, mark);
}

static struct node *scalar_node(struct yaml_builder *b,
				const struct yaml_scalar *s,
				const yaml_event_t *e, struct mark mark)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct arena *a = b->s->arena;
	struct node *n;
	int64_t integer;

	switch (s->type) {
	case NODE_STR:
		n = node_strn(a, text, len);
		break;
	case NODE_BOOL:
		n = node_bool(a, s->boolean);
		break;
	case NODE_INT:
		n = node_int(a, s->integer);
		break;
	case NODE_FLOAT:
		n = isfinite(s->real) && yaml_float_is_int(s->real, &integer) ?
			node_int(a, integer) : node_float(a, s->real);
		break;
	default:
		n = node_null(a);
		break;
	}
	if (s->type != NODE_STR &&
	    e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		n->source = arena_strndup(a, text, len);
	n->mark = mark;
	return n;
}

static void check_number(struct yaml_builder *b, const struct node *n)
{
	if (n->type == NODE_FLOAT && !isfinite(n->real))
		yaml_complain(b, n->mark, "yaml-number", "JSON and Kubernetes "
			      "have no infinity and no NaN: put it in quotes if "
			      "it is text");
}

static bool is_merge(struct yaml_builder *b, const yaml_event_t *e,
		     struct mark mark)
{
	const char *text = (const char *)e->data.scalar.value;
	const char *tag = (const char *)e->data.scalar.tag;

	if (e->data.scalar.length != 2 || memcmp(text, "<<", 2))
		return false;
	if (!tag)
		return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (strcmp(tag, "!"))
		return yaml_tag_of(tag) == YAML_TAG_MERGE;
	yaml_complain(b, mark, "yaml-tag", "Kubernetes ignores the tag ! of "
		      "<<: remove it, or put << in quotes");
	return true;
}

static int on_scalar(struct yaml_builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	struct mark mark = mark_of(b, &e->start_mark);
	struct yaml_anchor *anchor = add_anchor(b, e->data.scalar.anchor);
	struct yaml_frame *f = top(b);
	struct yaml_scalar s;
	struct node *n = NULL;

	b->steps++;
	if (wants_key(f) && is_merge(b, e, mark)) {
		f->expect = EXPECT_MERGE;
		return 0;
	}
	check_scalar(b, e, f, mark);
	if (yaml_scalar_read(text, e->data.scalar.length,
			     scalar_tag(b, e, mark), &s)) {
		yaml_complain(b, mark, "yaml-tag", "the value is not what its "
			      "tag says: remove the tag or correct the value");
		s = (struct yaml_scalar){ .type = NODE_STR };
	}
	if (anchor || !wants_key(f))
		n = scalar_node(b, &s, e, mark);
	if (anchor) {
		anchor->node = n;
		anchor->nodes = anchor->steps = 1;
	}
	if (wants_key(f)) {
		yaml_key(b, f, &s, text, e->data.scalar.length, mark);
		return 0;
	}
	check_number(b, n);
	deliver(b, n, false);
	return count_nodes(b, 1, mark);
}

/* ---- aliases ---- */

/*
 * go-yaml's guard against documents that aliases blow up, with its numbers:
 * 99 % of the work may come from aliases in a small document, falling to
 * 10 % in a large one.
 */
static bool too_many_aliases(const struct yaml_builder *b)
{
	const double low = 400000, high = 4000000;
	double steps = (double)b->steps, allowed = 0.99;

	if (b->alias_steps <= 100 || b->steps <= 1000)
		return false;
	if (steps >= high)
		allowed = 0.10;
	else if (steps > low)
		allowed = 0.99 - 0.89 * (steps - low) / (high - low);
	return (double)b->alias_steps / steps > allowed;
}

/*
 * Counts what a copy takes; of the file, not of the document: a file has
 * many. Only the first alias beyond the limit is an error, the others stop
 * their documents.
 */
static int count_copy(struct yaml_builder *b, struct yaml_anchor *anchor,
		      struct mark mark)
{
	bool beyond = b->s->alias_bytes > LIMIT_ALIAS_BYTES;

	if (!anchor->bytes)
		anchor->bytes = node_copy_bytes(anchor->node);
	b->s->alias_bytes += anchor->bytes;
	if (b->s->alias_bytes <= LIMIT_ALIAS_BYTES)
		return 0;
	if (!beyond)
		yaml_complain(b, mark, "yaml-alias", "the aliases of this "
			      "file take more than %u bytes: write them out",
			      LIMIT_ALIAS_BYTES);
	return -1;
}

/* Reading goes on as if something that fits had stood here. */
static void skip_node(struct yaml_builder *b, struct yaml_frame *f,
		      struct mark mark)
{
	struct node *n = node_null(b->s->arena);

	n->mark = mark;
	if (wants_key(f)) {
		f->expect = EXPECT_VALUE;
		f->drop = true;
	} else if (f && f->expect == EXPECT_MERGE) {
		f->expect = EXPECT_KEY;
	} else {
		deliver(b, n, true);
	}
}

static int on_alias(struct yaml_builder *b, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	struct mark mark = mark_of(b, &e->start_mark);
	struct yaml_anchor *anchor = map_get(&b->anchors, name);
	struct yaml_frame *f = top(b);
	struct node *n;

	b->steps++;
	/* its name is not quoted: it may be a password that begins with * */
	if (!anchor || !anchor->node) {
		yaml_complain(b, mark, "yaml-alias", anchor ?
			      "the alias stands inside its own anchor" :
			      "the alias has no anchor before it: put a text "
			      "that begins with * in quotes");
		skip_node(b, f, mark);
		return 0;
	}
	b->steps += anchor->steps;
	b->alias_steps += anchor->steps;
	if (too_many_aliases(b)) {
		yaml_complain(b, mark, "yaml-alias", "nearly all of this "
			      "document is made by aliases: write it out");
		return -1;
	}
	if (count_copy(b, anchor, mark))
		return -1;
	if (wants_key(f)) {
		yaml_key_node(b, f, anchor->node, mark);
		return 0;
	}
	if (count_nodes(b, anchor->nodes, mark) ||
	    check_depth(b, b->depth + anchor->height, mark))
		return -1;
	if (f && anchor->height && f->height <= anchor->height)
		f->height = anchor->height + 1;
	n = node_copy(b->s->arena, anchor->node);
	n->mark = mark;
	check_number(b, n);
	deliver(b, n, true);
	return 0;
}

/* ---- collections ---- */

static int on_start(struct yaml_builder *b, const yaml_event_t *e,
		    enum node_type type)
{
	struct mark mark = mark_of(b, &e->start_mark);
	bool map = type == NODE_MAP;
	const yaml_char_t *anchor = map ? e->data.mapping_start.anchor :
					  e->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? e->data.mapping_start.tag :
				       e->data.sequence_start.tag;
	struct yaml_frame *f;

	check_collection_tag(b, tag, map ? YAML_TAG_MAP : YAML_TAG_SEQ, mark);
	if (check_depth(b, b->depth + 1, mark))
		return -1;
	f = &b->frames[b->depth++];
	*f = (struct yaml_frame){
		.node = map ? node_map(b->s->arena) : node_seq(b->s->arena),
		.anchor = add_anchor(b, anchor),
		.first = b->s->n_slots,
		.nodes = b->nodes,
		.steps = b->steps,
		.height = 1,
		.flow = map ? e->data.mapping_start.style ==
				YAML_FLOW_MAPPING_STYLE :
			      e->data.sequence_start.style ==
				YAML_FLOW_SEQUENCE_STYLE,
		.replaces = NO_SLOT,
	};
	f->node->mark = mark;
	b->steps++;
	return count_nodes(b, 1, mark);
}

/* Moves the slots of a collection into its node. */
static void fill(struct yaml_builder *b, struct yaml_frame *f)
{
	size_t size = b->s->n_slots - f->first;
	/* nobody made room yet where nothing was read */
	const struct yaml_slot *slots = size ? b->s->slots + f->first : NULL;
	struct node *n = f->node;

	n->n = n->alloc = (uint32_t)size;
	if (n->type == NODE_MAP) {
		n->pairs = arena_array(b->s->arena, size, sizeof(*n->pairs));
		for (size_t i = 0; i < size; i++)
			n->pairs[i] = slots[i].pair;
		node_index(b->s->arena, n);
	} else {
		n->items = arena_array(b->s->arena, size, sizeof(*n->items));
		for (size_t i = 0; i < size; i++)
			n->items[i] = slots[i].pair.value;
	}
	b->s->n_slots = f->first;
	map_release(&f->index, NULL);
}

static void on_end(struct yaml_builder *b)
{
	struct yaml_frame *f = top(b), *outer;

	fill(b, f);
	if (f->anchor) {
		f->anchor->node = f->node;
		f->anchor->nodes = b->nodes - f->nodes;
		f->anchor->steps = b->steps - f->steps;
		f->anchor->height = f->height;
	}
	b->depth--;
	outer = top(b);
	if (outer && outer->height <= f->height)
		outer->height = f->height + 1;
	deliver(b, f->node, false);
}

/* ---- syntax errors ---- */

/* libyaml's words, and ours: what it means and what to do. */
static const struct {
	const char *problem, *message;
} syntax[] = {
	{ "mapping values are not allowed in this context",
	  "no key may stand here: check the indentation, or put a text with "
	  "\": \" in quotes" },
	{ "did not find expected key",
	  "no key where one must be: check the indentation and the quotes" },
	{ "could not find expected ':'",
	  "the ':' of a key is missing: check this line and the one above" },
	{ "did not find expected ',' or ']'",
	  "',' or ']' is missing: the list is not closed" },
	{ "did not find expected ',' or '}'",
	  "',' or '}' is missing: the map is not closed" },
	{ "did not find expected '-' indicator",
	  "no '-' where one must be: check the indentation of the list" },
	{ "did not find expected node content",
	  "a value is missing here" },
	{ "did not find expected <document start>",
	  "text after the end of the document: put a line --- before a new "
	  "one" },
	{ "block sequence entries are not allowed in this context",
	  "a list may not begin here: put it on a line of its own" },
	{ "mapping keys are not allowed in this context",
	  "a '?' key may not stand here: put a text with '?' in quotes" },
	{ "found a tab character that violates indentation",
	  "a tab cannot indent: use spaces" },
	{ "found a tab character where an indentation space is expected",
	  "a tab cannot indent: use spaces" },
	{ "found unknown escape character",
	  "unknown escape in double quotes: write a backslash as \\\\, or use "
	  "single quotes" },
	{ "found unexpected end of stream",
	  "the quotes that are opened here are never closed" },
	{ "found unexpected document indicator",
	  "the quotes that are opened here are not closed before the end of "
	  "the document" },
	{ "found undefined tag handle",
	  "the tag's handle is not defined: remove the tag" },
};

static void bad_character(struct yaml_builder *b, struct mark mark)
{
	size_t at = offset_of(b, b->parser.problem_mark.index);
	char c = at < b->c->len ? b->c->data[at] : ' ';

	if (c == '\t')
		yaml_complain(b, mark, "yaml-syntax",
			      "a tab cannot indent: use spaces");
	else
		yaml_complain(b, mark, "yaml-syntax",
			      "%c cannot begin a value: put it in quotes", c);
}

static void reader_error(struct yaml_builder *b)
{
	const yaml_parser_t *p = &b->parser;
	size_t at = p->problem_offset < b->c->len ? p->problem_offset :
						    b->c->len;
	struct mark mark = yaml_mark(b->c->data, b->c->len, at,
				     (struct mark){ b->c->line, 1 });

	if (p->problem_value > 0)
		yaml_complain(b, mark, "yaml-encoding", "character U+%04X may "
			      "not stand in YAML: remove it, or write it as an "
			      "escape in double quotes",
			      (unsigned int)p->problem_value);
	else
		yaml_complain(b, mark, "yaml-encoding", "%s", p->problem);
}

static void syntax_error(struct yaml_builder *b)
{
	const yaml_parser_t *p = &b->parser;
	const char *problem = p->problem ? p->problem : "out of memory";
	const char *within = p->context ? p->context : "", *context = within;
	struct mark mark = mark_of(b, &p->problem_mark);

	if (p->error == YAML_READER_ERROR) {
		reader_error(b);
		return;
	}
	if (!strcmp(context, "while scanning a directive") ||
	    !strcmp(context, "while scanning a %YAML directive")) {
		yaml_complain(b, mark_of(b, &p->context_mark), "yaml-directive",
			      "Kubernetes reads no %% directives: remove the "
			      "line");
		return;
	}
	if (!strcmp(problem, "found character that cannot start any token")) {
		bad_character(b, mark);
		return;
	}
	if (!strcmp(context, "while scanning a simple key") ||
	    (!strcmp(context, "while scanning a quoted scalar") &&
	     !strncmp(problem, "found unexpected", 16)))
		mark = mark_of(b, &p->context_mark);
	for (size_t i = 0; i < ARRAY_SIZE(syntax); i++)
		if (!strcmp(problem, syntax[i].problem)) {
			problem = syntax[i].message;
			context = "";
		}
	if (!strcmp(within, "while parsing a flow sequence") ||
	    !strcmp(within, "while parsing a flow mapping")) {
		struct mark open = mark_of(b, &p->context_mark);

		yaml_complain(b, mark, "yaml-syntax", "%s (opened at line %u "
			      "column %u)", problem, open.line, open.column);
		return;
	}
	yaml_complain(b, mark, "yaml-syntax", "%s%s%s", context,
		      *context ? ": " : "", problem);
}

/* ---- the document ---- */

static int on_document(struct yaml_builder *b, const yaml_event_t *e)
{
	struct mark mark = mark_of(b, &e->start_mark);

	if (e->data.document_start.version_directive ||
	    e->data.document_start.tag_directives.start !=
	    e->data.document_start.tag_directives.end) {
		yaml_complain(b, mark, "yaml-directive", "Kubernetes reads no "
			      "%% directives: remove the line");
		return -1;
	}
	if (b->documents++) {
		yaml_complain(b, mark, "yaml-separator", "Kubernetes does not "
			      "see this separator: put --- on a line of its "
			      "own");
		return -1;
	}
	return 0;
}

/*
 * Looks for a directive where one may stand: from data + at, before the
 * first value or behind the last. libyaml would read all there are before it
 * says anything, and compare each %TAG with all before it.
 */
static int check_directive(struct yaml_builder *b, size_t at)
{
	const struct yaml_chunk *c = b->c;
	const char *p = c->data + at, *end = c->data + c->len;

	while (p == end || *p != '%') {
		size_t n = 0;

		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p < end && *p == '#')
			while (p < end && !yaml_break(p, (size_t)(end - p)))
				p++;
		if (p < end)
			n = yaml_break(p, (size_t)(end - p));
		if (!n)
			return 0;
		p += n;
		if (end - p >= 3 && !memcmp(p, "...", 3))
			p += 3;
	}
	yaml_complain(b, yaml_mark(c->data, c->len, (size_t)(p - c->data),
				   (struct mark){ c->line, 1 }),
		      "yaml-directive", "Kubernetes reads no %% directives: "
		      "remove the line");
	return -1;
}

/* 0 to go on, 1 at the end, -1 when nothing more can be read. */
static int on_event(struct yaml_builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, e);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e);
	case YAML_ALIAS_EVENT:
		return on_alias(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, e, NODE_SEQ);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, e, NODE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(b);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return check_directive(b, offset_of(b, e->end_mark.index));
	case YAML_STREAM_END_EVENT:
		return 1;
	default:
		return 0;
	}
}

/* The chunk, and a line feed behind it as the reader of Kubernetes adds. */
static int feed(void *data, unsigned char *buffer, size_t size,
		size_t *size_read)
{
	struct yaml_builder *b = data;
	const struct yaml_chunk *c = b->c;
	size_t n = b->fed < c->len ? c->len - b->fed : 0;

	if (n > size)
		n = size;
	if (n) {
		memcpy(buffer, c->data + b->fed, n);
	} else if (b->fed == c->len && c->len && c->data[c->len - 1] != '\n') {
		*buffer = '\n';
		n = 1;
	}
	b->fed += n;
	*size_read = n;
	return 1;
}

struct node *yaml_document(struct yaml_stream *s, const struct yaml_chunk *c)
{
	struct yaml_builder b;
	size_t errors = s->ps->errors;
	int done = 0;

	memset(&b, 0, offsetof(struct yaml_builder, frames));
	b.s = s;
	b.c = c;
	b.seen_mark = (struct mark){ c->line, 1 };
	s->n_slots = 0;
	if (!yaml_parser_initialize(&b.parser))
		BUG("out of memory");
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input(&b.parser, feed, &b);
	done = check_directive(&b, 0);
	while (!done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&b.parser, &event)) {
			syntax_error(&b);
			break;
		}
		done = on_event(&b, &event);
		yaml_event_delete(&event);
	}
	while (b.depth)
		map_release(&b.frames[--b.depth].index, NULL);
	map_release(&b.anchors, NULL);
	yaml_parser_delete(&b.parser);
	return s->ps->errors == errors ? b.root : NULL;
}
