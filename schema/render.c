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

	buf_addf(&name, "%s..Channel.windlass.dev", channel);
	sha256_of(name.data, name.len, &digest);
	sodium_bin2base64(text, sizeof(text), digest.b, sizeof(digest.b),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_addf(out, "applyset-%s-v1", text);
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

/* One value of stringData as the data it becomes; NULL if it is too large. */
static struct node *encoded(const struct node *v, struct arena *a)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct node *n = NULL;

	if (v->type == NODE_STR)
		base64_encode(&text, v->str, v->n);
	if (buf_ok(&text))
		n = node_strn(a, text.data, text.len);
	buf_wipe(&text);
	return n;
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
	if (from->type != NODE_MAP)
		return err_set(err, ERR_INVALID,
			       "stringData of Secret '%s' must be a map, not %s",
			       o->id.name, node_type_name(from->type));
	data = map_at(a, o->root, "data");
	if (!data)
		return err_set(err, ERR_INVALID,
			       "data of Secret '%s' is not a map", o->id.name);
	for (uint32_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];
		struct node *value;

		if (strlen(p->key) != p->key_len)
			return err_set(err, ERR_INVALID,
				       "a stringData key of Secret '%s' has "
				       "NUL bytes", o->id.name);
		if (p->value->type != NODE_STR && p->value->type != NODE_NULL)
			return err_set(err, ERR_INVALID,
				       "stringData '%s' of Secret '%s' must be "
				       "a string, not %s: quote it", p->key,
				       o->id.name,
				       node_type_name(p->value->type));
		value = encoded(p->value, a);
		if (!value)
			return err_set(err, ERR_INVALID,
				       "stringData '%s' of Secret '%s' is "
				       "larger than any object may be", p->key,
				       o->id.name);
		node_set(a, data, p->key, value);
	}
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

int render_object(const struct rules *r, struct object *o, struct arena *a,
		  struct buf *out, struct err *err)
{
	struct node *meta = node_get(o->root, "metadata");
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	bool secret = !strcmp(o->id.kind, "Secret") && !*o->id.group;
	int rc;

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
	json_write_canonical(o->root, &text);
	rc = buf_check(&text, "the object as JSON", err);
	if (!rc) {
		buf_add(out, text.data, text.len);
		rc = buf_check(out, "the rendered text", err);
	}
	if (secret)
		buf_wipe(&text);
	else
		buf_release(&text);
	return rc;
}
