/*
 * Calls: which function it is, by the types of its arguments, as cel-go
 * chooses an overload when it runs. A function that we do not know is one of
 * a newer Kubernetes, and what it gives is unknown.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#include "schema/base/mem.h"

/* More arguments than any function takes. */
#define ARGS_MAX 8

static uint8_t tag_of(char letter)
{
	static const struct {
		char letter;
		uint8_t tag;
	} letters[] = {
		{ 's', VAL_STRING }, { 'i', VAL_INT }, { 'u', VAL_UINT },
		{ 'd', VAL_DOUBLE }, { 'b', VAL_BOOL }, { 'y', VAL_BYTES },
		{ 't', VAL_TIME }, { 'D', VAL_DURATION }, { 'l', VAL_LIST },
		{ 'L', VAL_LIST }, { 'm', VAL_MAP }, { 'T', VAL_TYPE },
		{ 'o', VAL_OPTIONAL }, { 'q', VAL_QUANTITY }, { 'I', VAL_IP },
		{ 'C', VAL_CIDR }, { 'U', VAL_URL }, { 'F', VAL_FORMAT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].tag;
	BUG("letter of a type");
}

static bool fits(const struct cel_function *f, const struct cel_value *args,
		 size_t n)
{
	if (strlen(f->types) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (f->types[i] != '*' && tag_of(f->types[i]) != args[i].tag)
			return false;
	return true;
}

static bool any_order(const struct cel_function *f,
		      const struct cel_value *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (args[i].tag == VAL_LIST && args[i].list->unordered &&
		    f->types[i] != 'L')
			return false;
	return true;
}

static struct cel_value call(struct cel_run *r, const struct cel_expr *e,
			     const struct cel_value *args)
{
	for (size_t i = 0; i < e->n; i++)
		if (args[i].loose)
			return cel_unknown("the sum of nothing");
	for (size_t i = 0; e->functions[i]; i++) {
		const struct cel_function *f = e->functions[i];

		if (!fits(f, args, e->n))
			continue;
		if (!f->run)
			return cel_unknown("a function that is not evaluated "
					   "here");
		if (!any_order(f, args, e->n))
			return cel_unknown_order();
		r->call = e;
		return f->run(r, args, e->n);
	}
	return cel_no_overload();
}

/* a.or(b) and a.orValue(b): b is looked at only if it is needed. */
static bool is_lazy(const struct cel_expr *e)
{
	return e->member && e->n == 2 && (!strcmp(e->name, "or") ||
					  !strcmp(e->name, "orValue"));
}

static struct cel_value lazy(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_value v = cel_run(r, e->args[0]);

	if (v.tag != VAL_OPTIONAL)
		return v;
	if (!v.some)
		return cel_run(r, e->args[1]);
	return strcmp(e->name, "or") ? *v.some : v;
}

struct cel_value cel_run_call(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_value args[ARGS_MAX];

	if (is_lazy(e))
		return lazy(r, e);
	if (!e->functions || e->n > ARGS_MAX)
		return cel_unknown("a function that is not known here");
	for (uint32_t i = 0; i < e->n; i++) {
		args[i] = cel_run(r, e->args[i]);
		if (cel_failed(args[i]))
			return args[i];
	}
	return call(r, e, args);
}
