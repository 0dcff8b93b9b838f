/*
 * Values: made here, read from the tree, looked into. See value.h. The tree
 * has passed its schema, but nothing breaks if it has not: a value that does
 * not fit its type is an error value, as in the API server.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <math.h>
#include <string.h>

#include "schema/limits.h"

/* A property's name, escaped or not. */
#define NAME_MAX_BYTES 1024

/* ---- making ---- */

bool cel_work(struct cel_run *r, uint64_t n)
{
	r->steps += n;
	return r->steps <= LIMIT_CEL_STEPS;
}

void *cel_room(struct cel_run *r, size_t n)
{
	if (n > LIMIT_CEL_BYTES || r->arena->used > LIMIT_CEL_BYTES - n ||
	    !cel_work(r, n / 64))
		return NULL;
	return arena_alloc(r->arena, n);
}

struct cel_value cel_too_much(void)
{
	return cel_unknown("it takes more than is spent on one rule here");
}

struct cel_value cel_no_overload(void)
{
	return cel_error("no such overload");
}

struct cel_value cel_type_value(const char *name)
{
	return (struct cel_value){ .tag = VAL_TYPE, .str = name };
}

struct cel_value cel_string(struct cel_run *r, const char *s)
{
	size_t n = strlen(s);
	char *copy = cel_room(r, n + 1);

	if (!copy)
		return cel_too_much();
	memcpy(copy, s, n);
	return cel_stringn(copy, n);
}

struct cel_value cel_text_of(struct cel_run *r, const struct buf *b)
{
	char *copy = buf_ok(b) ? cel_room(r, b->len + 1) : NULL;

	if (!copy)
		return cel_too_much();
	memcpy(copy, b->data, b->len);
	return cel_stringn(copy, b->len);
}

struct cel_value cel_none(void)
{
	return (struct cel_value){ .tag = VAL_OPTIONAL };
}

struct cel_value cel_some(struct cel_run *r, struct cel_value v)
{
	struct cel_value *copy;

	if (cel_failed(v))
		return v;
	copy = cel_room(r, sizeof(*copy));
	if (!copy)
		return cel_too_much();
	*copy = v;
	return (struct cel_value){ .tag = VAL_OPTIONAL, .some = copy };
}

struct cel_value cel_list_of(struct cel_run *r, const struct cel_value *items,
			     size_t n)
{
	struct cel_list *l = cel_room(r, sizeof(*l));

	if (!l || n > UINT32_MAX)
		return cel_too_much();
	l->items = items;
	l->n = (uint32_t)n;
	return (struct cel_value){ .tag = VAL_LIST, .list = l };
}

struct cel_value cel_unordered_of(struct cel_run *r,
				  const struct cel_value *items, size_t n)
{
	struct cel_list *l = cel_room(r, sizeof(*l));

	if (!l || n > UINT32_MAX)
		return cel_too_much();
	l->items = items;
	l->n = (uint32_t)n;
	l->unordered = n > 1;
	return (struct cel_value){ .tag = VAL_LIST, .list = l };
}

struct cel_value cel_unknown_order(void)
{
	return cel_unknown("it depends on the order of a map's keys");
}

/* ---- from the tree ---- */

static struct cel_value list_value(struct cel_run *r, const struct node *n,
				  const void *schema, struct cel_type type)
{
	struct cel_list *l = cel_room(r, sizeof(*l));

	if (!l)
		return cel_too_much();
	*l = (struct cel_list){ .node = n, .schema = schema, .type = type,
				.n = n->n };
	return (struct cel_value){ .tag = VAL_LIST, .list = l };
}

static struct cel_value map_value(struct cel_run *r, const struct node *n,
				 const void *schema, struct cel_type type)
{
	struct cel_map *m = cel_room(r, sizeof(*m));

	if (!m)
		return cel_too_much();
	*m = (struct cel_map){ .node = n, .schema = schema, .type = type,
			       .n = n->n };
	return (struct cel_value){ .tag = VAL_MAP, .map = m };
}

/* A float without a fraction is sent, and read, as an integer. */
static bool as_integer(const struct node *n, int64_t *ret)
{
	if (n->type == NODE_INT) {
		*ret = n->integer;
		return true;
	}
	if (n->type != NODE_FLOAT || n->real != floor(n->real) ||
	    n->real < -0x1p63 || n->real >= 0x1p63)
		return false;
	*ret = (int64_t)n->real;
	return true;
}

static struct cel_value native(struct cel_run *r, const struct node *n)
{
	struct cel_type type = { .form = CEL_FORM_NATIVE };
	int64_t v;

	switch (n->type) {
	case NODE_NULL:
		return (struct cel_value){ .tag = VAL_NULL };
	case NODE_BOOL:
		return cel_bool(n->boolean);
	case NODE_INT:
	case NODE_FLOAT:
		return as_integer(n, &v) ? cel_int(v) : cel_double(n->real);
	case NODE_STR:
		return cel_stringn(n->str, n->n);
	case NODE_SEQ:
		return list_value(r, n, NULL, type);
	default:
		return map_value(r, n, NULL, type);
	}
}

static struct cel_value number(const struct node *n, enum cel_form form)
{
	int64_t v;

	if (form == CEL_FORM_NUMBER && n->type == NODE_INT)
		return cel_double((double)n->integer);
	if (form == CEL_FORM_NUMBER && n->type == NODE_FLOAT)
		return cel_double(n->real);
	if (form == CEL_FORM_INTEGER && as_integer(n, &v))
		return cel_int(v);
	return cel_error("invalid data, expected a number");
}

/* The letters of base64 that are safe in a URL; -1 for all others. */
static int letter(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-_";
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? (int)(at - letters) : -1;
}

/* As the API server decodes a string of format byte: by the URL's alphabet,
 * whatever the schema accepts. */
static struct cel_value bytes(struct cel_run *r, const struct node *n)
{
	struct cel_value bad = cel_error("invalid byte formatted string");
	char *out = cel_room(r, n->n + 1), *end = out;
	unsigned bits = 0, held = 0, letters = 0, padding = 0;

	if (!out)
		return cel_too_much();
	for (uint32_t i = 0; i < n->n; i++) {
		char c = n->str[i];
		int v = letter(c);

		if (c == '\n' || c == '\r')
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		if (v < 0 || padding)
			return bad;
		letters++;
		held = held << 6 | (unsigned)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*end++ = (char)(held >> bits);
		}
	}
	if ((letters + padding) % 4 || padding > 2 || letters % 4 == 1)
		return bad;
	return (struct cel_value){ .tag = VAL_BYTES, .str = out,
				   .n = (uint32_t)(end - out) };
}

static struct cel_value moment(struct cel_run *r, const struct node *n,
			       enum cel_form form)
{
	struct cel_time *t = cel_room(r, sizeof(*t));
	bool good;

	if (!t)
		return cel_too_much();
	good = form == CEL_FORM_DATE ? cel_parse_date(n->str, n->n, t) :
				       cel_parse_time(n->str, n->n, t);
	if (!good)
		return cel_unknown("a time that is not written as RFC 3339 "
				   "has it");
	return (struct cel_value){ .tag = VAL_TIME, .time = t };
}

static struct cel_value duration(const struct node *n)
{
	int64_t v;

	if (!cel_parse_duration(n->str, n->n, &v))
		return cel_unknown("a duration that is not written as Go has "
				   "it");
	return (struct cel_value){ .tag = VAL_DURATION, .integer = v };
}

static struct cel_value string(struct cel_run *r, const struct node *n,
			       enum cel_form form)
{
	if (n->type != NODE_STR)
		return cel_error("invalid data, expected string");
	switch (form) {
	case CEL_FORM_BYTES:
		return bytes(r, n);
	case CEL_FORM_DATE:
	case CEL_FORM_DATE_TIME:
		return moment(r, n, form);
	case CEL_FORM_DURATION:
		return duration(n);
	default:
		return cel_stringn(n->str, n->n);
	}
}

static struct cel_value int_or_string(const struct node *n)
{
	int64_t v;

	if (n->type == NODE_STR)
		return cel_stringn(n->str, n->n);
	if (as_integer(n, &v))
		return cel_int(v);
	return cel_error("invalid data, expected XIntOrString value to be "
			 "either a string or integer");
}

struct cel_value cel_from_node(struct cel_run *r, const struct node *n,
			       const void *schema)
{
	struct cel_type type = { .form = CEL_FORM_NATIVE };

	if (schema)
		r->types->type(schema, &type);
	if (type.form == CEL_FORM_NATIVE)
		return native(r, n);
	if (n->type == NODE_NULL)
		return type.nullable ? (struct cel_value){ .tag = VAL_NULL } :
		       cel_error("invalid data, got null for schema with "
				 "nullable=false");
	switch (type.form) {
	case CEL_FORM_OPAQUE:
		return (struct cel_value){ .tag = VAL_OPAQUE, .node = n };
	case CEL_FORM_OBJECT:
	case CEL_FORM_MAP:
		return n->type == NODE_MAP ? map_value(r, n, schema, type) :
		       cel_error("invalid data, expected a map");
	case CEL_FORM_LIST:
		return n->type == NODE_SEQ ? list_value(r, n, schema, type) :
		       cel_error("invalid data, expected an array");
	case CEL_FORM_INTEGER:
	case CEL_FORM_NUMBER:
		return number(n, type.form);
	case CEL_FORM_BOOLEAN:
		return n->type == NODE_BOOL ? cel_bool(n->boolean) :
		       cel_error("invalid data, expected bool");
	case CEL_FORM_INT_OR_STRING:
		return int_or_string(n);
	default:
		return string(r, n, type.form);
	}
}

/* ---- looking ---- */

const char *cel_type_name(struct cel_value v)
{
	static const char *const names[] = {
		[VAL_NULL] = "null_type", [VAL_BOOL] = "bool",
		[VAL_INT] = "int", [VAL_UINT] = "uint",
		[VAL_DOUBLE] = "double", [VAL_STRING] = "string",
		[VAL_BYTES] = "bytes", [VAL_LIST] = "list",
		[VAL_MAP] = "map", [VAL_TYPE] = "type",
		[VAL_TIME] = "google.protobuf.Timestamp",
		[VAL_DURATION] = "google.protobuf.Duration",
		[VAL_OPTIONAL] = "optional_type",
		[VAL_QUANTITY] = "kubernetes.Quantity",
		[VAL_IP] = "net.IP", [VAL_CIDR] = "net.CIDR",
		[VAL_URL] = "kubernetes.URL",
		[VAL_FORMAT] = "kubernetes.NamedFormat",
	};

	return v.tag < sizeof(names) / sizeof(names[0]) ? names[v.tag] : NULL;
}

struct cel_value cel_list_get(struct cel_run *r, const struct cel_list *l,
			      uint32_t i)
{
	if (!l->node)
		return l->items[i];
	return cel_from_node(r, l->node->items[i], l->type.item);
}

struct cel_value cel_map_key(const struct cel_map *m, uint32_t i)
{
	if (!m->node)
		return m->keys[i];
	return cel_stringn(m->node->pairs[i].key, m->node->pairs[i].key_len);
}

/* A map that was made: numbers are the same key whatever their type is. */
static bool find_made(struct cel_run *r, const struct cel_map *m,
		      struct cel_value key, struct cel_value *ret)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (!cel_work(r, 1)) {
			*ret = cel_too_much();
			return true;
		}
		if (cel_is(cel_equal(r, m->keys[i], key), true)) {
			*ret = m->values[i];
			return true;
		}
	}
	return false;
}

static bool unescape(struct cel_value key, struct buf *out);

static bool find_field(struct cel_run *r, const struct cel_map *m,
		       struct cel_value key, struct cel_value *ret)
{
	struct buf name = BUF_INIT(NAME_MAX_BYTES);
	const struct node *v = NULL;
	const void *schema = NULL;

	if (unescape(key, &name) && buf_ok(&name)) {
		v = node_getn(m->node, name.data, name.len);
		schema = r->types->field(m->schema, name.data, name.len);
	}
	buf_release(&name);
	/* a null field is none, whatever its schema says */
	if (!v || v->type == NODE_NULL || !schema)
		return false;
	*ret = cel_from_node(r, v, schema);
	return true;
}

bool cel_map_find(struct cel_run *r, const struct cel_map *m,
		  struct cel_value key, struct cel_value *ret)
{
	const struct node *v;

	if (!m->node)
		return find_made(r, m, key, ret);
	if (key.tag != VAL_STRING) {
		if (m->type.form == CEL_FORM_NATIVE)
			return false;
		*ret = cel_no_overload();
		return true;
	}
	if (m->type.form == CEL_FORM_OBJECT)
		return find_field(r, m, key, ret);
	v = node_getn(m->node, key.str, key.n);
	if (!v)
		return false;
	*ret = cel_from_node(r, v, m->type.item);
	return true;
}

/* ---- names of properties ---- */

static const struct {
	const char *plain, *escaped;
} escapes[] = {
	{ "__", "__underscores__" },
	{ ".", "__dot__" },
	{ "-", "__dash__" },
	{ "/", "__slash__" },
};

static const char *const reserved[] = {
	"true", "false", "null", "in", "as", "break", "const", "continue",
	"else", "for", "function", "if", "import", "let", "loop", "package",
	"namespace", "return", "var", "void", "while",
};

static bool is_reserved(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == n && !memcmp(reserved[i], s, n))
			return true;
	return false;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

bool cel_escape(const char *name, size_t len, struct buf *ret)
{
	if (!len || (*name >= '0' && *name <= '9'))
		return false;
	if (is_reserved(name, len)) {
		buf_adds(ret, "__");
		buf_add(ret, name, len);
		buf_adds(ret, "__");
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		size_t j, n = 0;

		for (j = 0; j < sizeof(escapes) / sizeof(escapes[0]); j++) {
			n = strlen(escapes[j].plain);
			if (len - i >= n &&
			    !memcmp(name + i, escapes[j].plain, n))
				break;
		}
		if (j < sizeof(escapes) / sizeof(escapes[0])) {
			buf_adds(ret, escapes[j].escaped);
			i += n - 1;
		} else if (is_plain(name[i])) {
			buf_addc(ret, name[i]);
		} else {
			return false;
		}
	}
	return true;
}

/* Bytes of "__word__" at s, 0 if there is none. */
static size_t escape_at(const char *s, size_t left)
{
	size_t n = 2;

	if (left < 5 || s[0] != '_' || s[1] != '_' || s[2] == '_')
		return 0;
	while (n < left && s[n] != '_')
		n++;
	return n + 1 < left && s[n] == '_' && s[n + 1] == '_' ? n + 2 : 0;
}

/* One escape, undone; false if it stands for nothing. */
static bool undo(const char *s, size_t n, bool whole, struct buf *out)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (strlen(escapes[i].escaped) == n &&
		    !memcmp(escapes[i].escaped, s, n)) {
			buf_adds(out, escapes[i].plain);
			return true;
		}
	if (!whole || !is_reserved(s + 2, n - 4))
		return false;
	buf_add(out, s + 2, n - 4);
	return true;
}

static bool unescape(struct cel_value key, struct buf *out)
{
	for (size_t i = 0; i < key.n; ) {
		size_t n = escape_at(key.str + i, key.n - i);

		if (n && !undo(key.str + i, n, n == key.n, out))
			return false;
		if (!n) {
			buf_addc(out, key.str[i]);
			n = 1;
		}
		i += n;
	}
	return true;
}
