/*
 * What a channel's account may do, computed. See install.h. The API server
 * lets nobody grant what they have not, so whoever applies Roles needs what
 * these grant, and whoever binds one needs that or the right to bind it.
 * Trusts the bundle as much as the admin does who asked for its rights: what
 * comes out is meant to be read before it is applied.
 */
#include "config.h"
#include "engine/cli/install.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/pod-said.h"
#include "schema/base/mem.h"
#include "schema/json.h"

#define RULES_MAX (256u * 1024)
#define RBAC "rbac.authorization.k8s.io"

void rights_init(struct rights *r)
{
	*r = (struct rights){
		.more_inside = BUF_INIT(RULES_MAX),
		.more_everywhere = BUF_INIT(RULES_MAX),
	};
}

void rights_release(struct rights *r)
{
	strvec_release(&r->inside);
	strvec_release(&r->everywhere);
	strvec_release(&r->namespaces);
	strvec_release(&r->cluster_scoped);
	buf_release(&r->more_inside);
	buf_release(&r->more_everywhere);
}

static void push_once(struct strvec *sv, const char *s)
{
	if (!strvec_has(sv, s))
		strvec_push(sv, s);
}

/* ---- kinds ---- */

static void add_kind(struct rights *r, const struct kind_info *k)
{
	char *resource = xasprintf("%s/%s", k->group, k->plural);

	push_once(k->scope == SCOPE_CLUSTER ? &r->everywhere : &r->inside,
		  resource);
	/* what a custom resource stands for nobody knows */
	r->pods |= k->scope != SCOPE_CLUSTER &&
		   (!scope_is_builtin(k) || kind_has_pods(k->group, k->kind));
	free(resource);
}

static int unknown_kind(const char *group, const char *kind, struct err *err)
{
	return err_set(err, ERR_INVALID, "what the resource of kind %s%s%s is "
		       "called is not known; give the manifest of its "
		       "CustomResourceDefinition by --crds", kind,
		       *group ? "." : "", group);
}

int rights_add_kind(struct rights *r, const struct scopes *s,
		    const char *name, struct err *err)
{
	const char *dot = strchr(name, '.'), *group = dot ? dot + 1 : "";
	char *kind = dot ? xstrndup(name, (size_t)(dot - name))
			 : xstrdup(name);
	const struct kind_info *k = scope_lookup(s, group, kind);
	const struct kind_info *near = k ? NULL :
				       scope_suggest(s, group, kind);
	int rc = 0;

	if (k)
		add_kind(r, k);
	else if (near)
		rc = err_set(err, ERR_INVALID, "there is no kind %s; %s%s%s "
			     "may be meant", name, near->kind,
			     *near->group ? "." : "", near->group);
	else
		rc = unknown_kind(group, kind, err);
	free(kind);
	return rc;
}

/* ---- a bundle ---- */

struct walk {
	struct rights *rights;
	struct scopes *scopes;
	git_repository *repo;
	bool crds;		/* the first walk: only these are looked at */
};

static int read_object(const struct walk *w, const char *path,
		       const git_oid *blob, struct arena *a,
		       struct node **ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	int rc = bundle_object(w->repo, path, blob, &text, err);

	if (!rc)
		rc = json_read(text.data, text.len, a, ret, err);
	buf_release(&text);
	return rc;
}

/* ---- rights that are all rights ---- */

static bool names(const struct node *rule, const char *field, const char *name)
{
	const struct node *list = node_get(rule, field);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *s = node_text(list->items[i]);

		if (s && (!strcmp(s, name) || !strcmp(s, "*")))
			return true;
	}
	return false;
}

/* Whoever has the one that is named has all, or it is not limited. */
static bool is_open(const struct node *rule, const char *name)
{
	const struct node *only = node_get(rule, "resourceNames");

	return !only || only->type != NODE_SEQ || !only->n ||
	       names(rule, "resourceNames", name);
}

/* It gives any right to whoever asks, or lets them be anybody. */
static bool is_all(const struct node *rule)
{
	bool roles = names(rule, "apiGroups", RBAC) &&
		     (names(rule, "resources", "clusterroles") ||
		      names(rule, "resources", "roles")) &&
		     (names(rule, "verbs", "escalate") ||
		      names(rule, "verbs", "bind"));
	bool others = names(rule, "apiGroups", "") &&
		      (names(rule, "resources", "users") ||
		       names(rule, "resources", "groups") ||
		       names(rule, "resources", "serviceaccounts")) &&
		      names(rule, "verbs", "impersonate");

	return (roles && is_open(rule, "cluster-admin")) ||
	       (others && is_open(rule, "system:masters"));
}

static bool is_every_right(const struct node *object)
{
	const struct node *rules = node_get(object, "rules");
	const char *to = node_path_str(object, "roleRef", "name", NULL);

	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++)
		if (is_all(rules->items[i]))
			return true;
	/* Kubernetes lets nobody else write one that collects others */
	return node_get(object, "aggregationRule") ||
	       (to && !strcmp(to, "cluster-admin"));
}

/*
 * Whoever applies it must have what it gives. In a namespace that is all of
 * the namespace at most; in the cluster it is everything, which an admin has
 * to say.
 */
static int check_said(const struct object_id *id, const struct node *object,
		      struct err *err)
{
	if (*id->namespace || !is_every_right(object))
		return 0;
	return err_set(err, ERR_INVALID, "%s '%s' of the bundle gives every "
		       "right in the cluster, or a way to it, and so must "
		       "have whoever applies it; --rbac-from does not give "
		       "that: install with --cluster-admin if it is meant",
		       id->kind, id->name);
}

/* ---- RBAC of a bundle ---- */

static void add_role(struct buf *out, const struct node *role)
{
	const struct node *rules = node_get(role, "rules");

	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++) {
		buf_adds(out, "- ");
		json_write_compact(rules->items[i], out);
		buf_addc(out, '\n');
	}
}

static void add_binding(struct buf *out, const struct node *binding)
{
	const char *kind = node_path_str(binding, "roleRef", "kind", NULL);
	const char *name = node_path_str(binding, "roleRef", "name", NULL);

	if (!kind || !name)
		return;
	buf_addf(out, "- apiGroups: [" RBAC "]\n  resources: [%s]\n"
		 "  resourceNames: [", strcmp(kind, "Role") ? "clusterroles"
							     : "roles");
	json_write_string(name, strlen(name), out);
	buf_adds(out, "]\n  verbs: [bind]\n");
}

static int add_rbac(const struct walk *w, const struct object_id *id,
		    const char *path, const git_oid *blob, struct err *err)
{
	struct buf *out = *id->namespace ? &w->rights->more_inside
					 : &w->rights->more_everywhere;
	bool binding = !strcmp(id->kind, "RoleBinding") ||
		       !strcmp(id->kind, "ClusterRoleBinding");
	struct arena a = ARENA_INIT;
	struct node *object;
	int rc = read_object(w, path, blob, &a, &object, err);

	if (!rc)
		rc = check_said(id, object, err);
	if (!rc && binding)
		add_binding(out, object);
	else if (!rc)
		add_role(out, object);
	arena_release(&a);
	return rc;
}

static void add_place(struct rights *r, const struct object_id *id)
{
	char *kind = xasprintf("%s%s%s", id->kind, *id->group ? "." : "",
			       id->group);

	if (*id->namespace)
		push_once(&r->namespaces, id->namespace);
	else
		push_once(&r->cluster_scoped, kind);
	free(kind);
}

static int learn(const struct walk *w, const char *path, const git_oid *blob,
		 struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *crd;
	int rc = read_object(w, path, blob, &a, &crd, err);

	if (!rc)
		rc = scope_learn(w->scopes, crd, err);
	arena_release(&a);
	return rc;
}

static int on_path(void *arg, char op, const char *path,
		   const git_oid *old_id, const git_oid *new_id,
		   struct err *err)
{
	struct walk *w = arg;
	const struct kind_info *k;
	struct arena a = ARENA_INIT;
	struct object_id id;
	int rc = object_path_parse(path, &a, &id, err);

	if (rc < 0)
		goto out;
	if (w->crds) {
		if (!strcmp(id.kind, "CustomResourceDefinition") &&
		    !strcmp(id.group, "apiextensions.k8s.io"))
			rc = learn(w, path, new_id, err);
		goto out;
	}
	k = scope_lookup(w->scopes, id.group, id.kind);
	if (!k) {
		rc = unknown_kind(id.group, id.kind, err);
		goto out;
	}
	add_kind(w->rights, k);
	add_place(w->rights, &id);
	if (!strcmp(id.group, RBAC))
		rc = add_rbac(w, &id, path, new_id, err);
out:
	arena_release(&a);
	return rc;
}

int rights_add_bundle(struct rights *r, struct scopes *s,
		      git_repository *repo, const char *bundle,
		      struct err *err)
{
	struct walk w = { .rights = r, .scopes = s, .repo = repo };
	struct bundle_at at;

	if (bundle_find(repo, bundle, &at, err) < 0)
		return -1;
	w.crds = true;
	if (bundle_changes(repo, NULL, &at, on_path, &w, err) < 0)
		return -1;
	w.crds = false;
	if (bundle_changes(repo, NULL, &at, on_path, &w, err) < 0)
		return -1;
	strvec_sort(&r->namespaces);
	strvec_sort(&r->cluster_scoped);
	if (buf_check(&r->more_inside, "the rules", err) < 0)
		return -1;
	return buf_check(&r->more_everywhere, "the rules", err);
}

/* ---- rules ---- */

/* One rule for each group. */
static void write_rules(const struct strvec *resources, const char *verbs,
			struct buf *out)
{
	struct strvec sorted = STRVEC_INIT;

	for (size_t i = 0; i < resources->n; i++)
		strvec_push(&sorted, resources->v[i]);
	strvec_sort(&sorted);
	for (size_t i = 0; i < sorted.n;) {
		const char *of = sorted.v[i];
		size_t group = (size_t)(strchr(of, '/') - of), first = i;

		buf_addf(out, "- apiGroups: [\"%.*s\"]\n  resources: [",
			 (int)group, of);
		for (; i < sorted.n && !strncmp(sorted.v[i], of, group + 1);
		     i++)
			buf_addf(out, "%s%s", i > first ? ", " : "",
				 sorted.v[i] + group + 1);
		buf_addf(out, "]\n  verbs: [%s]\n", verbs);
	}
	strvec_release(&sorted);
}

void rights_write(const struct rights *r, bool everywhere, struct buf *out)
{
	const struct buf *more = everywhere ? &r->more_everywhere
					    : &r->more_inside;

	if (!everywhere && r->all_inside)
		buf_adds(out, "- apiGroups: [\"*\"]\n  resources: [\"*\"]\n"
			 "  verbs: [get, list, watch, create, update, patch, "
			 "delete]\n");
	write_rules(everywhere ? &r->everywhere : &r->inside,
		    "get, list, create, patch, delete", out);
	/* a workload that fails is explained by its pods, and by what
	 * happens to them */
	if (!everywhere && !r->all_inside && r->pods)
		buf_adds(out, "- apiGroups: [\"\"]\n  resources: [events, pods]\n"
			 "  verbs: [list]\n");
	buf_add(out, more->data, more->len);
}

void rights_write_seen(const struct rights *r, bool everywhere,
		       struct buf *out)
{
	if (!everywhere && r->all_inside)
		buf_adds(out, "- apiGroups: [\"*\"]\n  resources: [\"*\"]\n"
			 "  verbs: [list, watch]\n");
	write_rules(everywhere ? &r->everywhere : &r->inside, "list, watch",
		    out);
}
