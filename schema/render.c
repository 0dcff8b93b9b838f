/*
 * From a checked object to the bytes that are signed, shown and applied. See
 * render.h. What is dropped here is what only a server may say of an object;
 * everything else stays as the developer wrote it, so that a plan can be
 * read against the manifests.
 */
#include "config.h"
#include "schema/render.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

static const char *const server_fields[] = {
	"managedFields", "uid", "resourceVersion", "generation",
	"creationTimestamp", "selfLink",
};

void render_applyset_id(const char *channel, struct buf *out)
{
	char text[sodium_base64_ENCODED_LEN(SHA256_SIZE,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	char *parent = xasprintf("%s..Channel.windlass.dev", channel);
	struct sha256 digest;

	sha256_of(parent, strlen(parent), &digest);
	sodium_bin2base64(text, sizeof(text), digest.b, SHA256_SIZE,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_addf(out, "applyset-%s-v1", text);
	free(parent);
}

/*
 * The API server merges stringData over data when it stores a Secret, but
 * remembers its owner by stringData's fields: drift of data would then go
 * unseen (drift-matrix.md section 1). So it is merged here.
 */
static int merge_string_data(struct node *root, struct arena *a,
			     struct err *err)
{
	struct node *text = node_get(root, "stringData");
	struct node *data = node_get(root, "data");
	struct buf encoded = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	int rc = 0;

	if (!text)
		return 0;
	if (text->type != NODE_MAP && text->type != NODE_NULL)
		return err_set(err, ERR_INVALID,
			       "stringData must be a map of strings");
	if (!data || data->type == NODE_NULL) {
		data = node_map(a);
		node_set(a, root, "data", data);
	}
	if (data->type != NODE_MAP)
		return err_set(err, ERR_INVALID, "data must be a map of "
			       "base64 strings");
	for (uint32_t i = 0; text->type == NODE_MAP && i < text->n; i++) {
		const struct node_pair *p = &text->pairs[i];

		if (p->value->type != NODE_STR) {
			rc = err_set(err, ERR_INVALID, "stringData.%s must be "
				     "a string; quote it", p->key);
			break;
		}
		buf_reset(&encoded);
		base64_encode(&encoded, p->value->str, p->value->n);
		node_set(a, data, p->key,
			 node_strn(a, encoded.data, encoded.len));
	}
	if (data->n == 0)
		node_del(root, "data");
	node_del(root, "stringData");
	buf_wipe(&encoded);
	return rc;
}

static bool is_secret(const struct object_id *id)
{
	return !*id->group && !strcmp(id->kind, "Secret");
}

static void add_label(const struct rules *r, struct node *metadata,
		      struct arena *a)
{
	struct node *labels = node_get(metadata, "labels");
	struct buf id = BUF_INIT(128);

	if (!labels || labels->type != NODE_MAP) {
		labels = node_map(a);
		node_set(a, metadata, "labels", labels);
	}
	render_applyset_id(r->channel, &id);
	node_set(a, labels, APPLYSET_PART_OF, node_str(a, id.data));
	buf_release(&id);
}

int render_object(const struct rules *r, struct object *o, struct arena *a,
		  struct buf *out, struct err *err)
{
	struct node *metadata = node_get(o->root, "metadata");
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	int rc;

	node_del(o->root, "status");
	for (size_t i = 0; i < ARRAY_SIZE(server_fields); i++)
		node_del(metadata, server_fields[i]);
	if (is_secret(&o->id) && merge_string_data(o->root, a, err) < 0)
		return -1;
	if (*o->id.namespace)
		node_set(a, metadata, "namespace",
			 node_str(a, o->id.namespace));
	else
		node_del(metadata, "namespace");
	add_label(r, metadata, a);
	json_write_canonical(o->root, &text);
	rc = buf_check(&text, "the rendered object", err);
	if (rc == 0)
		buf_add(out, text.data, text.len);
	if (is_secret(&o->id))
		buf_wipe(&text);
	else
		buf_release(&text);
	return rc;
}
