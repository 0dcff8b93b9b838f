/*
 * The objects of a channel whose apply failed: each says why, in its note, and
 * has a time when it is tried again.
 */
#ifndef ENGINE_APPLY_LATER_H
#define ENGINE_APPLY_LATER_H

#include "engine/apply-one.h"
#include "engine/channel.h"
#include "engine/loop.h"
#include "engine/namespaces.h"

struct later {
	struct channel *channel;
	void (*again)(void *arg, struct tracked *t);	/* it is time */
	void *arg;
	struct tracked **v;		/* WAITING and FAILED, held */
	size_t n, alloc;
	struct timer retry;
	struct namespaces namespaces;
	unsigned busy;			/* answers 5xx, one after the other */
	int64_t probe_at, probe_ms;	/* while all is tried one by one */
};

void later_init(struct later *l, struct channel *c,
		void (*again)(void *arg, struct tracked *t), void *arg);
void later_release(struct later *l);

/* A try failed: notes why, and when the next one is. */
void later_add(struct later *l, struct tracked *t, const struct outcome *o);
/* Is a failure worth a line in the log? Not one of very many that are alike. */
bool later_is_news(const struct later *l, const struct outcome *o);
/* A try went well: so may others. To be told before t forgets its tries. */
void later_went_well(struct later *l, const struct tracked *t);

/* What failed only for want of this namespace need not wait any longer. */
void later_namespace_came(struct later *l, const char *name);
/* What was refused in this namespace ("": anywhere) may be let in soon. */
void later_let_in(struct later *l, const char *namespace);
/* What is of a kind with news may be served now. */
void later_kinds_changed(struct later *l);
/* All of it, at once: the reason may be gone. */
void later_all(struct later *l);

#endif
