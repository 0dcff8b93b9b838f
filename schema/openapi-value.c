/*
 * One value against its type: see openapi-walk.h.
 */
#include "config.h"
#include "schema/openapi-walk.h"

#include <stdlib.h>
#include <string.h>

#include "schema/formats.h"

#define ENV_VAR "io.k8s.api.core.v1.EnvVar"
/* so many values of an enum are named */
#define WORDS_MAX 64

/* A password can be an environment variable, and all digits. */
static bool is_secret(const struct openapi_walk *w, const struct place *p)
{
	return w->secret || (p->up && p->up->type && p->key &&
			     !strcmp(p->key, "value") &&
			     !strcmp(p->up->type->name, ENV_VAR));
}

void wrong_form(struct openapi_walk *w, const struct place *p)
{
	place_wrong_form(&w->judge, p, p->type->form, is_secret(w, p));
}

/* ---- strings ---- */

static void check_enum(struct openapi_walk *w, const struct place *p)
{
	const char *words[WORDS_MAX];
	uint32_t n = p->type->n_words < WORDS_MAX ? p->type->n_words :
						    WORDS_MAX;

	for (uint32_t i = 0; i < p->type->n_words; i++)
		if (!strcmp(openapi_word(w->s, p->type, i), p->node->str))
			return;
	for (uint32_t i = 0; i < n; i++)
		words[i] = openapi_word(w->s, p->type, i);
	place_no_word(&w->judge, p, "field-enum", words, n);
}

static void check_format(struct openapi_walk *w, const struct place *p)
{
	const struct node *v = p->node;

	switch (p->type->format) {
	case FORMAT_DATE_TIME:
	case FORMAT_MICRO_TIME:
		if (is_date_time(v->str, p->type->format ==
					 FORMAT_MICRO_TIME))
			return;
		place_error(&w->judge, p, v->mark, "field-format", "must be a "
			    "time such as %s", p->type->format ==
			    FORMAT_MICRO_TIME ?
			    "2026-11-23T10:00:00.000000Z" :
			    "2026-11-23T10:00:00Z");
		return;
	case FORMAT_BYTE:
		if (base64_bytes(v->str, v->n) < 0)
			place_error(&w->judge, p, v->mark, "field-format",
				    "is no base64");
		return;
	default:
		return;
	}
}

/* "" of a field that may be left out is as good as that. */
static void check_string(struct openapi_walk *w, const struct place *p)
{
	const struct openapi_type *t = p->type;
	const struct node *v = p->node;

	if (v->type != NODE_STR) {
		wrong_form(w, p);
		return;
	}
	if (t->n_words && (v->n || !p->key || p->required))
		check_enum(w, p);
	check_format(w, p);
}

/* ---- numbers ---- */

static bool is_int32(int64_t v)
{
	return v >= INT32_MIN && v <= INT32_MAX;
}

static void check_integer(struct openapi_walk *w, const struct place *p)
{
	const struct node *v = p->node;

	if (v->type == NODE_FLOAT)
		place_error(&w->judge, p, v->mark, "field-type", "must be an "
			    "integer, not a fraction or a number beyond 64 "
			    "bits");
	else if (v->type != NODE_INT)
		wrong_form(w, p);
	else if (p->type->format == FORMAT_INT32 && !is_int32(v->integer))
		place_error(&w->judge, p, v->mark, "field-format", "must be "
			    "between -2147483648 and 2147483647");
}

static void check_int_or_string(struct openapi_walk *w, const struct place *p)
{
	const struct node *v = p->node;

	if (v->type == NODE_INT && !is_int32(v->integer))
		place_error(&w->judge, p, v->mark, "field-format", "must be "
			    "between -2147483648 and 2147483647, or a string");
	else if (v->type != NODE_INT && v->type != NODE_STR)
		wrong_form(w, p);
}

static void check_quantity(struct openapi_walk *w, const struct place *p)
{
	const struct node *v = p->node;

	if (v->type == NODE_INT || v->type == NODE_FLOAT)
		return;
	if (v->type != NODE_STR)
		wrong_form(w, p);
	else if (strlen(v->str) != v->n || !is_quantity(v->str))
		place_error(&w->judge, p, v->mark, "field-format", "must be a "
			    "quantity such as 500m, 2, 1Gi or 1e3, not '%s'",
			    v->str);
}

void check_scalar(struct openapi_walk *w, const struct place *p)
{
	enum node_type got = p->node->type;

	switch (p->type->form) {
	case FORM_STRING:
		check_string(w, p);
		return;
	case FORM_INTEGER:
		check_integer(w, p);
		return;
	case FORM_INT_OR_STRING:
		check_int_or_string(w, p);
		return;
	case FORM_QUANTITY:
		check_quantity(w, p);
		return;
	case FORM_NUMBER:
		if (got != NODE_INT && got != NODE_FLOAT)
			wrong_form(w, p);
		return;
	case FORM_BOOLEAN:
		if (got != NODE_BOOL)
			wrong_form(w, p);
		return;
	default:
		return;
	}
}
