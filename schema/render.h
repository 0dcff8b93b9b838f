/*
 * From a checked object to the bytes that are signed, shown and applied:
 * DESIGN.md 2.2. Rendering drops what only the server may say, turns Secret
 * stringData into data, fills the namespace, and adds the part-of label.
 */
#ifndef SCHEMA_RENDER_H
#define SCHEMA_RENDER_H

#include "schema/base/buf.h"
#include "schema/object.h"
#include "schema/rules.h"

/* What made the objects: the bundle trailer Renderer. */
#define RENDERER "plain/1"

#define APPLYSET_PART_OF "applyset.kubernetes.io/part-of"

/* "applyset-<base64url of SHA-256>-v1" (KEP-3659) for a channel. */
void render_applyset_id(const char *channel, struct buf *out);

/*
 * Appends the canonical JSON of o, which passed rules_check, to out, unless
 * that is NULL. The tree is changed in place (new nodes come from the
 * arena). -1 if the result
 * is larger than LIMIT_OBJECT_BYTES or a Secret's stringData is malformed.
 */
int render_object(const struct rules *r, struct object *o, struct arena *a,
		  struct buf *out, struct err *err);

#endif
