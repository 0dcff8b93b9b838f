/*
 * What a registry says of an image: its tags, and the digest of one of them,
 * by the OCI distribution API. Only reading.
 */
#ifndef HOOKS_REGISTRY_H
#define HOOKS_REGISTRY_H

#include <stdint.h>

#include "hooks/tag-policy.h"

#define IMAGE_DIGEST_SIZE 72	/* "sha256:", 64 hex and a NUL */
/* tags of one image; more are refused */
#define LIMIT_IMAGE_TAGS 100000

/*
 * What a round of questions found of the registries themselves, so that one
 * that is down is no more than half a minute of it, however many images it
 * has, and one that is slow ten.
 */
struct registry_host;

struct registries {
	struct registry_host *v;
	size_t n;
	/* lines for the administrator about answers that were taken in part;
	 * the caller says and empties them */
	struct strvec warnings;
};

#define REGISTRIES_INIT { 0 }

void registries_release(struct registries *rs);

/*
 * All tags of the policy's image that a tag can be, from the first of its
 * mirrors or its own registry that answers. ERR_TRANSIENT where another try
 * may help (it was tried some times, or was not for what is in `rs`);
 * ERR_DENIED where the registry wants other credentials; ERR_INVALID for what
 * there is not, and for an answer that is none. No message has a secret in it.
 */
int registry_tags(struct registries *rs, const struct tag_policy *p,
		  struct strvec *ret, struct err *err);
/* The digest of what the tag is now. */
int registry_digest(struct registries *rs, const struct tag_policy *p,
		    const char *tag, char ret[IMAGE_DIGEST_SIZE],
		    struct err *err);

#endif
