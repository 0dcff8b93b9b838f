/*
 * Objects in objects (x-kubernetes-embedded-resource): see crd-walk.h. They
 * have a kind and metadata as any, of whatever kind they are.
 */
#include "config.h"
#include "schema/crd/crd-walk.h"

#include <ctype.h>
#include <string.h>

#include "schema/openapi-check.h"
#include "schema/rules.h"

/* "v1", "apps/v1" */
static bool is_api_version(const struct node *n)
{
	const char *slash = strchr(n->str, '/');

	return strlen(n->str) == n->n && (!slash || !strchr(slash + 1, '/'));
}

static bool is_kind(const struct node *n)
{
	char lower[64];

	if (n->n >= sizeof(lower) || strlen(n->str) != n->n)
		return false;
	for (uint32_t i = 0; i <= n->n; i++)
		lower[i] = (char)tolower((unsigned char)n->str[i]);
	return is_dns1035_label(lower);
}

static void check_text(struct crd_walk *w, const struct spot *p,
		       const char *key, bool (*good)(const struct node *),
		       const char *want)
{
	const struct node_pair *pair = node_pair(p->place.node, key);
	struct spot down;

	if (!pair) {
		crd_fault(w, p, "field-required", "has no '%s', which every "
			  "object has", key);
		return;
	}
	down = crd_spot_pair(p, pair, p->schema);
	if (pair->value->type != NODE_STR) {
		if (crd_may_say(w, &down))
			place_wrong_form(&w->judge, &down.place, FORM_STRING,
					 false);
	} else if (!pair->value->n || !good(pair->value)) {
		crd_fault(w, &down, "field-format", "must be %s", want);
	}
}

/* Labels and annotations are judged as those of the object itself. */
static void check_meta(struct crd_walk *w, const struct spot *p,
		       const struct node_pair *pair)
{
	struct spot down = crd_spot_pair(p, pair, p->schema);
	struct object inner = { .root = (struct node *)p->place.node,
				.path = w->judge.o->path,
				.mark = p->place.node->mark };

	const struct node *name = node_get(pair->value, "name");

	if (w->table)
		openapi_check_metadata(w->table, &w->judge, &down.place);
	if (node_text(name) && name->n && !is_path_segment_name(name->str))
		crd_fault(w, &down, "field-format", "has the name '%s': it "
			  "must not be '.' or '..' nor contain / or %%",
			  name->str);
	if (pair->value->type == NODE_MAP)
		w->judge.rc |= rules_check_metadata(&inner, w->judge.ps);
}

void crd_check_embedded(struct crd_walk *w, const struct spot *p)
{
	const struct node_pair *meta = node_pair(p->place.node, "metadata");

	check_text(w, p, "apiVersion", is_api_version,
		   "an API version such as v1 or apps/v1");
	check_text(w, p, "kind", is_kind, "a kind such as Deployment");
	if (meta && meta->value->type != NODE_NULL)
		check_meta(w, p, meta);
}
