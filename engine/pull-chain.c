/*
 * Judging a new bundle. See pull.h and DESIGN.md 4.2.
 *
 * Down: from the head's bundle along its parents to the accepted one. Every
 * commit is verified by itself; only the newest needs a key that is valid
 * now. A parent that is not the accepted bundle where it should be means two
 * histories. From the accepted bundle on, down to the applied one, commits
 * were judged before and are bound by their ids; there only Changes are
 * added up.
 *
 * Up: from the nearest tree that is known, every tree that is at hand is
 * verified against the one before it, so a bundle whose Changes lie is found
 * even in the middle. One in the middle that has an object which no bundle
 * may have is not what will be applied: from there on the objects of the
 * newest are judged, against the last tree that was good.
 */
#include "config.h"
#include "engine/pull.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

enum stage { STAGE_TIP, STAGE_DOWN, STAGE_BUDGET, STAGE_CHOOSE, STAGE_UP,
	     STAGE_TREE };

struct chain {
	struct pull *pull;
	struct verify_rules rules;
	struct source_pin applied;
	struct head head;
	enum head_relation relation;
	enum stage stage;
	struct source_candidate found;
	struct pushers pushers;		/* of all that is newer */
	bool unnamed;			/* but for somebody */

	struct bundle_commit tip, at;	/* at: where we are */
	char at_id[GIT_HEX_SIZE];
	/* ids from the tip downwards, those that are newer than accepted */
	char (*ids)[GIT_HEX_SIZE];
	size_t n, alloc;
	size_t up;			/* the next to look at, from above */

	struct bundle_commit before;	/* the last tree that was verified */
	bool has_before;
	struct bundle_commit good;	/* the last one whose objects were, too */
	bool has_good;
	bool skipped;			/* they were not of one after that */
	bool again;			/* the tip's are, against it */
	struct verify_tree *tree;	/* of `at` */
};

struct chain *chain_new(struct pull *p, const struct verified_head *head)
{
	struct chain *ch = xcalloc(1, sizeof(*ch));

	ch->pull = p;
	pull_rules(p, &ch->rules);
	ch->applied = p->applied;
	ch->head = head->head;
	ch->relation = head->relation;
	return ch;
}

void chain_free(struct chain *ch)
{
	if (!ch)
		return;
	verify_tree_free(ch->tree);
	free(ch->ids);
	free(ch);
}

static void push_id(struct chain *ch, const char *id)
{
	if (ch->n == ch->alloc) {
		ch->alloc = ch->alloc ? ch->alloc * 2 : 16;
		ch->ids = xreallocarray(ch->ids, ch->alloc, GIT_HEX_SIZE);
	}
	memcpy(ch->ids[ch->n++], id, GIT_HEX_SIZE);
}

static void add_changes(struct chain *ch, const struct bundle *b)
{
	ch->found.created += b->created;
	ch->found.changed += b->changed;
	ch->found.deleted += b->deleted;
}

/* A bundle that changes nothing needs nobody who pushed it. */
static void add_pushers(struct chain *ch, const struct bundle *b)
{
	if (!b->created && !b->changed && !b->deleted)
		return;
	ch->unnamed |= !b->pushers.n;
	for (size_t i = 0; i < b->pushers.n; i++)
		ch->unnamed |= pushers_add(&ch->pushers,
					   b->pushers.v[i]) < 0;
}

/* ---- down ---- */

static int do_tip(struct chain *ch, struct verdict *v, struct err *err)
{
	struct source_candidate *f = &ch->found;
	const struct bundle *b = &ch->tip.bundle;

	if (verify_commit(&ch->pull->cache, ch->head.bundle, &ch->rules,
			  ch->rules.now, &ch->tip, f->publisher, v, err) < 0 ||
	    verify_is_of_head(&ch->tip, &ch->head, v, err) < 0)
		return -1;
	f->pin = (struct source_pin){
		.epoch = b->epoch, .sequence = b->sequence,
		.content = b->content, .head_issued = ch->head.issued,
	};
	memcpy(f->pin.bundle, ch->head.bundle, GIT_HEX_SIZE);
	memcpy(f->source_commit, b->source_commit, GIT_HEX_SIZE);
	memcpy(f->source_ref, b->source_ref, sizeof(f->source_ref));
	memcpy(f->renderer, b->renderer, sizeof(f->renderer));
	f->issued = b->issued;
	f->head_expires = ch->head.expires;
	f->objects = b->objects;
	f->epoch_crossed = ch->relation == HEAD_CROSSES;
	add_changes(ch, b);
	add_pushers(ch, b);
	push_id(ch, ch->head.bundle);
	ch->at = ch->tip;
	memcpy(ch->at_id, ch->head.bundle, GIT_HEX_SIZE);
	ch->stage = ch->relation == HEAD_NEWER ? STAGE_DOWN : STAGE_CHOOSE;
	return 0;
}

static int fork_err(struct chain *ch, struct verdict *v, struct err *err)
{
	const struct source_pin *a = &ch->rules.accepted;

	*v = (struct verdict){ SOURCE_FORKED, SOURCE_NOT_DESCENDING };
	return err_set(err, ERR_DENIED, "bundle %" PRIu64 ".%" PRIu64
		       " descends from %.12s as %" PRIu64 ".%" PRIu64
		       ", and %.12s was accepted as that", ch->head.epoch,
		       ch->head.sequence, ch->at.parent, a->epoch, a->sequence,
		       a->bundle);
}

/*
 * The oldest that is new counts from the accepted one, as any other from its
 * parent. That one was judged before: it is what was pinned, or not at hand.
 */
static int end_down(struct chain *ch, struct verdict *v, struct err *err)
{
	const struct source_pin *a = &ch->rules.accepted;
	struct bundle_commit accepted;

	if (strcmp(ch->at.parent, a->bundle))
		return fork_err(ch, v, err);
	if (verify_pinned(&ch->pull->cache, &ch->rules, a, &accepted, v,
			  err) < 0 ||
	    verify_link(&ch->at, &accepted, v, err) < 0)
		return -1;
	ch->found.commits = ch->n;
	memcpy(ch->at_id, a->bundle, GIT_HEX_SIZE);
	ch->stage = STAGE_BUDGET;
	return 0;
}

/* One commit further down, until the parent is the accepted bundle. */
static int do_down(struct chain *ch, struct verdict *v, struct err *err)
{
	const struct source_pin *a = &ch->rules.accepted;
	struct bundle_commit parent;
	char id[GIT_HEX_SIZE];

	if (ch->at.bundle.sequence == a->sequence + 1)
		return end_down(ch, v, err);
	memcpy(id, ch->at.parent, GIT_HEX_SIZE);
	if (verify_commit(&ch->pull->cache, id, &ch->rules, TRUST_ANY_TIME,
			  &parent, NULL, v, err) < 0 ||
	    verify_link(&ch->at, &parent, v, err) < 0)
		return -1;
	add_changes(ch, &parent.bundle);
	add_pushers(ch, &parent.bundle);
	push_id(ch, id);
	ch->at = parent;
	memcpy(ch->at_id, id, GIT_HEX_SIZE);
	return 0;
}

/*
 * At the accepted bundle or below it: what is between it and the applied one
 * counts into the budget too. History that is not at hand is no fault, there
 * is only no budget then.
 */
static void do_budget(struct chain *ch)
{
	const struct source_pin *applied = &ch->applied;
	struct bundle_commit c;
	struct verdict v;
	struct err err = ERR_INIT;

	ch->stage = STAGE_CHOOSE;
	if (!applied->bundle[0] || applied->epoch != ch->head.epoch)
		return;
	if (!strcmp(ch->at_id, applied->bundle)) {
		memcpy(ch->found.since, applied->bundle, GIT_HEX_SIZE);
		return;
	}
	if (verify_ancestor(&ch->pull->cache, ch->at_id, &ch->rules, &c, &v,
			    &err) < 0 ||
	    c.bundle.sequence <= applied->sequence)
		return;
	add_changes(ch, &c.bundle);
	memcpy(ch->at_id, c.parent, GIT_HEX_SIZE);
	ch->stage = STAGE_BUDGET;
}

/* ---- up ---- */

static void take_before(struct chain *ch, const struct known *k)
{
	ch->before = ch->good = k->commit;
	ch->has_before = ch->has_good = true;
}

/*
 * The known tree that is nearest to the tip, and so the fewest files to
 * read. Any known tree will do: its files are verified, whatever its place
 * in history.
 */
static void choose_before(struct chain *ch)
{
	const struct pull *p = ch->pull;
	const struct known *k;

	for (ch->up = 0; ch->up < ch->n; ch->up++) {
		k = pull_known(p, ch->ids[ch->up]);
		if (k) {
			take_before(ch, k);
			return;
		}
	}
	k = pull_known(p, p->accepted.bundle);
	if (!k)
		k = pull_known(p, p->applied.bundle);
	if (k)
		take_before(ch, k);
}

static bool tree_at_hand(const struct chain *ch)
{
	git_oid id;

	return git_oid_fromstr(&id, ch->at.tree) == 0 &&
	       git_odb_exists(ch->pull->cache.odb, &id) == 1;
}

/* trusted: the objects are not looked into. */
static void begin_tree(struct chain *ch, const struct bundle_commit *before,
		       bool trusted)
{
	verify_tree_free(ch->tree);
	ch->tree = verify_tree_new(&ch->pull->cache, ch->rules.channel,
				   &ch->at, before, trusted);
}

/* Goes to the next tree that is there; the tip's has to be. */
static int do_up(struct chain *ch, struct verdict *v, struct err *err)
{
	const char *id;

	if (ch->up == 0)
		return 0;
	id = ch->ids[--ch->up];
	if (verify_ancestor(&ch->pull->cache, id, &ch->rules, &ch->at, v,
			    err) < 0)
		return -1;
	if (ch->up == 0 || tree_at_hand(ch)) {
		begin_tree(ch, ch->has_before ? &ch->before : NULL,
			   ch->skipped);
		ch->stage = STAGE_TREE;
	}
	return 1;
}

static int do_tree(struct chain *ch, int64_t deadline, struct verdict *v,
		   struct err *err)
{
	int rc = verify_tree_step(ch->tree, deadline, v, err);

	if (rc < 0 && ch->up && !ch->skipped && err->class == ERR_DENIED) {
		/* a lie about the tree is found once more */
		err_clear(err);
		ch->skipped = true;
		begin_tree(ch, ch->has_before ? &ch->before : NULL, true);
		return 1;
	}
	if (rc)
		return rc;
	if (ch->skipped && !ch->up && !ch->again) {
		ch->again = true;
		begin_tree(ch, ch->has_good ? &ch->good : NULL, false);
		return 1;
	}
	verify_tree_free(ch->tree);
	ch->tree = NULL;
	ch->before = ch->at;
	ch->has_before = true;
	if (!ch->skipped) {
		ch->good = ch->at;
		ch->has_good = true;
	}
	ch->stage = STAGE_UP;
	return 1;
}

static void finish(struct chain *ch, struct source_candidate *ret)
{
	struct pull *p = ch->pull;

	/* Changes are a budget only if they go back to what was applied */
	if (!ch->found.since[0])
		ch->found.created = ch->found.changed = ch->found.deleted = 0;
	ch->found.since_at_hand = pull_known(p, ch->found.since) != NULL;
	pull_add_known(p, ch->head.bundle, &ch->tip);
	p->pushers = ch->pushers;
	p->pushers_known = !ch->unnamed;
	*ret = ch->found;
}

int chain_step(struct chain *ch, int64_t deadline,
	       struct source_candidate *ret, struct verdict *ret_verdict,
	       struct err *err)
{
	int rc = 1;

	while (rc == 1 && clock_mono_ms() < deadline) {
		switch (ch->stage) {
		case STAGE_TIP:
			rc = do_tip(ch, ret_verdict, err) < 0 ? -1 : 1;
			break;
		case STAGE_DOWN:
			rc = do_down(ch, ret_verdict, err) < 0 ? -1 : 1;
			break;
		case STAGE_BUDGET:
			do_budget(ch);
			break;
		case STAGE_CHOOSE:
			choose_before(ch);
			ch->stage = STAGE_UP;
			break;
		case STAGE_UP:
			rc = do_up(ch, ret_verdict, err);
			break;
		case STAGE_TREE:
			rc = do_tree(ch, deadline, ret_verdict, err);
			break;
		}
	}
	if (rc == 0)
		finish(ch, ret);
	return rc;
}
