/*
 * Keeping the index of packs. See shelf.h. Trusts what the published index
 * says of packs that are there, because their names are their digests; what
 * is damaged or missing is left out and made again.
 */
#include "config.h"
#include "hooks/shelf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/faults.h"
#include "hooks/pack.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

int shelf_read_index(const struct host_config *host,
		     const struct channel_config *ch,
		     const struct pack_ref *ref, struct pack_index *ret,
		     struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_INDEX_BYTES);
	struct sha256 got;
	int rc = -1;

	if (pack_path(host, ch, &ref->digest, &path, err) < 0 ||
	    fs_read(AT_FDCWD, path.data, &text, err) < 0)
		goto out;
	sha256_of(text.data, text.len, &got);
	if (!sha256_equal(&got, &ref->digest))
		err_set(err, ERR_DENIED, "'%s' is damaged", path.data);
	else
		rc = pack_index_parse(text.data, text.len, ret, err);
out:
	buf_release(&path);
	buf_release(&text);
	return rc;
}

static void remove_at(struct pack_index *ix, size_t at)
{
	memmove(ix->v + at, ix->v + at + 1,
		(ix->n - at - 1) * sizeof(*ix->v));
	ix->n--;
}

void shelf_open(const struct host_config *host,
		const struct channel_config *ch, const struct head *head,
		uint64_t epoch, struct shelf *ret)
{
	struct shelf s = { .host = host, .ch = ch };
	struct err damaged = ERR_INIT;

	if (head)
		s.file = head->index;
	if (head && head->epoch == epoch &&
	    shelf_read_index(host, ch, &head->index, &s.ix, &damaged) < 0)
		pack_index_release(&s.ix);
	for (size_t i = s.ix.n; i-- > 0; )
		if (!pack_there(host, ch, &s.ix.v[i].pack))
			remove_at(&s.ix, i);
	*ret = s;
}

void shelf_release(struct shelf *s)
{
	pack_index_release(&s->ix);
	pack_index_release(&s->dropped);
}

static bool is_base(const struct index_entry *e)
{
	return !*e->from;
}

static const struct index_entry *find(const struct shelf *s, const char *to,
				      bool base)
{
	/* the newest come last, and are asked for first */
	for (size_t i = s->ix.n; i-- > 0; )
		if (is_base(&s->ix.v[i]) == base && !strcmp(s->ix.v[i].to, to))
			return &s->ix.v[i];
	return NULL;
}

const struct index_entry *shelf_delta(const struct shelf *s, const char *to)
{
	return find(s, to, false);
}

int shelf_distance(const struct shelf *s, const char *bundle)
{
	int steps = 0;

	while (!find(s, bundle, true)) {
		const struct index_entry *delta = find(s, bundle, false);

		if (!delta || (size_t)++steps > s->ix.n)
			return -1;
		bundle = delta->from;
	}
	return steps;
}

static void drop(struct shelf *s, size_t at)
{
	pack_index_add(&s->dropped, &s->ix.v[at]);
	remove_at(&s->ix, at);
}

/* Keeps the deltas of the last bundles, and all that lead from a base. */
static void drop_old_deltas(struct shelf *s, const char *bundle)
{
	int from_base = shelf_distance(s, bundle);
	int keep = from_base > KEEP_DELTAS ? from_base : KEEP_DELTAS;
	bool *kept = xcalloc(s->ix.n + 1, sizeof(*kept));

	while (keep-- > 0) {
		const struct index_entry *e = find(s, bundle, false);

		if (!e)
			break;
		kept[e - s->ix.v] = true;
		bundle = e->from;
	}
	for (size_t i = s->ix.n; i-- > 0; )
		if (!is_base(&s->ix.v[i]) && !kept[i])
			drop(s, i);
	free(kept);
}

static int add_delta(struct shelf *s, const struct current *c,
		     const struct store *store, struct err *err)
{
	struct index_entry e = { .from = "" };

	memcpy(e.from, c->commit.parent, GIT_HEX_SIZE);
	memcpy(e.to, c->id, GIT_HEX_SIZE);
	if (pack_make_delta(s->host, s->ch, store, e.from, e.to, &e.pack,
			    err) < 0)
		return -1;
	pack_index_add(&s->ix, &e);
	fault_step(FAULT_delta_stored);
	return 0;
}

static int add_first_base(git_repository *repo, struct shelf *s,
			  const struct current *c, struct err *err)
{
	struct pack_ref pack;

	if (pack_make_base(repo, s->host, s->ch, c->id, &pack, err) < 0)
		return -1;
	fault_step(FAULT_base_stored);
	return shelf_add_base(repo, s, c, c->id, &pack, err);
}

int shelf_advance(git_repository *repo, struct shelf *s,
		  const struct current *c, const struct store *store,
		  struct err *err)
{
	int distance;

	if (*c->commit.parent && !shelf_delta(s, c->id) &&
	    add_delta(s, c, store, err) < 0)
		return -1;
	distance = shelf_distance(s, c->id);
	if ((distance < 0 || distance > SHELF_CHAIN_MAX) &&
	    add_first_base(repo, s, c, err) < 0)
		return -1;
	drop_old_deltas(s, c->id);
	return 0;
}

/* ---- bases ---- */

/* How far back a base is; -1 if it cannot be told. */
static int64_t age_of(git_repository *repo, const struct current *c,
		      const struct index_entry *e)
{
	struct err unread = ERR_INIT;
	struct bundle_commit b;

	if (repo_read_bundle(repo, e->to, &b, NULL, NULL, &unread) < 0 ||
	    b.bundle.sequence > c->commit.bundle.sequence)
		return -1;
	return (int64_t)(c->commit.bundle.sequence - b.bundle.sequence);
}

static int bucket_of(int64_t age)
{
	int bucket = 0;

	while (age >>= 1)
		bucket++;
	return bucket;
}

/* Of the bases of one power of two the oldest stays: it will be the one of
 * the next power when it gets there. */
static void thin_bases(git_repository *repo, struct shelf *s,
		       const struct current *c, const char *newest)
{
	int64_t oldest[64];

	for (size_t i = 0; i < ARRAY_SIZE(oldest); i++)
		oldest[i] = -1;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = s->ix.n; i-- > 0; ) {
			int64_t age;
			int b;

			if (!is_base(&s->ix.v[i]) ||
			    !strcmp(s->ix.v[i].to, newest))
				continue;
			age = age_of(repo, c, &s->ix.v[i]);
			b = age < 0 ? 0 : bucket_of(age);
			if (pass == 0 && age > oldest[b])
				oldest[b] = age;
			else if (pass == 1 && (age < 0 ||
				 (age > KEEP_DELTAS && age < oldest[b])))
				drop(s, i);
		}
	}
}

/* Where the next base goes: behind the others, before all deltas. */
static void insert_base(struct pack_index *ix, const struct index_entry *e)
{
	size_t at = 0;

	while (at < ix->n && is_base(&ix->v[at]))
		at++;
	pack_index_add(ix, e);
	memmove(ix->v + at + 1, ix->v + at,
		(ix->n - at - 1) * sizeof(*ix->v));
	ix->v[at] = *e;
}

int shelf_add_base(git_repository *repo, struct shelf *s,
		   const struct current *c, const char *bundle,
		   const struct pack_ref *pack, struct err *err)
{
	struct index_entry e = { .from = "", .pack = *pack };

	if (strlen(bundle) != GIT_HEX_SIZE - 1)
		return err_set(err, ERR_INTERNAL, "'%s' is no bundle", bundle);
	memcpy(e.to, bundle, GIT_HEX_SIZE);
	if (!find(s, bundle, true))
		insert_base(&s->ix, &e);
	thin_bases(repo, s, c, bundle);
	drop_old_deltas(s, c->id);
	return 0;
}

int shelf_write(struct shelf *s, struct pack_ref *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_INDEX_BYTES);
	struct pack_ref ref;
	int rc;

	pack_index_write(&s->ix, &text);
	rc = buf_check(&text, "the index of packs", err);
	if (!rc)
		rc = pack_keep_text(s->host, s->ch, text.data, text.len, &ref,
				    err);
	if (!rc)
		rc = pack_sync(s->host, s->ch, err);
	buf_release(&text);
	if (rc < 0)
		return -1;
	fault_step(FAULT_index_stored);
	for (size_t i = 0; i < s->dropped.n; i++)
		pack_let_go(s->host, s->ch, &s->dropped.v[i].pack);
	if (s->file.bytes && !sha256_equal(&s->file.digest, &ref.digest))
		pack_let_go(s->host, s->ch, &s->file);
	*ret = ref;
	return 0;
}
