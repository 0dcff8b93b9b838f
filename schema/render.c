/*
 * From a checked object to its bytes. See render.h. The tree comes from a
 * push and passed rules_check; what is dropped or added here is all that
 * differs from what the developer wrote. Values of Secrets are moved, never
 * shown.
 */
#include "config.h"
#include "schema/render.h"

#include <string.h>

#include "schema/base/digest.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

/* What only the server may say about an object. */
static const char *const server_owned[] = {
	"managedFields", "uid", "resourceVersion", "generation",
	"creationTimestamp", "selfLink",
};

void render_applyset_id(const char *channel, struct buf *out)
{
	struct buf name = BUF_INIT(LIMIT_CHANNEL_BYTES + 32);
	char text[sodium_base64_ENCODED_LEN(SHA256_SIZE,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	struct sha256 digest;

	buf_adds(&name, channel);
	buf_adds(&name, "..Channel.windlass.dev");
	sha256_of(name.data, name.len, &digest);
	sodium_bin2base64(text, sizeof(text), digest.b, sizeof(digest.b),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_adds(out, "applyset-");
	buf_adds(out, text);
	buf_adds(out, "-v1");
	buf_release(&name);
}

/* The map at parent.key, made where it is missing or null; NULL if it is
 * something else. */
static struct node *map_at(struct arena *a, struct node *parent,
			   const char *key)
{
	struct node *n = node_get(parent, key);

	if (!n || n->type == NODE_NULL) {
		n = node_map(a);
		node_set(a, parent, key, n);
	}
	return n->type == NODE_MAP ? n : NULL;
}

/* One value of stringData, a string or null, as the data it becomes. */
static struct node *encoded(const struct node *v, struct arena *a)
{
	size_t len = v->type == NODE_STR ? v->n : 0;
	struct buf text = BUF_INIT(len * 2 + 8);
	struct node *n;

	base64_encode(&text, len ? v->str : "", len);
	n = node_strn(a, text.data, text.len);
	n->mark = v->mark;
	buf_wipe(&text);
	return n;
}

/* The rules let nothing like that through, and say what is wrong with it. */
static int unchecked(const struct object *o, struct err *err)
{
	return err_set(err, ERR_INVALID, "Secret '%s' is malformed",
		       o->id.name);
}

/* By a hash map: thousands of keys against thousands must not take long. */
static void put_over(struct node *data, const struct node *from,
		     struct arena *a)
{
	struct map left = MAP_INIT;

	for (uint32_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];

		map_putn(&left, p->key, p->key_len, encoded(p->value, a));
	}
	for (uint32_t i = 0; i < data->n; i++) {
		struct node_pair *p = &data->pairs[i];
		struct node *value = map_getn(&left, p->key, p->key_len);

		if (value) {
			p->value = value;
			map_del(&left, p->key);
		}
	}
	for (map_each(&left, e)) {
		const char *key = arena_strndup(a, e->key, e->key_len);

		node_append_pair(a, data, key, e->key_len, e->value);
	}
	map_release(&left, NULL);
}

/*
 * The API server makes data of stringData when it writes; an applied
 * stringData would own fields that nobody ever sees again, and drift in data
 * would go unnoticed. So it is done here, the way it does it: over what data
 * has, null as nothing.
 */
static int move_string_data(struct object *o, struct arena *a,
			    struct err *err)
{
	struct node *from = node_get(o->root, "stringData"), *data;

	if (!from || from->type == NODE_NULL ||
	    (from->type == NODE_MAP && !from->n)) {
		node_del(o->root, "stringData");
		return 0;
	}
	data = map_at(a, o->root, "data");
	if (from->type != NODE_MAP || !data)
		return unchecked(o, err);
	for (uint32_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];

		if (p->value->type != NODE_STR && p->value->type != NODE_NULL)
			return unchecked(o, err);
	}
	put_over(data, from, a);
	node_del(o->root, "stringData");
	return 0;
}

static int add_label(const struct rules *r, struct node *meta,
		     struct arena *a, struct err *err)
{
	struct node *labels = map_at(a, meta, "labels");
	struct buf id = BUF_INIT(128);

	if (!labels)
		return err_set(err, ERR_INVALID,
			       "metadata.labels is not a map");
	render_applyset_id(r->channel, &id);
	node_set(a, labels, APPLYSET_PART_OF, node_str(a, id.data));
	buf_release(&id);
	return 0;
}

/* What the identity says, no more: no namespace of "" or null. */
static void fill_namespace(const struct object *o, struct node *meta,
			   struct arena *a)
{
	const char *ns = node_text(node_get(meta, "namespace"));

	if (!*o->id.namespace)
		node_del(meta, "namespace");
	else if (!ns || strcmp(ns, o->id.namespace))
		node_set(a, meta, "namespace", node_str(a, o->id.namespace));
}

static int write_object(const struct object *o, struct buf *out,
			struct err *err)
{
	size_t before = out->len;

	json_write_canonical(o->root, out);
	if (buf_ok(out) && out->len - before <= LIMIT_OBJECT_BYTES)
		return 0;
	buf_truncate(out, before);
	return err_set(err, ERR_INVALID, "the object as JSON is larger than "
		       "%u bytes", LIMIT_OBJECT_BYTES);
}

/* As writing it, for who does not want the bytes; it is mostly not done. */
static int check_size(const struct object *o, struct err *err)
{
	struct buf bytes = BUF_INIT(LIMIT_OBJECT_BYTES);
	int rc;

	if (json_canonical_most(o->root) <= LIMIT_OBJECT_BYTES)
		return 0;
	rc = write_object(o, &bytes, err);
	buf_wipe(&bytes);
	return rc;
}

int render_object(const struct rules *r, struct object *o, struct arena *a,
		  struct buf *out, struct err *err)
{
	struct node *meta = node_get(o->root, "metadata");
	bool secret = !strcmp(o->id.kind, "Secret") && !*o->id.group;

	if (!meta || meta->type != NODE_MAP)
		return err_set(err, ERR_INVALID, "metadata is not a map");
	node_del(o->root, "status");
	for (size_t i = 0; i < ARRAY_SIZE(server_owned); i++)
		node_del(meta, server_owned[i]);
	if (secret && move_string_data(o, a, err) < 0)
		return -1;
	fill_namespace(o, meta, a);
	if (add_label(r, meta, a, err) < 0)
		return -1;
	return out ? write_object(o, out, err) : check_size(o, err);
}
