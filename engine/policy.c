/*
 * A spec that allows less than what is live. New and changed objects are held
 * against the spec before their bundle is accepted (plan.c); this is for
 * those that were accepted when it allowed more. They stay in the cluster as
 * they are, neither repaired nor deleted, each with its reason in the status,
 * until the spec allows them again or a bundle changes or drops them.
 */
#include "config.h"
#include "engine/channel-private.h"

#include "engine/apply.h"

static void deny(struct channel *c, struct tracked *t, const struct err *why)
{
	await_drop(c, t);
	t->flags |= TRACKED_DENIED;
	t->state = TRACKED_FAILED;
	t->health = HEALTH_UNKNOWN;
	tracked_note(t, "PolicyViolation", "%s", why->msg);
	channel_object_changed(c, t);
}

static void permit(struct channel *c, struct tracked *t)
{
	t->flags &= (uint16_t)~TRACKED_DENIED;
	t->tries = 0;
	tracked_clear_note(t);
	/* a write of before may still run, or wait in the queue */
	if (t->busy) {
		t->state = TRACKED_APPLYING;
		t->flags |= TRACKED_AGAIN;
	} else if (t->queued) {
		t->state = TRACKED_QUEUED;
	} else {
		/* if it may not be written now it is compared later */
		t->state = TRACKED_UNSEEN;
		apply_object(c, t, APPLY_RETRY);
	}
	channel_object_changed(c, t);
}

void policy_check(struct channel *c)
{
	for (struct tracked *t = c->inventory.first; t; t = t->next) {
		struct object_id id = tracked_id(t);
		struct err err = ERR_INIT;
		bool allowed;

		if (t->state == TRACKED_DELETING)
			continue;
		allowed = channel_spec_allows(&c->spec, c->name, &id,
					      &err) == 0;
		if (!allowed && !tracked_is(t, TRACKED_DENIED))
			deny(c, t, &err);
		else if (allowed && tracked_is(t, TRACKED_DENIED))
			permit(c, t);
	}
}
