/*
 * From a file to its objects. See manifest.h. The bytes are a developer's:
 * every document is looked at, so that one push shows all that is wrong, and
 * each finding has the place of the value that is at fault.
 */
#include "config.h"
#include "schema/manifest.h"

#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/ignore.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/yaml.h"

struct manifest {
	const char *path;
	struct arena *arena;
	struct objects *objects;
	struct problems *ps;
	size_t found;
	bool faulty;
};

#define fault(m, mark, rule, ...) do { \
	problem_error((m)->ps, (m)->path, (mark), (rule), __VA_ARGS__); \
	(m)->faulty = true; \
} while (0)

/* ---- identity ---- */

static bool is_missing(const struct node *n)
{
	return !n || n->type == NODE_NULL || (n->type == NODE_STR && !n->n);
}

/*
 * The text of a field that must be there. `under` is the map that has it and
 * whose place stands for it when it is missing.
 */
static const char *required_text(struct manifest *m, const struct node *under,
				 const char *key, const char *shown,
				 const char *rule)
{
	const struct node *n = node_get(under, key);

	if (is_missing(n))
		fault(m, n ? n->mark : under->mark, rule,
		      "%s is missing", shown);
	else if (n->type != NODE_STR && n->source)
		fault(m, n->mark, rule, "%s must be text, but %s is read as "
		      "%s; quote it: \"%s\"", shown, n->source,
		      node_type_name(n->type), n->source);
	else if (n->type != NODE_STR)
		fault(m, n->mark, rule, "%s must be text, not %s", shown,
		      node_type_name(n->type));
	else if (memchr(n->str, '\0', n->n))
		fault(m, n->mark, rule, "%s has a NUL character in it", shown);
	else
		return n->str;
	return NULL;
}

static void read_api_version(struct manifest *m, const struct node *root,
			     struct object_id *id)
{
	const char *text = required_text(m, root, "apiVersion", "apiVersion",
					 "object-api-version");

	if (text && api_version_split(text, m->arena, &id->group,
				      &id->version) < 0)
		fault(m, node_get(root, "apiVersion")->mark,
		      "object-api-version", "apiVersion \"%s\" is neither a "
		      "version (v1) nor group/version (apps/v1)", text);
}

static void read_kind(struct manifest *m, const struct node *root,
		      struct object_id *id)
{
	const char *text = required_text(m, root, "kind", "kind",
					 "object-kind");

	if (text && !is_kind_name(text))
		fault(m, node_get(root, "kind")->mark, "object-kind",
		      "kind \"%s\" is no name of a kind, such as Deployment",
		      text);
	id->kind = text;
}

static void read_name(struct manifest *m, const struct node *metadata,
		      struct object_id *id)
{
	const struct node *generate = node_get(metadata, "generateName");

	if (!is_missing(generate) && is_missing(node_get(metadata, "name")))
		fault(m, generate->mark, "object-generate-name",
		      "metadata.generateName makes a new object at every "
		      "apply; give it a metadata.name");
	else
		id->name = required_text(m, metadata, "name", "metadata.name",
					 "object-name");
}

static void read_metadata(struct manifest *m, const struct node *root,
			  struct object_id *id)
{
	const struct node *metadata = node_get(root, "metadata");

	if (!metadata || metadata->type != NODE_MAP) {
		fault(m, metadata ? metadata->mark : root->mark,
		      "object-metadata", metadata ? "metadata must be a map" :
		      "metadata is missing");
		return;
	}
	read_name(m, metadata, id);
	id->namespace = "";
	if (!is_missing(node_get(metadata, "namespace")))
		id->namespace = required_text(m, metadata, "namespace",
					      "metadata.namespace",
					      "object-namespace");
}

/* ---- what the API server's YAML reader cannot read ---- */

/* Characters of the key as JSON: at most six for each byte, and quotes. */
static bool is_long_key(const struct node_pair *p)
{
	struct buf text = BUF_INIT(6 * (size_t)LIMIT_FILE_BYTES + 2);
	size_t characters = 0;

	if (p->key_len <= (LIMIT_KEY_CHARACTERS - 2) / 6)
		return false;
	json_write_string(p->key, p->key_len, &text);
	for (size_t i = 0; i < text.len; i++)
		characters += (text.data[i] & 0xc0) != 0x80;
	buf_release(&text);
	return characters > LIMIT_KEY_CHARACTERS;
}

static void check_keys(struct manifest *m, const struct node *n)
{
	for (uint32_t i = 0; n->type == NODE_SEQ && i < n->n; i++)
		check_keys(m, n->items[i]);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		if (is_long_key(&n->pairs[i]))
			fault(m, n->pairs[i].mark, "object-key", "the key is "
			      "longer than the %d characters that the API "
			      "server reads; shorten it", LIMIT_KEY_CHARACTERS);
		check_keys(m, n->pairs[i].value);
	}
}

/* ---- objects ---- */

static void read_object(struct manifest *m, struct node *root)
{
	struct object o = { .root = root, .path = m->path, .mark = root->mark };
	bool before = m->faulty;

	if (++m->found > LIMIT_FILE_DOCUMENTS) {
		if (m->found == LIMIT_FILE_DOCUMENTS + 1)
			fault(m, root->mark, "yaml-limit", "more than %d "
			      "objects in one file; split it",
			      LIMIT_FILE_DOCUMENTS);
		return;
	}
	m->faulty = false;
	read_api_version(m, root, &o.id);
	read_kind(m, root, &o.id);
	read_metadata(m, root, &o.id);
	check_keys(m, root);
	if (!m->faulty)
		objects_add(m->objects, &o);
	m->faulty |= before;
}

/* ---- lists ---- */

/*
 * apimachinery takes everything with an array of items for a list
 * (unstructured.IsList), whatever its kind says.
 */
static bool is_list(const struct node *root)
{
	const struct node *items = node_get(root, "items");

	return items && (items->type == NODE_SEQ || items->type == NODE_NULL);
}

/* A kind that is called so; of the others some object would get lost. */
static bool is_list_kind(const struct node *root)
{
	const char *kind = node_text(node_get(root, "kind"));
	size_t len = kind ? strlen(kind) : 0;

	return len >= 4 && !strcmp(kind + len - 4, "List");
}

/* Items of a typed list (a ConfigMapList) may leave out what the list says. */
static void complete_item(struct manifest *m, const struct node *list,
			  struct node *item)
{
	const char *kind = node_text(node_get(list, "kind"));
	struct node *version = node_get(list, "apiVersion");
	size_t len = strlen(kind);

	if (node_get(item, "kind") || node_get(item, "apiVersion") ||
	    len == 4 || !version)
		return;
	node_set(m->arena, item, "kind",
		 node_strn(m->arena, kind, len - 4));
	node_set(m->arena, item, "apiVersion", version);
}

static void read_list(struct manifest *m, const struct node *list)
{
	const struct node *items = node_get(list, "items");

	if (!is_list_kind(list)) {
		fault(m, node_pair(list, "items")->mark, "object-list",
		      "Kubernetes takes a map with items for a list and would "
		      "drop the rest of it; use a field of another name, or a "
		      "kind that ends in List");
		return;
	}
	for (uint32_t i = 0; items->type == NODE_SEQ && i < items->n; i++) {
		struct node *item = items->items[i];

		if (item->type != NODE_MAP) {
			fault(m, item->mark, "object-list", "an item of a list "
			      "must be a map, not %s",
			      node_type_name(item->type));
			continue;
		}
		if (is_list(item)) {
			fault(m, item->mark, "object-list",
			      "a list inside a list; write its items here");
			continue;
		}
		complete_item(m, list, item);
		read_object(m, item);
	}
}

int manifest_read(const char *path, const char *data, size_t len,
		  struct arena *a, struct objects *ret, struct problems *ps)
{
	struct manifest m = {
		.path = path, .arena = a, .objects = ret, .ps = ps,
	};
	struct documents docs;

	m.faulty = yaml_read(path, data, len, a, &docs, ps) < 0;
	ret->copied += docs.copied;
	for (size_t i = 0; i < docs.n; i++) {
		if (is_list(docs.v[i]))
			read_list(&m, docs.v[i]);
		else
			read_object(&m, docs.v[i]);
	}
	return m.faulty ? -1 : 0;
}

const struct manifest_tool manifest_tools[] = {
	{ "kustomization.yaml", "kustomize" },
	{ "kustomization.yml", "kustomize" },
	{ "Kustomization", "kustomize" },
	{ "Chart.yaml", "helm" },
	{ NULL, NULL },
};

void manifest_tool_refuse(const struct manifest_tool *t, const char *path,
			  struct problems *ps)
{
	static const struct mark nowhere;

	problem_error(ps, path, nowhere, "source-renderer",
		      "this directory is for %s, which windlass does not run "
		      "yet: commit what it renders instead, or name the "
		      "directory in " IGNORE_NAME, t->tool);
}

/* True if the file's name has one of our endings, as `same` compares. */
static bool ends_well(const char *path, int (*same)(const char *, const char *))
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && !same(name + len - n, endings[i]))
			return true;
	}
	return false;
}

bool manifest_name(const char *path)
{
	return ends_well(path, strcmp);
}

bool manifest_name_like(const char *path)
{
	return ends_well(path, strcasecmp);
}

void manifest_name_warn(const char *path, struct problems *ps)
{
	static const struct mark nowhere;

	problem_warning(ps, path, nowhere, "source-ending",
			"not read: manifests end in .yaml, .yml or .json, in "
			"lower case; rename it, or name it in "
			".windlassignore");
}

int manifest_path_push(char path[LIMIT_PATH_BYTES + 1], size_t len,
		       const char *name, struct err *err)
{
	size_t add = strlen(name), slash = len && path[len - 1] != '/';

	if (len + slash + add > LIMIT_PATH_BYTES)
		return err_set(err, ERR_INVALID, "a path below '%.100s...' is "
			       "longer than %d bytes", path, LIMIT_PATH_BYTES);
	if (slash)
		path[len] = '/';
	memcpy(path + len + slash, name, add + 1);
	return 0;
}
