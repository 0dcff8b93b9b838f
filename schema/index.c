/*
 * The index of packs. See index.h. Its digest stands in a signed head, so
 * its bytes are the publisher's; it is still read strictly and bounded,
 * because the publisher's key may be stolen.
 */
#include "config.h"
#include "schema/index.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"

#define ID (GIT_HEX_SIZE - 1)

void pack_index_add(struct pack_index *ix, const struct index_entry *e)
{
	if (ix->n == ix->alloc) {
		ix->alloc = ix->alloc ? ix->alloc * 2 : 16;
		ix->v = xreallocarray(ix->v, ix->alloc, sizeof(*ix->v));
	}
	ix->v[ix->n++] = *e;
}

void pack_index_release(struct pack_index *ix)
{
	free(ix->v);
	*ix = (struct pack_index)PACK_INDEX_INIT;
}

void pack_index_write(const struct pack_index *ix, struct buf *out)
{
	char hex[SHA256_HEX_SIZE];

	for (size_t i = 0; i < ix->n; i++) {
		const struct index_entry *e = &ix->v[i];

		sha256_hex(&e->pack.digest, hex);
		if (e->from[0])
			buf_addf(out, "delta %s ", e->from);
		else
			buf_adds(out, "base ");
		buf_addf(out, "%s sha256:%s %llu\n", e->to, hex,
			 (unsigned long long)e->pack.bytes);
	}
}

/* Takes "<id> " from the value. */
static int take_id(const struct lines *l, const char **v, size_t *len,
		   char ret[GIT_HEX_SIZE], struct err *err)
{
	if (*len <= ID || !is_git_id(*v, ID) || (*v)[ID] != ' ')
		return lines_error(l, err, "does not name a bundle where it "
				   "should");
	memcpy(ret, *v, ID);
	ret[ID] = '\0';
	*v += ID + 1;
	*len -= ID + 1;
	return 0;
}

static int read_entry(struct lines *l, struct index_entry *e, struct err *err)
{
	bool delta = l->next < l->end && *l->next == 'd';
	const char *v;
	size_t len;

	*e = (struct index_entry){ 0 };
	if (lines_value(l, delta ? "delta " : "base ", &v, &len, err) < 0)
		return -1;
	if (delta && take_id(l, &v, &len, e->from, err) < 0)
		return -1;
	if (take_id(l, &v, &len, e->to, err) < 0)
		return -1;
	if (!strcmp(e->from, e->to))
		return lines_error(l, err, "is a delta from a bundle to "
				   "itself");
	return pack_ref_parse(l, v, len, LIMIT_PACK_BYTES, &e->pack, err);
}

/* Neither a path nor a pack stands twice. */
static int check_new(struct map *seen, const struct lines *l,
		     struct index_entry *e, struct err *err)
{
	char path[2 * GIT_HEX_SIZE];

	memcpy(path, e->from, GIT_HEX_SIZE);
	memcpy(path + GIT_HEX_SIZE, e->to, GIT_HEX_SIZE);
	if (map_putn(seen, path, sizeof(path), e))
		return lines_error(l, err, "stands there twice");
	if (map_putn(seen, (const char *)e->pack.digest.b, SHA256_SIZE, e))
		return lines_error(l, err, "names the pack of another line");
	return 0;
}

int pack_index_parse(const char *text, size_t len, struct pack_index *ret,
		     struct err *err)
{
	struct lines l = LINES_INIT(text, len, ERR_DENIED);
	struct pack_index ix = PACK_INDEX_INIT;
	struct map seen = MAP_INIT;
	struct index_entry e;
	int rc = -1;

	if (len > LIMIT_INDEX_BYTES) {
		err_set(err, ERR_DENIED, "is larger than %u bytes",
			LIMIT_INDEX_BYTES);
		goto out;
	}
	do {
		if (ix.n == LIMIT_INDEX_ENTRIES) {
			err_set(err, ERR_DENIED, "has more than %d lines",
				LIMIT_INDEX_ENTRIES);
			goto out;
		}
		if (read_entry(&l, &e, err) < 0 ||
		    check_new(&seen, &l, &e, err) < 0)
			goto out;
		pack_index_add(&ix, &e);
	} while (l.next < l.end);
	*ret = ix;
	rc = 0;
out:
	map_release(&seen, NULL);
	if (rc) {
		pack_index_release(&ix);
		err_wrap(err, "index of packs");
	}
	return rc;
}

/*
 * One place on the way: the edge that reaches its `to` at this cost.
 * Edges are few (LIMIT_INDEX_ENTRIES), so edges are searched, not sorted.
 */
struct step {
	uint64_t cost;		/* UINT64_MAX: not reached */
	size_t before;		/* the edge before it; SIZE_MAX: it starts */
	bool done;
};

/* The open edge of least cost, or SIZE_MAX. */
static size_t cheapest(const struct step *s, size_t n)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < n; i++)
		if (!s[i].done && s[i].cost != UINT64_MAX &&
		    (best == SIZE_MAX || s[i].cost < s[best].cost))
			best = i;
	return best;
}

/* Dijkstra over edges: the last edge of the cheapest way, or SIZE_MAX. */
static size_t search(const struct pack_index *ix, const char *have,
		     const char *want, struct step *s)
{
	size_t at;

	for (size_t i = 0; i < ix->n; i++) {
		const struct index_entry *e = &ix->v[i];
		bool starts = !e->from[0] || !strcmp(e->from, have);

		s[i].cost = starts ? e->pack.bytes : UINT64_MAX;
		s[i].before = SIZE_MAX;
	}
	while ((at = cheapest(s, ix->n)) != SIZE_MAX) {
		s[at].done = true;
		if (!strcmp(ix->v[at].to, want))
			return at;
		for (size_t i = 0; i < ix->n; i++) {
			uint64_t cost = s[at].cost + ix->v[i].pack.bytes;

			if (s[i].done || cost >= s[i].cost ||
			    strcmp(ix->v[i].from, ix->v[at].to))
				continue;
			s[i].cost = cost;
			s[i].before = at;
		}
	}
	return SIZE_MAX;
}

int pack_index_path(const struct pack_index *ix, const char *have,
		    const char *want, size_t **ret_path, size_t *ret_n,
		    struct err *err)
{
	struct step *s;
	size_t at, n = 0, *path;

	if (!strcmp(have, want)) {
		*ret_path = NULL;
		*ret_n = 0;
		return 0;
	}
	s = xcalloc(ix->n + 1, sizeof(*s));
	at = search(ix, have, want, s);
	if (at == SIZE_MAX) {
		free(s);
		return err_set(err, ERR_TRANSIENT, "no published pack leads "
			       "to bundle '%s'", want);
	}
	for (size_t i = at; i != SIZE_MAX; i = s[i].before)
		n++;
	path = xcalloc(n, sizeof(*path));
	*ret_n = n;
	for (size_t i = at; i != SIZE_MAX; i = s[i].before)
		path[--n] = i;
	*ret_path = path;
	free(s);
	return 0;
}
