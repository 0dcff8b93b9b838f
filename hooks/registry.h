/*
 * What a registry says of an image: its tags, and the digest of one of them,
 * by the OCI distribution API. Only reading.
 */
#ifndef HOOKS_REGISTRY_H
#define HOOKS_REGISTRY_H

#include "hooks/tag-policy.h"

#define IMAGE_DIGEST_SIZE 72	/* "sha256:", 64 hex and a NUL */
/* tags of one image; more are refused */
#define LIMIT_IMAGE_TAGS 100000

/*
 * All tags of the policy's image that a tag can be, from the first of its
 * mirrors or its own registry that answers. ERR_TRANSIENT where another try
 * may help (it was tried some times); ERR_DENIED where the registry wants
 * other credentials; ERR_INVALID for what there is not, and for an answer
 * that is none. No message has a secret in it.
 */
int registry_tags(const struct tag_policy *p, struct strvec *ret,
		  struct err *err);
/* The digest of what the tag is now. */
int registry_digest(const struct tag_policy *p, const char *tag,
		    char ret[IMAGE_DIGEST_SIZE], struct err *err);

#endif
