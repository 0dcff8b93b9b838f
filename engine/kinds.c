/*
 * Kinds. See kinds.h. Trusts discovery and the CRDs of the cluster; a CRD of
 * a bundle may say where its own kind lives, never anything about a built-in
 * one (scope_learn refuses that).
 */
#include "config.h"
#include "engine/kinds.h"

#include <stdlib.h>
#include <string.h>

#include "engine/channel.h"
#include "engine/discovery.h"
#include "engine/drift.h"
#include "engine/health.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/scope.h"

#define KEY_SIZE 320

/* between two questions to discovery: the first, and at most */
#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 30000

static void on_refresh(void *arg);

static void tell(void *arg)
{
	struct kinds *ks = arg;

	if (ks->on_change)
		ks->on_change(ks->arg);
	for (map_each(&ks->by_name, e)) {
		struct kind *k = e->value;

		k->news = k->moved = false;
	}
}

void kinds_init(struct kinds *ks, struct engine *e)
{
	*ks = (struct kinds){ .engine = e, .pause = PAUSE_MIN_MS };
	discovery_new(e->kube, &ks->discovery);
	timer_init(&ks->refresh, e->loop, on_refresh, ks);
	work_init(&ks->told, tell, ks);
	kinds_refresh(ks);
}

static void kind_free(void *arg)
{
	struct kind *k = arg;

	free(k->group);
	free(k->name);
	free(k->version);
	free(k->plural);
	free(k);
}

void kinds_release(struct kinds *ks)
{
	if (!ks->discovery)
		return;
	timer_stop(&ks->refresh);
	loop_undefer(ks->engine->loop, &ks->told);
	discovery_free(ks->discovery);
	ks->discovery = NULL;
	map_release(&ks->by_name, kind_free);
}

bool kinds_known(const struct kinds *ks)
{
	return discovery_known(ks->discovery);
}

/* Takes over where the kind lives. True if that is news. */
static bool settle(struct kind *k, const char *version, size_t version_len,
		   const char *plural, bool namespaced)
{
	bool same = k->resolved && k->namespaced == namespaced &&
		    !strcmp(k->plural, plural) &&
		    strlen(k->version) == version_len &&
		    !memcmp(k->version, version, version_len);

	if (same)
		return false;
	free(k->version);
	free(k->plural);
	k->version = xstrndup(version, version_len);
	k->plural = xstrdup(plural);
	k->namespaced = namespaced;
	k->moved = k->resolved;
	k->resolved = k->news = true;
	return true;
}

static bool discover(struct kinds *ks, struct kind *k)
{
	const struct resource *r = discovery_find(ks->discovery, k->group,
						  NULL, k->name);

	return r && settle(k, r->version, strlen(r->version), r->plural,
			   r->namespaced);
}

struct kind *kinds_get(struct kinds *ks, const char *group, const char *name)
{
	const struct scopes none = SCOPES_INIT;
	char key[KEY_SIZE];
	struct kind *k;

	snprintf(key, sizeof(key), "%s/%s", group, name);
	k = map_get(&ks->by_name, key);
	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	k->group = xstrdup(group);
	k->name = xstrdup(name);
	k->custom = !scope_lookup(&none, group, name);
	k->generation_trusted = drift_trusts_generation(group, name);
	k->has_health = k->custom || health_has_rule(group, name);
	map_put(&ks->by_name, key, k);
	discover(ks, k);
	return k;
}

bool kind_is(const struct kind *k, const char *group, const char *name)
{
	return !strcmp(k->name, name) && !strcmp(k->group, group);
}

bool kind_is_crd(const struct kind *k)
{
	return kind_is(k, "apiextensions.k8s.io", "CustomResourceDefinition");
}

struct kind *kinds_by_plural(struct kinds *ks, const char *group,
			     const char *plural)
{
	for (map_each(&ks->by_name, e)) {
		struct kind *k = e->value;

		if (k->resolved && !strcmp(k->group, group) &&
		    !strcmp(k->plural, plural))
			return k;
	}
	return NULL;
}

/* ---- discovery ---- */

static void note_missing(struct kinds *ks, struct kind *k)
{
	if (discovery_find(ks->discovery, k->group, NULL, k->name) ||
	    discovery_group_stale(ks->discovery, k->group))
		k->missed = 0;
	else if (!k->missed)
		k->missed = ks->refreshed;
}

static bool some_is_missing(const struct kinds *ks)
{
	for (map_each(&ks->by_name, e)) {
		const struct kind *k = e->value;

		if (k->objects && !k->resolved)
			return true;
	}
	return false;
}

void kinds_missing(struct kinds *ks)
{
	if (!some_is_missing(ks))
		return;
	ks->pause = PAUSE_MIN_MS;
	timer_stop(&ks->refresh);
	kinds_refresh(ks);
}

static void on_discovered(void *arg, const struct err *err)
{
	struct kinds *ks = arg;
	bool news = false;

	ks->asking = false;
	ks->refreshed = loop_now(ks->engine->loop);
	if (err) {
		log_warn("discovery-failed", LOG_S("error", err->msg));
	} else {
		for (map_each(&ks->by_name, e)) {
			news |= discover(ks, e->value);
			note_missing(ks, e->value);
		}
	}
	ks->pause = news ? PAUSE_MIN_MS : ks->pause * 2;
	if (ks->pause > PAUSE_MAX_MS)
		ks->pause = PAUSE_MAX_MS;
	if (kinds_known(ks))
		loop_defer(ks->engine->loop, &ks->told);
	/* without any answer nothing can begin, and nobody tells us when the
	 * server of an aggregated API is back: do not wait to be asked */
	if (!kinds_known(ks) || some_is_missing(ks))
		kinds_refresh(ks);
}

static void on_refresh(void *arg)
{
	struct kinds *ks = arg;

	ks->asking = true;
	discovery_refresh(ks->discovery, on_discovered, ks);
}

void kinds_refresh(struct kinds *ks)
{
	int64_t now = loop_now(ks->engine->loop), wait;

	if (ks->asking || timer_armed(&ks->refresh))
		return;
	/* asked for again after a quiet time: that is another matter */
	if (ks->refreshed && now - ks->refreshed > 2 * PAUSE_MAX_MS)
		ks->pause = PAUSE_MIN_MS;
	wait = ks->refreshed ? ks->refreshed + ks->pause - now : 0;
	timer_set(&ks->refresh, wait > 1 ? wait : 1);
}

/* ---- CRDs ---- */

/* The one that discovery would prefer: the first served of scope_learn's. */
static bool settle_crd(struct kinds *ks, struct kind *k,
		       const struct kind_info *info)
{
	size_t len = strcspn(info->versions, " ");

	/* discovery's word is newer than a manifest, unless it has none */
	if (k->resolved && discovery_find(ks->discovery, k->group, NULL,
					  k->name))
		return false;
	return len && settle(k, info->versions, len, info->plural,
			     info->scope == SCOPE_NAMESPACED);
}

static bool declares_conditions(const struct node *crd)
{
	const struct node *versions = node_path(crd, "spec", "versions", NULL);

	for (uint32_t i = 0; versions && versions->type == NODE_SEQ &&
	     i < versions->n; i++) {
		const struct node *status =
			node_path(versions->items[i], "schema",
				  "openAPIV3Schema", "properties", "status",
				  "properties", NULL);

		if (node_get(status, "conditions") ||
		    node_get(status, "observedGeneration"))
			return true;
	}
	return false;
}

bool kinds_learn_crd(struct kinds *ks, const struct node *crd, bool live)
{
	struct scopes scopes = SCOPES_INIT;
	struct err err = ERR_INIT;
	const char *group = node_path_str(crd, "spec", "group", NULL);
	const char *name = node_path_str(crd, "spec", "names", "kind", NULL);
	int64_t generation = node_path_int(crd, 0, "metadata", "generation",
					   NULL);
	bool news = false;
	struct kind *k;

	if (scope_learn(&scopes, crd, &err) < 0) {
		scopes_release(&scopes);
		return false;
	}
	k = kinds_get(ks, group, name);
	news = settle_crd(ks, k, scope_lookup(&scopes, group, name));
	k->has_conditions = declares_conditions(crd);
	if (live && generation != k->crd_generation) {
		if (k->crd_generation) {
			k->schema_changed = loop_now(ks->engine->loop);
			news = true;
		}
		k->crd_generation = generation;
	}
	scopes_release(&scopes);
	if (news)
		loop_defer(ks->engine->loop, &ks->told);
	return news;
}
