/*
 * Which tag of an image is the one to run: a section of `git config` for each
 * policy, by the name that markers in manifests have (image-marker.h).
 *
 *   [windlass-image "flux-system:web"]
 *       image = registry.example.org/shop/web
 *       semver = 1.x            or: numeric = asc, alphabetical = asc
 *       filter, extract, pinDigest, suspend, mirror (repeatable),
 *       credentials, caFile
 */
#ifndef HOOKS_TAG_POLICY_H
#define HOOKS_TAG_POLICY_H

#include <git2.h>
#include <stdbool.h>

#include "hooks/image-version.h"
#include "schema/base/buf.h"
#include "schema/base/strvec.h"

#define IMAGE_SECTION "windlass-image"
/* of a tag, as the distribution specification has it */
#define LIMIT_TAG_BYTES 128
#define LIMIT_IMAGE_BYTES 255
/* of a policy's name: a namespace, a colon, a name */
#define LIMIT_TAG_POLICY_BYTES 317

enum image_order { ORDER_NONE, ORDER_SEMVER, ORDER_NUMERIC, ORDER_ALPHABET };

struct tag_policy {
	char *name;		/* "flux-system:web" */
	char *image;		/* as it is written to manifests: no tag */
	enum image_order order;
	bool descending;	/* the smallest is the newest */
	struct version_range *range;
	void *filter;		/* compiled, or NULL: all tags */
	char *extract;		/* "$ts": what is compared, or NULL */
	bool pin_digest;
	bool suspend;
	struct strvec mirrors;	/* asked before the image's own registry */
	char *credentials;	/* a file in the form of Docker's, or NULL */
	char *ca_file;		/* or NULL: the system's authorities */
};

struct tag_policies {
	struct tag_policy *v;
	size_t n;
};

#define TAG_POLICIES_INIT { 0 }

/* Reads all sections. ERR_INVALID names key and value. */
int tag_policies_read(git_repository *repo, struct tag_policies *ret,
			struct err *err);
const struct tag_policy *tag_policies_find(const struct tag_policies *p,
					       const char *name);
void tag_policies_release(struct tag_policies *p);

/* "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}": nothing that YAML could misread. */
bool is_image_tag(const char *s, size_t len);
/*
 * What of a tag is compared, in place of *ret. False where the policy says
 * nothing of it: the filter does not match, it is no version, no number.
 */
bool tag_policy_key(const struct tag_policy *p, const char *tag,
		      struct buf *ret);
/* >0 if the tag of key a is newer than that of b. */
int tag_policy_compare(const struct tag_policy *p, const char *a,
			 const char *b);
/* The newest of the tags that the policy allows, or NULL. */
const char *tag_policy_select(const struct tag_policy *p,
				const struct strvec *tags);
/*
 * >0 if `tag` is newer than `than` or says more (than has no place in the
 * policy's order), 0 if they are the same, <0 if it is older.
 */
int tag_policy_newer(const struct tag_policy *p, const char *tag,
		       const char *than);

#endif
