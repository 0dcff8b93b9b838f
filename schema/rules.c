/*
 * Is this object one that a channel may have? See rules.h. Objects come from
 * a push, so nothing about their trees is trusted but what the reader
 * checked: a root map with apiVersion, kind and metadata.name.
 */
#include "config.h"
#include "schema/rules.h"

#include <string.h>

#include "schema/base/map.h"
#include "schema/crd/check-custom.h"
#include "schema/crd/definition.h"
#include "schema/limits.h"
#include "schema/openapi-check.h"
#include "schema/own.h"
#include "schema/retired.h"
#include "schema/values/values.h"
#include "schema/wishes.h"

/* An identity in words: kind, group, namespace, name. */
#define WORDS_MAX 1024

#define APPLYSET_PREFIX "applyset.kubernetes.io/"
#define APPLYSET_PARENT_TYPE APPLYSET_PREFIX "is-parent-type"

static bool is(const struct object_id *id, const char *group, const char *kind)
{
	return !strcmp(id->kind, kind) && !strcmp(id->group, group);
}

static struct mark root_mark(const struct object *o, const char *key)
{
	const struct node *n = node_get(o->root, key);

	return n && n->mark.line ? n->mark : o->mark;
}

/* The preferred version of the same kind, or what the table of retired ones
 * says; "" if there is neither. */
static void add_replacement(const struct object_id *id,
			    const struct kind_info *k,
			    const struct retired *gone, struct buf *out)
{
	if (k && scope_is_builtin(k) && !kind_serves(k, id->version))
		buf_addf(out, "%s%s%.*s %s", k->group, *k->group ? "/" : "",
			 (int)strcspn(k->versions, " "), k->versions,
			 k->kind);
	else
		buf_adds(out, gone->replacement);
}

/* The minor of "v1.36.3", or of the table of kinds if there is no other. */
static unsigned minor_of(const struct rules *r)
{
	const char *v = r->openapi ? openapi_kubernetes(r->openapi) :
		        scope_kubernetes;
	unsigned minor = 0;

	if (!strncmp(v, "v1.", 3))
		for (v += 3; *v >= '0' && *v <= '9' && minor < 1000; v++)
			minor = minor * 10 + (unsigned)(*v - '0');
	return minor;
}

/* 1 if the version is deprecated and -1 if it is gone, which is said here.
 * `served` says that the cluster may have it. */
static int check_retired(const struct rules *r, const struct object *o,
			 const struct kind_info *k, bool served,
			 struct problems *ps)
{
	const struct retired *gone = retired_lookup(&o->id);
	struct buf instead = BUF_INIT(WORDS_MAX);
	const struct object_id *id = &o->id;
	unsigned minor = minor_of(r);
	bool removed;

	if (!gone)
		return 0;
	removed = !served && gone->removed && gone->removed <= minor;
	if (!removed && (!gone->deprecated || gone->deprecated > minor))
		return 0;
	add_replacement(id, k, gone, &instead);
	problem_add(ps, o->path, root_mark(o, "apiVersion"),
		    removed ? SEVERITY_ERROR : SEVERITY_WARNING,
		    removed ? "api-removed" : "api-deprecated",
		    "%s%s%s %s %s 1.%u%s%s", id->group, *id->group ? "/" : "",
		    id->version, id->kind, removed ?
		    "was removed in Kubernetes" : "is deprecated since "
		    "Kubernetes", removed ? gone->removed : gone->deprecated,
		    instead.len ? ": use " : "", instead.data);
	buf_release(&instead);
	return removed ? -1 : 1;
}

static int unknown_kind(const struct rules *r, const struct object *o,
			struct problems *ps)
{
	const struct object_id *id = &o->id;
	const struct kind_info *k = scope_suggest(r->scopes, id->group,
						  id->kind);
	struct mark mark = root_mark(o, "kind");

	if (check_retired(r, o, NULL, false, ps) < 0)
		return -1;
	if (k && !strcmp(k->kind, id->kind))
		problem_error(ps, o->path, root_mark(o, "apiVersion"),
			      "scope-unknown", "'%s%s%s' has no kind '%s', but "
			      "'%s%s%.*s' has", id->group,
			      *id->group ? "/" : "", id->version, id->kind,
			      k->group, *k->group ? "/" : "",
			      (int)strcspn(k->versions, " "), k->versions);
	else if (k)
		problem_error(ps, o->path, mark, "scope-unknown",
			      "kind '%s' is unknown: did you mean '%s'?",
			      id->kind, k->kind);
	else if (scope_has_group(id->group))
		problem_error(ps, o->path, mark, "scope-unknown",
			      "Kubernetes %s has no kind '%s' in '%s%s%s', or "
			      "not by default: where your cluster has it, name "
			      "a file with a CustomResourceDefinition of it "
			      "(windlass.%s.crds of the repository, --crds of "
			      "the command line)", scope_kubernetes, id->kind,
			      id->group, *id->group ? "/" : "", id->version,
			      r->channel);
	else
		problem_error(ps, o->path, mark, "scope-unknown",
			      "kind '%s' of '%s%s%s' is unknown: add its "
			      "CustomResourceDefinition to these files, or "
			      "name a file that has it (windlass.%s.crds of "
			      "the repository, --crds of the command line)",
			      id->kind, id->group, *id->group ? "/" : "",
			      id->version, r->channel);
	return -1;
}

/*
 * May a kind be taken of which nothing is known? Not one of Kubernetes
 * itself that is spelt wrong: no cluster has that.
 */
static bool guess_kind(const struct rules *r, const struct object *o,
		       struct kind_info *ret)
{
	const struct object_id *id = &o->id;
	const struct kind_info *near = scope_suggest(r->scopes, id->group,
						     id->kind);
	const struct node *ns = node_path(o->root, "metadata", "namespace",
					  NULL);

	if (!r->unknown_kinds || !*id->group ||
	    (near && scope_is_builtin(near)))
		return false;
	*ret = (struct kind_info){
		.group = id->group, .kind = id->kind, .plural = "",
		.versions = id->version,
		.scope = ns && ns->type == NODE_STR && ns->n ?
			 SCOPE_NAMESPACED : SCOPE_CLUSTER,
	};
	return true;
}

/* Does anything serve this version? A cluster may serve more built-in
 * versions than the table's, of a custom kind its definition knows all. */
static int check_version(const struct rules *r, const struct object *o,
			 const struct kind_info *k, struct problems *ps)
{
	const struct object_id *id = &o->id;
	struct mark mark = root_mark(o, "apiVersion");
	bool builtin = scope_is_builtin(k);
	bool served = kind_serves(k, id->version);
	uint32_t type;
	int retired = 0;

	if (builtin && r->openapi)
		served = openapi_kind(r->openapi, id->group, id->version,
				      id->kind, &type);
	if (builtin)
		retired = check_retired(r, o, k, served, ps);
	if (retired)
		return retired < 0 ? -1 : 0;
	if (kind_serves(k, id->version))
		return 0;
	if (builtin) {
		problem_warning(ps, o->path, mark, "api-version",
				"Kubernetes %s does not serve %s%s%s: for %s "
				"it has '%s'", scope_kubernetes, id->group,
				*id->group ? "/" : "", id->version, id->kind,
				k->versions);
		return 0;
	}
	problem_error(ps, o->path, mark, "api-version",
		      "version '%s' of %s.%s is not served: its "
		      "CustomResourceDefinition has '%s'", id->version,
		      id->kind, id->group, k->versions);
	return -1;
}

/* metadata.namespace against the scope; null and "" are none, as in the
 * API server. */
static int check_namespace(const struct rules *r, struct object *o,
			   enum scope scope, struct problems *ps)
{
	const struct node *n = node_path(o->root, "metadata", "namespace",
					 NULL);
	const char *ns = node_text(n);
	struct mark mark = rules_mark(o, "namespace");

	if (n && n->type == NODE_NULL)
		ns = "";
	if (n && !ns) {
		problem_error(ps, o->path, mark, "namespace-malformed",
			      "the namespace is %s, not a string: quote it",
			      node_type_name(n->type));
		return -1;
	}
	o->id.namespace = ns ? ns : "";
	if (scope == SCOPE_CLUSTER && *o->id.namespace) {
		problem_error(ps, o->path, mark, "namespace-forbidden",
			      "%s is cluster-scoped and has no namespace: "
			      "remove this line", o->id.kind);
		return -1;
	}
	if (scope == SCOPE_CLUSTER)
		return 0;
	if (!*o->id.namespace)
		o->id.namespace = r->default_namespace;
	if (!*o->id.namespace) {
		problem_error(ps, o->path, rules_mark(o, ""),
			      "namespace-missing", "%s '%s' has no namespace, "
			      "and the channel no default: add "
			      "metadata.namespace, or set "
			      "windlass.%s.defaultNamespace (--namespace of "
			      "the command line)", o->id.kind, o->id.name,
			      r->channel);
		return -1;
	}
	if (!is_dns_label(o->id.namespace) ||
	    (ns && *ns && strlen(ns) != n->n)) {
		problem_error(ps, o->path, mark, "namespace-malformed",
			      "namespace '%s' is no DNS label: at most 63 of "
			      "a-z, 0-9 and -, not at an end", o->id.namespace);
		return -1;
	}
	return 0;
}

static int check_own(const struct rules *r, const struct object *o,
		     struct problems *ps)
{
	const struct object_id *id = &o->id;

	switch (own_judge(id, r->channel)) {
	case OWN_NOT:
		return 0;
	case OWN_CHANNEL:
		problem_error(ps, o->path, rules_mark(o, "name"), "own-channel",
			      "%s '%s' rules this channel and cannot come out "
			      "of it: apply it by hand", id->kind, id->name);
		break;
	case OWN_PLACE:
		problem_error(ps, o->path,
			      rules_mark(o, *id->namespace ? "namespace" :
							     "name"),
			      "own-namespace", "namespace '" OWN_NAMESPACE
			      "' is windlass's own: no channel may write "
			      "there");
		break;
	case OWN_PART:
		problem_error(ps, o->path, rules_mark(o, "name"), "own-object",
			      "%s '%s' is windlass's own, made by `windlass "
			      "install`: no channel may write it", id->kind,
			      id->name);
		break;
	}
	return -1;
}

/* A CRD says of its own kind that it can be a parent; all other labels of
 * that prefix say who belongs to whom. */
static int check_applyset(const struct object *o, struct problems *ps)
{
	const struct node *labels = node_path(o->root, "metadata", "labels",
					      NULL);
	int rc = 0;

	if (!labels || labels->type != NODE_MAP)
		return 0;
	for (uint32_t i = 0; i < labels->n; i++) {
		const struct node_pair *p = &labels->pairs[i];

		if (strncmp(p->key, APPLYSET_PREFIX, strlen(APPLYSET_PREFIX)) ||
		    (crd_is(&o->id) && !strcmp(p->key, APPLYSET_PARENT_TYPE)))
			continue;
		problem_error(ps, o->path, p->mark, "applyset-label",
			      "label '%s' is set by windlass alone: remove "
			      "this line", p->key);
		rc = -1;
	}
	return rc;
}

static int check_secret(const struct rules *r, const struct object *o,
			struct problems *ps)
{
	if (r->allow_secrets || !is(&o->id, "", "Secret"))
		return 0;
	problem_error(ps, o->path, root_mark(o, "kind"), "secret-refused",
		      "a Secret in Git can be read by all who can fetch, now "
		      "and later: make it in the cluster (External Secrets, "
		      "Sealed Secrets), or accept that for this channel with "
		      "'git config windlass.%s.secrets allow' "
		      "(--allow-secrets of the command line)", r->channel);
	return -1;
}

/* The fields of a kind that a definition made. */
static int check_custom(const struct rules *r, const struct object *o,
			const struct crd *definition, struct problems *ps)
{
	const struct crd_version *v = crd_version(definition, o->id.version);
	const struct node *old = NULL;
	struct arena a = ARENA_INIT;
	int rc;

	if (!v || !v->served)
		return 0;
	/* one that may be made anew has no past that binds it */
	if (r->before && !wish_recreate(o->root))
		old = r->before(r->arg, &o->id, &a);
	rc = crd_check(v, r->openapi, o, old, ps);
	arena_release(&a);
	return rc;
}

/* What only definitions have to be. */
static int check_definition(const struct rules *r, const struct object *o,
			    size_t first, struct problems *ps)
{
	const struct node *old = NULL;
	struct arena a = ARENA_INIT;
	int rc;

	if (!crd_is(&o->id))
		return 0;
	if (r->before)
		old = r->before(r->arg, &o->id, &a);
	rc = definition_check(r->openapi, o, old, first, ps);
	arena_release(&a);
	return rc;
}

int rules_check(const struct rules *r, struct object *o, struct problems *ps)
{
	const struct kind_info *k = scope_lookup(r->scopes, o->id.group,
						 o->id.kind);
	struct kind_info guess;
	size_t first = ps->n;
	int rc = 0;

	if (!k && guess_kind(r, o, &guess)) {
		k = &guess;
		ps->unchecked++;
	}
	if (!k)
		return unknown_kind(r, o, ps);
	if (k->no_apply) {
		problem_error(ps, o->path, root_mark(o, "kind"),
			      "kind-not-applied", "a %s is a request to the "
			      "API server, not a state to keep: it cannot be "
			      "applied", o->id.kind);
		return -1;
	}
	rc |= check_version(r, o, k, ps);
	rc |= check_namespace(r, o, k->scope, ps);
	rc |= rules_check_name(o, ps);
	rc |= rules_check_metadata(o, ps);
	rc |= rules_check_data(o, ps);
	rc |= wishes_check(o, ps);
	rc |= check_applyset(o, ps);
	rc |= check_own(r, o, ps);
	rc |= check_secret(r, o, ps);
	if (r->policy)
		rc |= policy_judge(r->policy, o, k->scope, ps);
	if (k->definition) {
		rc |= check_custom(r, o, k->definition, ps);
	} else if (r->openapi) {
		rc |= openapi_check(r->openapi, o, ps);
		rc |= values_check(o, minor_of(r), first, ps);
		rc |= check_definition(r, o, first, ps);
	}
	return rc;
}

/* An identity as one key; NUL stands in none of its parts. */
static void id_key(const struct object_id *id, struct buf *out)
{
	buf_reset(out);
	buf_add(out, id->group, strlen(id->group) + 1);
	buf_add(out, id->kind, strlen(id->kind) + 1);
	buf_add(out, id->namespace, strlen(id->namespace) + 1);
	buf_adds(out, id->name);
}

int rules_check_duplicates(const struct objects *os, struct problems *ps)
{
	struct buf key = BUF_INIT(LIMIT_FILE_BYTES);
	struct buf words = BUF_INIT(WORDS_MAX);
	struct map seen = MAP_INIT;
	int rc = 0;

	for (size_t i = 0; i < os->n; i++) {
		struct object *o = &os->v[i], *first;

		id_key(&o->id, &key);
		first = map_getn(&seen, key.data, key.len);
		if (!first) {
			map_putn(&seen, key.data, key.len, o);
			continue;
		}
		buf_reset(&words);
		object_describe(&o->id, &words);
		problem_error(ps, o->path, o->mark, "duplicate",
			      "%s is defined at %s:%u already", words.data,
			      first->path, first->mark.line);
		rc = -1;
	}
	map_release(&seen, NULL);
	buf_release(&key);
	buf_release(&words);
	return rc;
}
