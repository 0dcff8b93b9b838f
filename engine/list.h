/*
 * A list of objects, in pages, decoded as it arrives: memory for one object
 * at a time, and never more than a piece of the answer in one turn.
 */
#ifndef ENGINE_LIST_H
#define ENGINE_LIST_H

#include <stdbool.h>

#include "engine/kube.h"

struct list;

struct list_options {
	struct kube_target target;	/* name NULL; copied */
	const char *label_selector;	/* NULL: all */
	const char *field_selector;
	bool metadata_only;
	bool from_cache;		/* resourceVersion=0: any state that
					   the server has at hand */
	int page;			/* objects a request; 0: 500; -1: all */
	struct kube_account *account;	/* held for as long as it takes */

	/* Each object, in a scratch arena: gone after the call. -1 ends the
	 * list with *err. The list may be freed in here. */
	int (*on_object)(void *arg, struct node *object, struct err *err);
	/*
	 * Once, unless freed before. err NULL: complete, and current at
	 * `version` (to watch from). If the server lost the version between
	 * two pages (410) the list goes on with what it offers instead and
	 * ends with `consistent` false, which is good enough to compare but
	 * not to find what is gone. The list is gone afterwards.
	 */
	void (*on_done)(void *arg, const char *version, bool consistent,
			const struct err *err,
			const struct kube_status *status);
	void *arg;
};

int list_start(struct kube *k, const struct list_options *o,
	       struct list **ret, struct err *err);
/* Ends it without a callback. NULL is fine. */
void list_free(struct list *l);

#endif
