/*
 * Which kinds there are and where they live. See scope.h. The built-in table
 * is a real API server's own word; a CustomResourceDefinition comes from a
 * push and may say anything, but never something else about a built-in kind.
 */
#include "config.h"
#include "schema/scope.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/crd/crd.h"
#include "schema/limits.h"
#include "schema/object.h"

/* A kind is at most 63 bytes; letters that may be wrong in one. */
#define KIND_MAX 63
#define NEAR_MAX 2
/* A group is at most 253 bytes, a kind 63. */
#define KEY_SIZE 320

#define KIND(g, k, p, v, s, a) \
	{ .group = g, .kind = k, .plural = p, .versions = v, .scope = s, \
	  .no_apply = !(a) },
static const struct kind_info builtin[] = {
#include "schema/kinds.inc"
};
#undef KIND

static const struct kind_info channel_kind = {
	.group = "windlass.dev", .kind = "Channel", .plural = "channels",
	.versions = "v1alpha1", .scope = SCOPE_CLUSTER,
};

const char *const scope_kubernetes = KINDS_VERSION;

const struct kind_info *builtin_kinds(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(builtin);
	return builtin;
}

static int kind_cmp(const void *a, const void *b)
{
	const struct kind_info *x = a, *y = b;
	int c = strcmp(x->group, y->group);

	return c ? c : strcmp(x->kind, y->kind);
}

static const struct kind_info *find_builtin(const char *group,
					    const char *kind)
{
	struct kind_info key = { .group = group, .kind = kind };

	return bsearch(&key, builtin, ARRAY_SIZE(builtin), sizeof(key),
		       kind_cmp);
}

/* False if no group and kind that long exist. */
static bool make_key(const char *group, const char *kind, char key[KEY_SIZE])
{
	int len = snprintf(key, KEY_SIZE, "%s/%s", group, kind);

	return len > 0 && len < KEY_SIZE;
}

const struct kind_info *scope_lookup(const struct scopes *s,
				     const char *group, const char *kind)
{
	const struct kind_info *k = find_builtin(group, kind);
	char key[KEY_SIZE];

	if (!k && s && s->crds.count && make_key(group, kind, key))
		k = map_get(&s->crds, key);
	if (!k && !kind_cmp(&channel_kind, &(struct kind_info){
						.group = group, .kind = kind }))
		k = &channel_kind;
	return k;
}

bool scope_is_builtin(const struct kind_info *k)
{
	return k >= builtin && k < builtin + ARRAY_SIZE(builtin);
}

bool scope_has_group(const char *group)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (!strcmp(builtin[i].group, group))
			return true;
	/* where Deployment and Ingress were once */
	return !strcmp(group, "extensions");
}

/* Levenshtein's distance, letters of both cases being equal. */
static size_t distance(const char *a, const char *b)
{
	size_t row[KIND_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > KIND_MAX || lb > KIND_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			size_t best = diagonal + !same;

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

/* Takes k for *best if it is nearer than *near. */
static void consider(const struct kind_info *k, const char *group,
		     const char *kind, size_t *near,
		     const struct kind_info **best)
{
	size_t d;

	if (strcmp(k->group, group) || k->no_apply)
		return;
	d = distance(k->kind, kind);
	if (d < *near) {
		*near = d;
		*best = k;
	}
}

const struct kind_info *scope_suggest(const struct scopes *s,
				      const char *group, const char *kind)
{
	const struct kind_info *best = NULL;
	size_t near = NEAR_MAX + 1;

	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (!strcmp(builtin[i].kind, kind) && scope_has_group(group))
			return &builtin[i];
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		consider(&builtin[i], group, kind, &near, &best);
	if (s)
		for (map_each(&s->crds, e))
			consider(e->value, group, kind, &near, &best);
	return best;
}

static void kind_free(void *arg)
{
	struct kind_info *k = arg;

	if (!k)
		return;
	free((char *)k->group);
	free((char *)k->kind);
	free((char *)k->plural);
	free((char *)k->versions);
	crd_free(k->definition);
	free(k);
}

/* The string at spec.<...>, which the grammar must accept. */
static int spec_text(const struct node *crd, const char *section,
		     const char *key, bool (*good)(const char *),
		     const char **ret, struct err *err)
{
	const struct node *from = node_get(crd, "spec");
	const char *text;

	from = node_get(section ? node_get(from, section) : from, key);
	text = node_text(from);
	if (!text || strlen(text) != from->n)
		return err_set(err, ERR_INVALID,
			       "spec.%s%s%s is missing or no string",
			       section ? section : "", section ? "." : "", key);
	if (!good(text))
		return err_set(err, ERR_INVALID, "spec.%s%s%s '%s' is malformed",
			       section ? section : "", section ? "." : "", key,
			       text);
	*ret = text;
	return 0;
}

static bool is_scope(const char *s)
{
	return !strcmp(s, "Namespaced") || !strcmp(s, "Cluster");
}

/* "v2beta3" in parts; level 2 is stable, 1 beta, 0 alpha, -1 any other. */
struct version_rank {
	int level;
	unsigned long major, minor;
};

/* Reads a number of at least one digit. */
static bool digits(const char **s, unsigned long *ret)
{
	const char *at = *s;
	unsigned long n = 0;

	for (; *at >= '0' && *at <= '9' && n < 100000000; at++)
		n = n * 10 + (unsigned long)(*at - '0');
	if (at == *s)
		return false;
	*s = at;
	*ret = n;
	return true;
}

static struct version_rank rank(const char *name)
{
	static const struct version_rank other = { .level = -1 };
	struct version_rank r = { .level = 2 };

	if (*name++ != 'v' || !digits(&name, &r.major))
		return other;
	if (!*name)
		return r;
	r.level = !strncmp(name, "beta", 4);
	if (!r.level && strncmp(name, "alpha", 5))
		return other;
	name += r.level ? 4 : 5;
	return digits(&name, &r.minor) && !*name ? r : other;
}

/* As CompareKubeAwareVersionStrings has it: what discovery lists first. */
static int version_cmp(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	struct version_rank rx = rank(x), ry = rank(y);

	if (rx.level != ry.level)
		return rx.level > ry.level ? -1 : 1;
	if (rx.level < 0)
		return strcmp(x, y);
	if (rx.major != ry.major)
		return rx.major > ry.major ? -1 : 1;
	return rx.minor == ry.minor ? 0 : rx.minor > ry.minor ? -1 : 1;
}

/* The versions that are served, preferred first, by spaces. */
static int served_versions(const struct node *crd, struct buf *out,
			   struct err *err)
{
	const struct node *list = node_path(crd, "spec", "versions", NULL);
	const char **names;
	size_t n = 0;
	int rc = -1;

	if (!list || list->type != NODE_SEQ || !list->n)
		return err_set(err, ERR_INVALID,
			       "spec.versions is missing or no list (the API "
			       "is apiextensions.k8s.io/v1)");
	names = xcalloc(list->n, sizeof(*names));
	for (uint32_t i = 0; i < list->n; i++) {
		const struct node *v = list->items[i];
		const struct node *served = node_get(v, "served");
		const struct node *name_node = node_get(v, "name");
		const char *name = node_text(name_node);

		if (!name || strlen(name) != name_node->n ||
		    !is_dns1035_label(name)) {
			err_set(err, ERR_INVALID,
				"spec.versions[%u].name is missing or no DNS "
				"label", i);
			goto out;
		}
		/* null is false to the API server */
		if (!served || (served->type != NODE_BOOL &&
				served->type != NODE_NULL)) {
			err_set(err, ERR_INVALID,
				"spec.versions[%u].served is not true or false",
				i);
			goto out;
		}
		if (served->type == NODE_BOOL && served->boolean)
			names[n++] = name;
	}
	qsort(names, n, sizeof(*names), version_cmp);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i ? " " : "", names[i]);
	rc = buf_check(out, "the list of versions", err);
out:
	free(names);
	return rc;
}

static int learn(struct scopes *s, const struct node *crd,
		 struct crd *definition, struct err *err)
{
	const char *group = NULL, *kind = NULL, *plural = NULL, *scope = NULL;
	struct buf versions = BUF_INIT(LIMIT_VERSIONS_BYTES);
	struct kind_info *k;
	char key[KEY_SIZE];

	if (spec_text(crd, NULL, "group", is_dns_subdomain, &group, err) ||
	    spec_text(crd, "names", "kind", is_kind_name, &kind, err) ||
	    spec_text(crd, "names", "plural", is_dns1035_label, &plural, err) ||
	    spec_text(crd, NULL, "scope", is_scope, &scope, err))
		return -1;
	if (find_builtin(group, kind) || !make_key(group, kind, key))
		return err_set(err, ERR_INVALID,
			       "%s.%s is a kind of Kubernetes itself", kind,
			       group);
	if (served_versions(crd, &versions, err) < 0) {
		buf_release(&versions);
		return -1;
	}
	k = xcalloc(1, sizeof(*k));
	k->group = xstrdup(group);
	k->kind = xstrdup(kind);
	k->plural = xstrdup(plural);
	k->versions = xstrdup(versions.data);
	k->scope = *scope == 'N' ? SCOPE_NAMESPACED : SCOPE_CLUSTER;
	k->definition = definition;
	kind_free(map_put(&s->crds, key, k));
	buf_release(&versions);
	return 0;
}

int scope_learn(struct scopes *s, const struct node *crd, struct err *err)
{
	return learn(s, crd, NULL, err);
}

int scope_define(struct scopes *s, const struct node *crd, struct err *err)
{
	struct crd *definition;

	if (crd_read(crd, &definition, err) < 0)
		return -1;
	if (learn(s, crd, definition, err) < 0) {
		crd_free(definition);
		return -1;
	}
	return 0;
}

/* What a message that begins with "spec.versions[0].name" is about. */
static struct mark mark_of_path(const struct object *o, const char *path)
{
	const struct node *n = o->root;
	struct mark mark = o->mark;

	while (n) {
		size_t len = strcspn(path, ".[ ,'");

		if (*path == '[' && n->type == NODE_SEQ) {
			unsigned long i = 0;

			for (path++; *path >= '0' && *path <= '9'; path++)
				i = i < n->n ? 10 * i + (*path - '0') : i;
			n = i < n->n ? n->items[i] : NULL;
			path += *path == ']';
		} else {
			n = len ? node_getn(n, path, len) : NULL;
			path += len;
		}
		path += *path == '.';
		if (n && n->mark.line)
			mark = n->mark;
	}
	return mark;
}

void scope_malformed(const struct object *crd, const struct err *why,
		     struct problems *ps)
{
	problem_error(ps, crd->path, mark_of_path(crd, why->msg),
		      "crd-malformed", "%s", why->msg);
}

void scopes_release(struct scopes *s)
{
	map_release(&s->crds, kind_free);
}

bool kind_serves(const struct kind_info *k, const char *version)
{
	size_t len = strlen(version);

	for (const char *at = k->versions; *at; ) {
		const char *end = strchrnul(at, ' ');

		if ((size_t)(end - at) == len && !memcmp(at, version, len))
			return true;
		at = end + (*end == ' ');
	}
	return false;
}
