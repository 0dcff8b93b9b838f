/* What must hold for every tree that was read. See tree.h. */
#include "config.h"
#include "t/fuzz/tree.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/yaml.h"

#define TEXT_BYTES (64u << 20)

/* Lines end with LF, CR or both; columns count characters. */
void must_be_inside(struct mark mark, const char *text, size_t len)
{
	uint32_t line = 1, columns = 1;

	if (!mark.line && !mark.column)
		return;
	for (size_t i = 0; i < len && line <= mark.line; i++) {
		if (text[i] == '\n' || (text[i] == '\r' &&
					(i + 1 == len || text[i + 1] != '\n'))) {
			if (line == mark.line)
				break;
			line++;
			columns = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			columns++;
		}
	}
	if (!mark.line || !mark.column || line != mark.line ||
	    mark.column > columns)
		abort();
}

void must_stand_inside(const struct node *n, const char *text, size_t len)
{
	must_be_inside(n->mark, text, len);
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		must_stand_inside(n->items[i], text, len);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		must_be_inside(n->pairs[i].mark, text, len);
		must_stand_inside(n->pairs[i].value, text, len);
	}
}

static void must_be_text(const struct node *n, const struct buf *want,
			 void (*write)(const struct node *, struct buf *))
{
	struct buf again = BUF_INIT(TEXT_BYTES);

	write(n, &again);
	if (again.len != want->len ||
	    memcmp(again.data, want->data, want->len))
		abort();
	buf_release(&again);
}

/* A key that libyaml may not read, were every character of it escaped. */
static bool has_long_key(const struct node *n)
{
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		if (has_long_key(n->items[i]))
			return true;
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++)
		if (n->pairs[i].key_len > LIMIT_KEY_CHARACTERS / 6 - 1 ||
		    has_long_key(n->pairs[i].value))
			return true;
	return false;
}

/* The one fault that YAML may find: a limit, which it counts otherwise. */
static void yaml_must_agree(const struct node *n, const struct buf *text,
			    struct arena *a)
{
	struct buf yaml = BUF_INIT(TEXT_BYTES);
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };

	/* behind a separator `{` begins no JSON */
	buf_adds(&yaml, "---\n");
	buf_add(&yaml, text->data, text->len);
	if (yaml_read("again", yaml.data, yaml.len, a, &docs, &ps) < 0) {
		for (size_t i = 0; i < ps.n; i++)
			if (ps.v[i].severity == SEVERITY_ERROR &&
			    strcmp(ps.v[i].rule, "yaml-limit"))
				abort();
	} else if (docs.n != 1 || !node_equal(docs.v[0], n)) {
		abort();
	}
	problems_release(&ps);
	buf_release(&yaml);
}

static void must_read_back_as(const struct node *n,
			      void (*write)(const struct node *, struct buf *))
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *again;

	write(n, &text);
	if (!buf_ok(&text) ||
	    json_read(text.data, text.len, &a, &again, &err) < 0)
		abort();
	/* not node_equal: 92233700368547856.0 is written, as by Go, with the
	   digits that tell it apart, and then zeros: another integer */
	must_be_text(again, &text, write);
	/* manifests with such a key are refused: schema/manifest.c */
	if (n->type == NODE_MAP && !has_long_key(n))
		yaml_must_agree(again, &text, &a);
	arena_release(&a);
	buf_release(&text);
}

void must_read_back(const struct node *n)
{
	must_read_back_as(n, json_write_canonical);
	must_read_back_as(n, json_write_compact);
}
