/*
 * Kubernetes' named formats: whether a text is one is known here, but not the
 * words in which the API server says why it is not.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/object.h"

static const struct {
	const char *name;
	bool (*is)(const char *s);	/* NULL: nothing is known of it */
} formats[] = {
	{ "dns1123Label", is_dns_label },
	{ "dns1123Subdomain", is_dns_subdomain },
	{ "dns1035Label", is_dns1035_label },
	{ "qualifiedName", is_qualified_name },
	{ "labelValue", is_label_value },
	{ "dns1123LabelPrefix", NULL },
	{ "dns1123SubdomainPrefix", NULL },
	{ "dns1035LabelPrefix", NULL },
	{ "uri", NULL },
	{ "uuid", NULL },
	{ "byte", NULL },
	{ "date", NULL },
	{ "datetime", NULL },
};

static struct cel_value format_value(size_t i)
{
	return (struct cel_value){ .tag = VAL_FORMAT, .str = formats[i].name };
}

/* format.dns1123Label() */
static struct cel_value format(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	const char *name = strchr(cel_call_name(r), '.') + 1;

	(void)args;
	(void)n;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return format_value(i);
	BUG("a format without a name");
}

static struct cel_value named(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	(void)n;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strlen(formats[i].name) == args[0].n &&
		    !memcmp(formats[i].name, args[0].str, args[0].n))
			return cel_some(r, format_value(i));
	return cel_none();
}

static bool is_valid(size_t i, struct cel_run *r, struct cel_value s)
{
	const char *copy = arena_strndup(r->arena, s.str, s.n);

	return strlen(copy) == s.n && formats[i].is(copy);
}

static struct cel_value validate(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	struct cel_value *why = cel_room(r, sizeof(*why));
	size_t i = 0;

	(void)n;
	if (!why)
		return cel_too_much();
	while (strcmp(formats[i].name, args[0].str))
		i++;
	*why = cel_unknown("the words for what is wrong with a format");
	if (!formats[i].is)
		return cel_unknown("a format that is not known here");
	return is_valid(i, r, args[1]) ? cel_none() :
	       (struct cel_value){ .tag = VAL_OPTIONAL, .some = why };
}

#define FORMAT(name) { "format." name, false, "", format }

const struct cel_function cel_format_functions[] = {
	FORMAT("dns1123Label"),
	FORMAT("dns1123Subdomain"),
	FORMAT("dns1035Label"),
	FORMAT("qualifiedName"),
	FORMAT("labelValue"),
	FORMAT("dns1123LabelPrefix"),
	FORMAT("dns1123SubdomainPrefix"),
	FORMAT("dns1035LabelPrefix"),
	FORMAT("uri"),
	FORMAT("uuid"),
	FORMAT("byte"),
	FORMAT("date"),
	FORMAT("datetime"),
	{ "format.named", false, "s", named },
	{ "validate", true, "Fs", validate },
	{ 0 },
};
