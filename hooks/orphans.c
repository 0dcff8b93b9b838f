/*
 * Finding objects without a definition. See orphans.h. Trusts the current
 * bundle's CRDs and objects, which passed the gate once, and the scopes that
 * this push was checked by.
 */
#include "config.h"
#include "hooks/orphans.h"

#include <string.h>

#include "hooks/inventory.h"
#include "schema/limits.h"

struct look {
	git_repository *repo;
	const git_oid *bundle;
	struct crds *crds;
	const struct map *made;
	struct problems *ps;
	struct err *err;
};

/* The version that an object of the bundle is written in. */
static int version_of(struct look *l, const char *path, struct arena *a,
		      const char **ret)
{
	struct object_id id;
	struct node *root;
	unsigned mode;
	git_oid blob;
	int rc = repo_tree_entry(l->repo, l->bundle, path, &blob, &mode,
				 l->err);

	if (rc == 1)
		rc = err_set(l->err, ERR_DENIED, "the current bundle lacks "
			     "'%s'", path);
	if (rc < 0 || inventory_read(l->repo, &blob, a, &root, l->err) < 0 ||
	    object_id_of(root, a, &id, l->err) < 0)
		return -1;
	*ret = id.version;
	return 0;
}

static int refuse(struct look *l, const char *path, const char *why)
{
	struct buf what = BUF_INIT(LIMIT_PATH_BYTES);
	struct arena a = ARENA_INIT;
	struct object_id id;
	const char *file;
	uint32_t line;
	int rc = object_path_parse(path, &a, &id, l->err);

	if (!rc)
		rc = inventory_origin(l->repo, l->bundle, &id, &a, &file,
				      &line, l->err);
	if (rc == 1)
		rc = err_set(l->err, ERR_DENIED, "the current bundle does not "
			     "say where '%s' is from", path);
	if (!rc) {
		object_describe(&id, &what);
		problem_error(l->ps, file, ((struct mark){ line, 1 }),
			      "crd-in-use", "%s stays, but %s; change or "
			      "remove it in the same push, or keep the "
			      "CustomResourceDefinition as it was", what.data,
			      why);
	}
	arena_release(&a);
	buf_release(&what);
	return rc;
}

/* An object of the kind, whose definition is `now` (NULL: none) from now on. */
static int check_user(struct look *l, const char *path, enum scope scope,
		      const struct kind_info *now)
{
	struct arena a = ARENA_INIT;
	const char *version;
	int rc = 0;

	if (map_get(l->made, path) || map_get(l->crds->held, path))
		return 0;	/* it was checked with this push, or goes */
	if (!now)
		return refuse(l, path, "the definition of its kind goes");
	if (now->scope != scope)
		return refuse(l, path, "its kind gets another scope");
	rc = version_of(l, path, &a, &version);
	if (!rc && !kind_serves(now, version))
		rc = refuse(l, path, "its version is not served any more");
	arena_release(&a);
	return rc;
}

/* True if everything that the old definition served is served still. */
static bool covers(const struct kind_info *now, const struct kind_info *old)
{
	const char *v = old->versions;

	while (now && now->scope == old->scope && *v) {
		char version[LIMIT_NAME_BYTES + 1];
		size_t len = strcspn(v, " ");

		if (len > LIMIT_NAME_BYTES)
			return false;
		memcpy(version, v, len);
		version[len] = '\0';
		if (!kind_serves(now, version))
			return false;
		v += len + strspn(v + len, " ");
	}
	return now && !*v;
}

static int check_kind(struct look *l, const struct object_id *kind,
		      const struct kind_info *old)
{
	const struct kind_info *now = scope_lookup(&l->crds->scopes,
						   kind->group, kind->kind);
	struct strvec users = STRVEC_INIT;
	int rc;

	if (covers(now, old))
		return 0;
	rc = inventory_of_kind(l->repo, l->bundle, kind->group, kind->kind,
			       &users, l->err);
	for (size_t i = 0; !rc && i < users.n; i++)
		rc = check_user(l, users.v[i], old->scope, now);
	strvec_release(&users);
	return rc;
}

/* A CRD that goes, or defines something else now. */
static int check_crd(struct look *l, const char *path)
{
	struct scopes was = SCOPES_INIT;
	const struct kind_info *old;
	struct arena a = ARENA_INIT;
	struct object_id kind;
	int rc = crds_of_bundle(l->repo, l->bundle, path, &was, &a, &kind,
				l->err);

	old = rc ? NULL : scope_lookup(&was, kind.group, kind.kind);
	if (old)
		rc = check_kind(l, &kind, old);
	scopes_release(&was);
	arena_release(&a);
	return rc;
}

static bool concerns(const struct plan_item *item)
{
	return item->op != PLAN_CREATE && crd_is(&item->id);
}

int orphans_check(git_repository *repo, const git_oid *bundle,
		  const struct plan *plan, struct crds *crds,
		  const struct map *made, struct problems *ps,
		  struct err *err)
{
	struct look l = { repo, bundle, crds, made, ps, err };
	bool any = false;

	for (size_t i = 0; i < plan->n; i++)
		any |= concerns(&plan->v[i]);
	if (!any)
		return 0;
	/* what `crds = PATH` defines does not go */
	if (crds_read_paths(crds, ps, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n; i++)
		if (concerns(&plan->v[i]) && check_crd(&l, plan->v[i].path) < 0)
			return -1;
	return 0;
}
