/*
 * A definition but for its schemas. See definition.h. It comes from a push:
 * what is of another type than it should be is openapi-check.h's to say, and
 * is passed over here.
 */
#include "config.h"
#include "schema/crd/definition.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/crd/definition-private.h"
#include "schema/limits.h"

#define SAID_MAX 1024
#define SPEC "crd-spec"
#define APPROVED "api-approved.kubernetes.io"
/* apiextensions' limits */
#define DEPRECATION_MAX 256
#define SELECTABLE_MAX 8

/* ---- places ---- */

bool place_child(const struct place *p, const char *key, struct place *ret)
{
	const struct node_pair *pair = node_pair(p->node, key);

	if (!pair || pair->value->type == NODE_NULL)
		return false;
	*ret = (struct place){ .up = p, .key = pair->key,
			       .node = pair->value };
	return true;
}

bool place_item(const struct place *p, uint32_t i, struct place *ret)
{
	if (p->node->type != NODE_SEQ || i >= p->node->n)
		return false;
	*ret = (struct place){ .up = p, .index = i,
			       .node = p->node->items[i] };
	return true;
}

void place_about(struct defining *d, const struct place *p, const char *key,
		 const char *rule, const char *fmt, ...)
{
	struct place child;
	char said[SAID_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	if (key && place_child(p, key, &child))
		place_error(&d->judge, &child, child.node->mark, rule, "%s", said);
	else if (key)
		place_error(&d->judge, p, p->node->mark, rule, "has no '%s': it %s",
			    key, said);
	else
		place_error(&d->judge, p, p->node->mark, rule, "%s", said);
}

bool definition_flag(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->type == NODE_BOOL && v->boolean;
}

/* A text that is not empty; NULL otherwise. */
static const char *text_at(const struct place *p, const char *key)
{
	const struct node *v = node_get(p->node, key);

	return v && v->type == NODE_STR && v->n ? v->str : NULL;
}

/* ---- names ---- */

static bool is_lower_label(const char *s)
{
	char lower[64];
	size_t len = strlen(s);

	if (len >= sizeof(lower))
		return false;
	for (size_t i = 0; i <= len; i++)
		lower[i] = (char)tolower((unsigned char)s[i]);
	return is_dns1035_label(lower);
}

static void check_label(struct defining *d, const struct place *p, bool mixed)
{
	const char *s = node_text(p->node);

	if (s && !(mixed ? is_lower_label(s) : is_dns1035_label(s)))
		place_error(&d->judge, p, p->node->mark, SPEC, "must be at most 63 "
			    "letters%s, digits and -, beginning with a letter "
			    "and not ending with -", mixed ? "" :
			    " (a-z)");
}

static void check_labels(struct defining *d, const struct place *names,
			 const char *key)
{
	struct place list, item;

	if (!place_child(names, key, &list))
		return;
	for (uint32_t i = 0; place_item(&list, i, &item); i++)
		if (item.node->type == NODE_NULL)
			place_error(&d->judge, &item, item.node->mark, SPEC,
				    "must not be empty");
		else
			check_label(d, &item, false);
}

static void check_names(struct defining *d, const struct place *spec)
{
	static const struct {
		const char *key;
		bool mixed;
	} texts[] = {
		{ "plural", false }, { "singular", false }, { "kind", true },
		{ "listKind", true },
	};
	struct place names, child;
	const char *kind, *list;

	if (!place_child(spec, "names", &names))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (text_at(&names, texts[i].key) &&
		    place_child(&names, texts[i].key, &child))
			check_label(d, &child, texts[i].mixed);
	if (node_get(names.node, "plural") && !text_at(&names, "plural"))
		place_about(d, &names, "plural", SPEC, "must not be empty");
	if (node_get(names.node, "kind") && !text_at(&names, "kind"))
		place_about(d, &names, "kind", SPEC, "must not be empty");
	check_labels(d, &names, "shortNames");
	check_labels(d, &names, "categories");
	kind = text_at(&names, "kind");
	list = text_at(&names, "listKind");
	if (kind && list && !strcmp(kind, list))
		place_about(d, &names, "listKind", SPEC, "must be another "
			    "than the kind");
}

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

static bool is_protected(const char *group)
{
	return !strcmp(group, "k8s.io") || ends_with(group, ".k8s.io") ||
	       !strcmp(group, "kubernetes.io") ||
	       ends_with(group, ".kubernetes.io");
}

/* "unapproved...", or a URL with a host: what is clearly neither. */
static bool is_approval(const char *s)
{
	const char *scheme = strstr(s, "://");

	return !strncmp(s, "unapproved", strlen("unapproved")) ||
	       (scheme && scheme > s && scheme[3] && scheme[3] != '/');
}

static void check_group(struct defining *d, const struct place *root,
			const struct place *spec)
{
	const char *group = text_at(spec, "group");
	const struct node *v = node_path(root->node, "metadata",
					 "annotations", APPROVED, NULL);

	if (!group)
		return;
	if (!is_dns_subdomain(group) || !strchr(group, '.'))
		place_about(d, spec, "group", SPEC, "must be a domain with at "
			    "least one dot, such as example.org");
	else if (is_protected(group) &&
		 (!node_text(v) || !is_approval(v->str)))
		place_about(d, spec, "group", SPEC, "is one of Kubernetes "
			    "itself: the API server wants the annotation "
			    APPROVED ", with the URL of its approval or "
			    "\"unapproved, ...\"");
}

/* ---- versions ---- */

static void check_words(struct defining *d, const struct place *p,
			const char *key, const char *const *words, size_t n)
{
	struct place child;

	if (!place_child(p, key, &child) || child.node->type != NODE_STR)
		return;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(child.node->str, words[i]))
			return;
	place_no_word(&d->judge, &child, SPEC, words, n);
}

static void check_column(struct defining *d, const struct place *p)
{
	static const char *const types[] = {
		"integer", "number", "string", "boolean", "date",
	};
	static const char *const formats[] = {
		"", "int32", "int64", "float", "double", "byte", "date",
		"date-time", "password",
	};
	const char *path = text_at(p, "jsonPath");

	if (p->node->type == NODE_NULL)
		place_error(&d->judge, p, p->node->mark, SPEC, "must not be "
			    "empty");
	if (node_get(p->node, "name") && !text_at(p, "name"))
		place_about(d, p, "name", SPEC, "must not be empty");
	check_words(d, p, "type", types, ARRAY_SIZE(types));
	check_words(d, p, "format", formats, ARRAY_SIZE(formats));
	if (node_get(p->node, "jsonPath") && (!path || *path != '.'))
		place_about(d, p, "jsonPath", SPEC, "must be a path that "
			    "begins with a dot, such as .spec.replicas");
}

/* begin: what it may begin with, one or two. */
static void check_path(struct defining *d, const struct place *p,
		       const char *key, const char *begin, const char *or)
{
	const char *path = text_at(p, key);

	if (!path && node_get(p->node, key) && !or)
		place_about(d, p, key, SPEC, "must not be empty");
	if (path && strncmp(path, begin, strlen(begin)) &&
	    (!or || strncmp(path, or, strlen(or))))
		place_about(d, p, key, SPEC, "must be a path that begins "
			    "with %s%s%s", begin, or ? " or " : "",
			    or ? or : "");
}

static void check_subresources(struct defining *d, const struct place *version)
{
	struct place sub, scale;

	if (!place_child(version, "subresources", &sub) ||
	    !place_child(&sub, "scale", &scale))
		return;
	check_path(d, &scale, "specReplicasPath", ".spec.", NULL);
	check_path(d, &scale, "statusReplicasPath", ".status.", NULL);
	check_path(d, &scale, "labelSelectorPath", ".spec.", ".status.");
}

static void check_deprecation(struct defining *d, const struct place *version)
{
	struct place w;
	const struct node *n;

	if (!place_child(version, "deprecationWarning", &w))
		return;
	n = w.node;
	if (!definition_flag(version->node, "deprecated"))
		place_error(&d->judge, &w, n->mark, SPEC, "is for versions with "
			    "deprecated: true");
	else if (n->type == NODE_STR && (!n->n || n->n > DEPRECATION_MAX))
		place_error(&d->judge, &w, n->mark, SPEC, "must have 1 to %d bytes",
			    DEPRECATION_MAX);
	else if (n->type == NODE_STR && strcspn(n->str, "\n\r\t") != n->n)
		place_error(&d->judge, &w, n->mark, SPEC, "must be one line");
}

/* The schema that a path of dots leads to; NULL if it leads nowhere. */
static const struct node *follow(const struct node *schema, const char *path)
{
	while (schema && *path == '.') {
		size_t len = strcspn(path + 1, ".");

		schema = node_getn(node_get(schema, "properties"), path + 1,
				   len);
		path += 1 + len;
	}
	return schema;
}

static bool is_plain_path(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '.' && *s != '_')
			return false;
	return true;
}

static void check_selectable(struct defining *d, const struct place *p,
			     const struct node *schema, struct map *seen)
{
	const char *path = text_at(p, "jsonPath"), *type;
	const struct node *to;

	if (!path || *path != '.') {
		place_about(d, p, "jsonPath", SPEC, "must be a path that "
			    "begins with a dot");
		return;
	}
	if (!is_plain_path(path))
		return;
	to = follow(schema, path);
	type = node_path_str(to, "type", NULL);
	if (!strncmp(path, ".metadata.", strlen(".metadata.")))
		place_about(d, p, "jsonPath", SPEC, "must not be in "
			    "metadata");
	else if (!to || !type || (strcmp(type, "string") &&
				  strcmp(type, "boolean") &&
				  strcmp(type, "integer")))
		place_about(d, p, "jsonPath", SPEC, "must be the path of a "
			    "string, a boolean or an integer of the schema");
	else if (map_put(seen, path, (void *)p->node))
		place_about(d, p, "jsonPath", SPEC, "is there already");
}

static void check_lists(struct defining *d, const struct place *version)
{
	const struct node *schema = node_path(version->node, "schema",
					      "openAPIV3Schema", NULL);
	struct map seen = MAP_INIT;
	struct place list, item;

	if (place_child(version, "additionalPrinterColumns", &list))
		for (uint32_t i = 0; place_item(&list, i, &item); i++)
			check_column(d, &item);
	if (place_child(version, "selectableFields", &list)) {
		for (uint32_t i = 0; place_item(&list, i, &item); i++)
			check_selectable(d, &item, schema, &seen);
		if (seen.count > SELECTABLE_MAX)
			place_error(&d->judge, &list, list.node->mark, SPEC, "has "
				    "%zu fields: %d is the most", seen.count,
				    SELECTABLE_MAX);
	}
	map_release(&seen, NULL);
}

static void check_version(struct defining *d, const struct place *p)
{
	const struct node *status = node_path(p->node, "subresources",
					      "status", NULL);
	struct place child, schema;

	if (place_child(p, "name", &child))
		check_label(d, &child, false);
	check_deprecation(d, p);
	check_subresources(d, p);
	check_lists(d, p);
	if (!place_child(p, "schema", &child) ||
	    !place_child(&child, "openAPIV3Schema", &schema))
		place_error(&d->judge, p, p->node->mark, SPEC, "has no schema."
			    "openAPIV3Schema: every version needs one, if "
			    "only 'type: object'");
	else if (schema.node->type == NODE_MAP)
		definition_schema(d, &schema,
				  status && status->type == NODE_MAP);
}

static void check_versions(struct defining *d, const struct place *spec)
{
	struct map names = MAP_INIT;
	struct place list, v;
	unsigned stored = 0;

	if (!place_child(spec, "versions", &list) ||
	    list.node->type != NODE_SEQ)
		return;
	for (uint32_t i = 0; place_item(&list, i, &v); i++) {
		const char *name = text_at(&v, "name");

		stored += definition_flag(v.node, "storage");
		if (name && map_put(&names, name, (void *)v.node))
			place_about(d, &v, "name", SPEC, "is the name of "
				    "another version, too");
		if (v.node->type == NODE_MAP)
			check_version(d, &v);
	}
	if (stored != 1)
		place_error(&d->judge, &list, list.node->mark, SPEC, "must have "
			    "exactly one version with storage: true, not %u",
			    stored);
	map_release(&names, NULL);
}

/* ---- conversion ---- */

/* "/", or parts that are DNS names. */
static bool is_url_path(const char *s)
{
	char part[LIMIT_NAME_BYTES + 4];

	if (*s++ != '/')
		return false;
	while (*s) {
		size_t len = strcspn(s, "/");

		if (len >= sizeof(part))
			return false;
		memcpy(part, s, len);
		part[len] = '\0';
		if (!is_dns_subdomain(part))
			return false;
		s += len + (s[len] == '/');
	}
	return true;
}

static void check_client(struct defining *d, const struct place *webhook)
{
	struct place client, service;
	const char *url, *path;
	bool has_service;

	if (!place_child(webhook, "clientConfig", &client)) {
		place_error(&d->judge, webhook, webhook->node->mark, SPEC, "has no "
			    "'clientConfig', which a webhook needs");
		return;
	}
	url = node_text(node_get(client.node, "url"));
	has_service = place_child(&client, "service", &service);
	if (!url == !has_service) {
		place_error(&d->judge, &client, client.node->mark, SPEC, "must have "
			    "either a url or a service");
		return;
	}
	if (url && strncmp(url, "https://", 8))
		place_about(d, &client, "url", SPEC, "must begin with "
			    "https://");
	if (!has_service)
		return;
	for (const char *const *key = (const char *const[]){ "name",
			"namespace", NULL }; *key; key++)
		if (node_get(service.node, *key) && !text_at(&service, *key))
			place_about(d, &service, *key, SPEC, "must not be "
				    "empty");
	path = text_at(&service, "path");
	if (path && !is_url_path(path))
		place_about(d, &service, "path", SPEC, "must be a path such "
			    "as /convert, its parts of a-z, 0-9, - and .");
}

static void check_reviews(struct defining *d, const struct place *webhook)
{
	struct map seen = MAP_INIT;
	bool known = false;
	struct place list, item;

	if (!place_child(webhook, "conversionReviewVersions", &list))
		return;
	for (uint32_t i = 0; place_item(&list, i, &item); i++) {
		const char *v = node_text(item.node);

		if (!v)
			continue;
		if (map_put(&seen, v, (void *)item.node))
			place_error(&d->judge, &item, item.node->mark, SPEC,
				    "is there already");
		check_label(d, &item, false);
		known |= !strcmp(v, "v1") || !strcmp(v, "v1beta1");
	}
	if (!known)
		place_error(&d->judge, &list, list.node->mark, SPEC, "must have v1 "
			    "or v1beta1: the API server knows no other");
	map_release(&seen, NULL);
}

static void check_conversion(struct defining *d, const struct place *spec)
{
	static const char *const strategies[] = { "None", "Webhook" };
	struct place c, webhook;
	const char *strategy;

	if (!place_child(spec, "conversion", &c))
		return;
	check_words(d, &c, "strategy", strategies, ARRAY_SIZE(strategies));
	strategy = text_at(&c, "strategy");
	if (!strategy)
		return;
	if (!strcmp(strategy, "None")) {
		if (place_child(&c, "webhook", &webhook) && webhook.node->n)
			place_error(&d->judge, &webhook, webhook.node->mark, SPEC,
				    "is for strategy: Webhook");
	} else if (!place_child(&c, "webhook", &webhook)) {
		place_error(&d->judge, &c, c.node->mark, SPEC, "has no 'webhook', "
			    "which strategy: Webhook needs");
	} else {
		check_client(d, &webhook);
		check_reviews(d, &webhook);
	}
}

/* ---- against the bundle ---- */

static void check_same(struct defining *d, const struct place *p,
		       const char *key, const struct node *old)
{
	const char *now = text_at(p, key), *was = node_text(old);

	if (now && was && strcmp(now, was))
		place_about(d, p, key, "crd-change", "was %s and cannot "
			    "change: remove the definition with all its "
			    "objects first, or give it another name", was);
}

static void check_stored(struct defining *d, const struct place *spec,
			 const struct node *old)
{
	const struct node *list = node_path(old, "spec", "versions", NULL);
	const struct node *now = node_get(spec->node, "versions");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const struct node *v = list->items[i];
		const char *name = node_path_str(v, "name", NULL);
		bool there = false;

		if (!name || !definition_flag(v, "storage") || !now ||
		    now->type != NODE_SEQ)
			continue;
		for (uint32_t k = 0; k < now->n; k++) {
			const char *other = node_path_str(now->items[k],
							  "name", NULL);

			there |= other && !strcmp(other, name);
		}
		if (!there)
			problem_warning(d->judge.ps, d->judge.o->path, now->mark,
					"crd-stored", "spec.versions has no "
					"'%s', in which objects are stored: "
					"the API server refuses that while "
					"it is in status.storedVersions",
					name);
	}
}

static void check_change(struct defining *d, const struct place *spec,
			 const struct node *old)
{
	struct place names;

	check_same(d, spec, "scope", node_path(old, "spec", "scope", NULL));
	if (place_child(spec, "names", &names))
		check_same(d, &names, "kind",
			   node_path(old, "spec", "names", "kind", NULL));
	check_stored(d, spec, old);
}

/* ---- all of it ---- */

static void check_spec(struct defining *d, const struct node *root)
{
	struct place top = { .node = root }, spec;

	if (!place_child(&top, "spec", &spec) || spec.node->type != NODE_MAP)
		return;
	check_group(d, &top, &spec);
	check_names(d, &spec);
	check_versions(d, &spec);
	check_conversion(d, &spec);
	if (definition_flag(spec.node, "preserveUnknownFields"))
		place_about(d, &spec, "preserveUnknownFields", SPEC, "cannot "
			    "be true: write x-kubernetes-preserve-unknown-"
			    "fields: true into the schema where it is meant");
}

/* The definition in the bundle was taken, whatever this would say of it. */
static bool was_bad(const struct object *o, const struct node *old)
{
	struct problems ps = PROBLEMS_INIT;
	struct defining d = { .judge = { .o = o, .ps = &ps } };

	check_spec(&d, old);
	problems_release(&ps);
	return d.judge.rc < 0;
}

int definition_check(const struct openapi *table, const struct object *o,
		     const struct node *old, size_t first,
		     struct problems *ps)
{
	struct defining d = {
		.judge = { .o = o, .ps = ps, .said = first,
			   .said_end = ps->n },
		.table = table,
	};
	struct place top = { .node = o->root }, spec;
	size_t before = ps->n;

	check_spec(&d, o->root);
	if (d.judge.rc < 0 && old && was_bad(o, old)) {
		for (size_t i = before; i < ps->n; i++) {
			ps->v[i].severity = SEVERITY_WARNING;
			ps->errors--;
			ps->warnings++;
		}
		d.judge.rc = 0;
	}
	if (old && place_child(&top, "spec", &spec))
		check_change(&d, &spec, old);
	return d.judge.rc;
}
