/*
 * Who consented to a bundle, by which key and until when: what is kept of
 * approvals beside an accepted bundle (status.accepted.approvals). They were
 * judged when it was accepted, and an end that comes later changes nothing;
 * but a person who is taken out of the list was not to be trusted.
 */
#ifndef ENGINE_CONSENT_H
#define ENGINE_CONSENT_H

#include "schema/base/arena.h"
#include "schema/limits.h"
#include "schema/node.h"
#include "schema/trust.h"

/* "SHA256:" and base64, as `ssh-keygen -l` prints it */
#define CONSENT_KEY_SIZE 52

struct consent {
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
	char key[CONSENT_KEY_SIZE];
	int64_t until;			/* seconds UTC, inclusive */
};

struct consents {
	struct consent *v;		/* malloced, at most LIMIT_APPROVALS */
	size_t n;
};

#define CONSENTS_INIT { 0 }

void consent_set_key(struct consent *c, const struct sshkey *key);
/*
 * Adds it. Of one person by one key the one that ends later is kept; one too
 * many is left out. True if anything became another.
 */
bool consents_add(struct consents *cs, const struct consent *c);
struct consents consents_copy(const struct consents *cs);
void consents_release(struct consents *cs);

/*
 * Are there enough people of the list among them? `required` is counted as
 * 1 if it is 0. 0; -1 with ERR_DENIED naming somebody who is in the list no
 * more. Fewer than required, but all of them listed, is 0: more were not
 * asked for then.
 */
int consents_check(const struct consents *cs, const struct trust *approvers,
		   uint64_t required, struct err *err);

/*
 * Until when `required` people (from 1) of those consented: then an engine
 * that knows nothing could not accept the bundle any more. 0 if there never
 * were so many.
 */
int64_t consents_until(const struct consents *cs, uint64_t required);

/* As in the status: a list, NODE_NULL for none; and back, where what is not
 * as it was written is left out. */
struct node *consents_write(const struct consents *cs, struct arena *a);
void consents_read(const struct node *list, struct consents *ret);

#endif
