/*
 * Who asks for a missing namespace, and when. See namespaces.h. There are at
 * most as many as the bundles of a channel name.
 */
#include "config.h"
#include "engine/namespaces.h"

#include <sodium.h>
#include <stdlib.h>

#include "schema/base/mem.h"

struct missing {
	int64_t ask_at;
	int64_t gap;			/* ms, until then */
};

int64_t namespaces_ask(struct namespaces *n, const char *name, int64_t now)
{
	struct missing *m = map_get(&n->missing, name);

	if (!m) {
		m = xcalloc(1, sizeof(*m));
		m->gap = NAMESPACE_ASK_MIN_MS;
		map_put(&n->missing, name, m);
	} else if (now < m->ask_at) {
		return m->ask_at;
	} else if (now - m->ask_at > NAMESPACE_ASK_MAX_MS) {
		/* nobody was waiting for it any more */
		m->gap = NAMESPACE_ASK_MIN_MS;
	} else {
		m->gap *= 2;
		if (m->gap > NAMESPACE_ASK_MAX_MS)
			m->gap = NAMESPACE_ASK_MAX_MS;
	}
	/* jitter, so that many channels do not come back together */
	m->ask_at = now + m->gap - m->gap / 4 +
		    (int64_t)randombytes_uniform((uint32_t)m->gap / 2 + 1);
	return 0;
}

bool namespaces_came(struct namespaces *n, const char *name)
{
	struct missing *m = map_del(&n->missing, name);

	free(m);
	return m != NULL;
}

void namespaces_ask_soon(struct namespaces *n)
{
	for (map_each(&n->missing, e)) {
		struct missing *m = e->value;

		m->ask_at = INT64_MIN / 2;	/* long ago */
	}
}

void namespaces_release(struct namespaces *n)
{
	map_release(&n->missing, free);
}
