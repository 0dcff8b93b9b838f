/*
 * What Secrets and ConfigMaps hold: rules_check_data of rules.h. As the API
 * server judges it (apimachinery's unstructured converter, then
 * core/validation), which would answer with an Internal Server Error for
 * most of these. Values are never shown: they may be secret.
 */
#include "config.h"
#include "schema/rules.h"

#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/formats.h"
#include "schema/limits.h"

#define RULE "data-malformed"
/* a key becomes a file's name in a pod */
#define KEY_MAX 253

struct field {
	const char *kind, *name;
	bool base64;
	const char *plain;	/* where the same keys may hold plain text */
};

static const struct field fields[] = {
	{ "Secret", "data", true, "stringData" },
	{ "Secret", "stringData", false, NULL },
	{ "ConfigMap", "binaryData", true, "data" },
	{ "ConfigMap", "data", false, NULL },
};

static bool is_key(const struct node_pair *p)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._";

	return p->key_len > 0 && p->key_len <= KEY_MAX &&
	       strspn(p->key, letters) == p->key_len &&
	       strcmp(p->key, ".") && strncmp(p->key, "..", 2);
}

/* Where the space after a ':' was forgotten the value is in the key. */
static int malformed_key(const struct object *o, const struct field *f,
			 const struct node_pair *p, struct problems *ps)
{
	size_t name = strcspn(p->key, ":");

	if (name < p->key_len)
		problem_error(ps, o->path, p->mark, RULE, "key '%.*s' of %s "
			      "has a ':' in it: put a space behind that if a "
			      "value begins there", (int)name, p->key,
			      f->name);
	else
		problem_error(ps, o->path, p->mark, RULE, "key '%s' of %s is "
			      "malformed: at most %d letters, digits, -, _ "
			      "and ., not beginning with ..", p->key, f->name,
			      KEY_MAX);
	return -1;
}

/* Adds the value's bytes to *total. */
static int check_value(const struct object *o, const struct field *f,
		       const struct node_pair *p, uint64_t *total,
		       struct problems *ps)
{
	const struct node *v = p->value;
	int64_t bytes;

	/* the API server makes "" of null */
	if (v->type == NODE_NULL)
		return 0;
	if (v->type != NODE_STR) {
		problem_error(ps, o->path, v->mark, RULE, "%s '%s' must be "
			      "text, not %s%s", f->name, p->key,
			      node_type_name(v->type),
			      v->source ? ": put it in quotes" : "");
		return -1;
	}
	bytes = f->base64 ? base64_bytes(v->str, v->n) : (int64_t)v->n;
	if (bytes < 0) {
		problem_error(ps, o->path, v->mark, RULE, "%s '%s' is no "
			      "base64: encode it, or write it as it is under "
			      "%s", f->name, p->key, f->plain);
		return -1;
	}
	*total += (uint64_t)bytes;
	return 0;
}

/*
 * `elsewhere` has the keys of f->plain: in a Secret these replace what stands
 * here, in a ConfigMap they may not be the same.
 */
static int check_pair(const struct object *o, const struct field *f,
		      const struct node_pair *p, const struct map *elsewhere,
		      uint64_t *total, struct problems *ps)
{
	bool twice = map_getn(elsewhere, p->key, p->key_len) != NULL;
	uint64_t replaced = 0;

	if (!is_key(p))
		return malformed_key(o, f, p, ps);
	if (twice && !strcmp(f->kind, "ConfigMap")) {
		problem_error(ps, o->path, p->mark, RULE, "key '%s' is in %s "
			      "and in %s: remove one of the two", p->key,
			      f->plain, f->name);
		return -1;
	}
	return check_value(o, f, p, twice ? &replaced : total, ps);
}

static void keys_of(const struct node *map, struct map *ret)
{
	for (uint32_t i = 0; map && map->type == NODE_MAP && i < map->n; i++)
		map_putn(ret, map->pairs[i].key, map->pairs[i].key_len,
			 map->pairs[i].value);
}

static int check_field(const struct object *o, const struct field *f,
		       uint64_t *total, struct problems *ps)
{
	const struct node *map = node_get(o->root, f->name);
	struct map elsewhere = MAP_INIT;
	int rc = 0;

	if (!map || map->type == NODE_NULL)
		return 0;
	if (map->type != NODE_MAP) {
		problem_error(ps, o->path, map->mark, RULE, "%s must be a map, "
			      "not %s", f->name, node_type_name(map->type));
		return -1;
	}
	if (f->plain)
		keys_of(node_get(o->root, f->plain), &elsewhere);
	for (uint32_t i = 0; i < map->n; i++)
		rc |= check_pair(o, f, &map->pairs[i], &elsewhere, total, ps);
	map_release(&elsewhere, NULL);
	return rc;
}

int rules_check_data(const struct object *o, struct problems *ps)
{
	uint64_t total = 0;
	int rc = 0;

	if (*o->id.group)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(o->id.kind, fields[i].kind))
			rc |= check_field(o, &fields[i], &total, ps);
	if (total > LIMIT_DATA_BYTES) {
		problem_error(ps, o->path, o->mark, RULE, "%llu bytes of data: "
			      "a %s may have %u at most",
			      (unsigned long long)total, o->id.kind,
			      LIMIT_DATA_BYTES);
		rc = -1;
	}
	return rc;
}
