/*
 * The markers in manifests that say which policy sets a field, as Flux has
 * them, and setting those fields: the marked bytes and no others.
 *
 *   image: registry.example.org/shop/web:1.2   # {"$imagepolicy": "ns:web"}
 *   newName: registry.example.org/shop/web     # {"$imagepolicy": "ns:web:name"}
 *   newTag: "1.2"                              # {"$imagepolicy": "ns:web:tag"}
 *   digest: sha256:...                         # {"$imagepolicy": "ns:web:digest"}
 */
#ifndef HOOKS_IMAGE_MARKER_H
#define HOOKS_IMAGE_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hooks/tag-policy.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"

/* more in one file is refused */
#define LIMIT_IMAGE_MARKERS 1000
/* of a marked value: an image, a tag and a digest */
#define LIMIT_MARKED_BYTES 512

enum image_field { FIELD_IMAGE, FIELD_NAME, FIELD_TAG, FIELD_DIGEST };

struct image_marker {
	char policy[LIMIT_TAG_POLICY_BYTES + 1];
	enum image_field field;
	uint32_t line;		/* from 1 */
	size_t at, len;		/* of the value, without its quotes */
	bool quoted;
	bool is_value;		/* YAML has a scalar of these bytes there */
};

struct image_markers {
	struct image_marker *v;	/* in the order of the text */
	size_t n;
};

#define IMAGE_MARKERS_INIT { 0 }

/* Cheap: false if there can be none. */
bool image_markers_maybe(const char *text, size_t len);
/*
 * Finds them. One whose value YAML does not see (in a block of text, behind a
 * list in braces) is there with is_value false. ERR_INVALID for a text that
 * is no YAML, or has too many.
 */
int image_markers_find(const char *text, size_t len,
		       struct image_markers *ret, struct err *err);
void image_markers_release(struct image_markers *m);

/*
 * The tag of the marked value, where it is an image or a tag: "1.2" of
 * "r.example.org:5000/shop/web:1.2@sha256:...". False where there is none.
 */
bool image_marker_tag(const char *text, const struct image_marker *m,
		      char ret[LIMIT_TAG_BYTES + 1]);

/*
 * Appends the text with values[i] in place of the value of marker i; NULL
 * leaves one as it is. A value that YAML would read as another thing than a
 * text (1.10) gets quotes, where the one before was a text. What comes out is
 * read once more, and is ERR_INTERNAL if anything but these values differs.
 */
int image_markers_set(const char *text, size_t len,
		      const struct image_markers *m,
		      const char *const *values, struct buf *out,
		      struct err *err);

#endif
