/*
 * Values of another form than they should be. See place.h. The messages are
 * the point of this file. A scalar that YAML read as something else is the
 * mistake that people make most and see least.
 */
#include "config.h"
#include "schema/place.h"

#include <string.h>

#include "schema/json.h"

/* a scalar as JSON, for a message */
#define SHOWN_MAX 64

static const char *const wanted[FORMS] = {
	[FORM_ANY] = "anything",
	[FORM_OBJECT] = "a map",
	[FORM_MAP] = "a map",
	[FORM_LIST] = "a list",
	[FORM_STRING] = "a string",
	[FORM_INTEGER] = "an integer",
	[FORM_NUMBER] = "a number",
	[FORM_BOOLEAN] = "true or false",
	[FORM_INT_OR_STRING] = "an integer or a string",
	[FORM_QUANTITY] = "a quantity such as 500m or 1Gi",
};

/* ---- what YAML made of it ---- */

/* "a boolean", or as it was read if it was not written like that: "the
 * integer 8". */
static void add_reading(const struct node *v, struct buf *out)
{
	const char *name = node_type_name(v->type);
	struct buf text = BUF_INIT(SHOWN_MAX);

	json_write_compact(v, &text);
	if (buf_ok(&text) && strcmp(text.data, v->source))
		buf_addf(out, "the %s %s", strchr(name, ' ') + 1, text.data);
	else
		buf_adds(out, name);
	buf_release(&text);
}

static void unquoted(struct judge *j, const struct place *p, bool secret)
{
	const struct node *v = p->node;
	struct buf reading = BUF_INIT(2 * SHOWN_MAX);

	if (secret && v->type != NODE_BOOL) {
		place_error(j, p, v->mark, "string-unquoted", "must "
			    "be a string, but YAML reads this as %s: put it in "
			    "quotes", node_type_name(v->type));
		return;
	}
	add_reading(v, &reading);
	place_error(j, p, v->mark, "string-unquoted", "must be a "
		    "string, but YAML reads %s as %s: write \"%s\"",
		    v->source, reading.data, v->source);
	buf_release(&reading);
}

static bool is_number(const char *s)
{
	size_t sign = *s == '-', n = strspn(s + sign, "0123456789");

	return n && n < 19 && !s[sign + n];
}

static bool is_boolean(const char *s)
{
	return !strcmp(s, "true") || !strcmp(s, "false");
}

/* What to do about a value of the wrong form; "" if nobody knows. */
static const char *advice(enum openapi_form form, const struct node *v)
{
	if (v->type == NODE_NULL)
		return ": remove it, or give it a value";
	if (v->type == NODE_STR && !strlen(v->str))
		return "";
	if (v->type == NODE_STR &&
	    ((form == FORM_INTEGER && is_number(v->str)) ||
	     (form == FORM_NUMBER && is_number(v->str)) ||
	     (form == FORM_BOOLEAN && is_boolean(v->str))))
		return ": remove the quotes";
	if (form == FORM_LIST && v->type != NODE_SEQ)
		return ": begin each of its items with '- '";
	if ((form == FORM_OBJECT || form == FORM_MAP) && v->type == NODE_SEQ)
		return ": write its fields without '- '";
	return "";
}

void place_wrong_form(struct judge *j, const struct place *p,
		      enum openapi_form form, bool secret)
{
	const struct node *v = p->node;

	if (form == FORM_STRING && v->source && v->type != NODE_NULL)
		unquoted(j, p, secret);
	else
		place_error(j, p, v->mark, "field-type", "must be %s, not "
			    "%s%s", wanted[form], node_type_name(v->type),
			    advice(form, v));
}
