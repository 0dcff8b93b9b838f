/*
 * In which order objects may go, and what holds them: groups by kind, wave
 * numbers, definitions, depends-on; and what a newer bundle finds when it
 * begins anew.
 */
#include "config.h"

#include "engine/channel-private.h"
#include "engine/rollout.h"
#include "engine/wave.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/idle-engine.h"
#include "t/unit/tap.h"

static struct channel channel;
static struct channel_private private;
static struct rollout r;
static struct buf names = BUF_INIT(10000);

static struct kind *kind(const char *group, const char *name)
{
	struct kind *k = kinds_get(&idle.kinds, group, name);

	/* as discovery would say */
	if (!k->resolved && !k->custom) {
		k->version = xstrdup("v1");
		k->plural = xstrdup(name);
		k->resolved = true;
	}
	return k;
}

static struct tracked *add(const char *group, const char *kind_name,
			   const char *name, int wave)
{
	struct kind *k = kind(group, kind_name);
	struct tracked *t = inventory_add(&channel.inventory, k, "ns", name);

	t->order = wave_order(wave, wave_stage(group, kind_name));
	t->state = TRACKED_QUEUED;
	t->flags |= TRACKED_CHANGED;
	return t;
}

static struct tracked *config(const char *name, int wave)
{
	return add("", "ConfigMap", name, wave);
}

/* Begins to write it, as engine/apply.c does. */
static void begin_write(struct tracked *t)
{
	t->state = TRACKED_APPLYING;
	t->busy = true;
}

static void end_write(struct tracked *t, enum tracked_state state,
		      enum health health)
{
	t->busy = false;
	t->state = (uint8_t)state;
	t->health = (uint8_t)health;
	if (state == TRACKED_APPLIED)
		t->flags &= (uint16_t)~TRACKED_CHANGED;
	rollout_tried(&r);
	rollout_moved(&r, t);
}

/* Writes all that may go now, and what may go then; their names in order. */
static const char *run(enum health health)
{
	struct tracked *t;

	buf_reset(&names);
	while ((t = rollout_next(&r))) {
		buf_addf(&names, "%s%s", names.len ? " " : "", t->name);
		begin_write(t);
		end_write(t, TRACKED_APPLIED, health);
	}
	return names.len ? names.data : "";
}

static void healthy(struct tracked *t)
{
	t->health = HEALTH_HEALTHY;
	rollout_moved(&r, t);
}

static void clear(void)
{
	rollout_release(&r);
	inventory_release(&channel.inventory);
	inventory_init(&channel.inventory, &channel);
	rollout_init(&r, &channel);
}

static const char *waits(void)
{
	/* as the status has it: behind other text */
	buf_reset(&names);
	buf_adds(&names, "text; ");
	return rollout_waits_for(&r, &names) ? names.data : "nothing";
}

static void test_groups(void)
{
	struct tracked *a, *b;

	rollout_begin(&r);
	ok(rollout_done(&r) && !rollout_next(&r), "nothing to do");
	is_str(waits(), "nothing", "and nothing waits");
	add("apps", "Deployment", "web", 0);
	add("admissionregistration.k8s.io", "ValidatingWebhookConfiguration",
	    "hook", 0);
	config("z", 0);
	config("b", 0);
	add("", "Namespace", "ns", 0);
	rollout_begin(&r);
	ok(!rollout_done(&r), "something to do");
	is_str(run(HEALTH_HEALTHY), "ns b z web hook", "by kind, then by name");
	ok(rollout_done(&r), "all of it is done");
	clear();

	a = config("a", 0);
	add("apps", "Deployment", "web", 0);
	rollout_begin(&r);
	ok(rollout_next(&r) == a, "the first group");
	begin_write(a);
	ok(!rollout_next(&r), "the next waits until it was tried");
	end_write(a, TRACKED_FAILED, HEALTH_UNKNOWN);
	b = rollout_next(&r);
	ok(b && !strcmp(b->name, "web"), "whatever came of it");
	begin_write(b);
	ok(!rollout_done(&r), "one still runs");
	end_write(b, TRACKED_APPLIED, HEALTH_PROGRESSING);
	ok(!rollout_next(&r) && rollout_done(&r), "all were tried");
	clear();
}

static void test_numbers(void)
{
	struct tracked *low = config("low", -3), *web;

	web = add("apps", "Deployment", "web", 0);
	config("a-high", 4);
	rollout_begin(&r);
	is_str(run(HEALTH_PROGRESSING), "low", "the lowest number first");
	is_str(waits(), "text; wave 0 waits for ConfigMap ns/low",
	       "the next waits until it is healthy, and says so");
	ok(!rollout_done(&r), "it is not done");
	healthy(low);
	is_str(run(HEALTH_PROGRESSING), "web", "then the next");
	healthy(low);
	is_str(run(HEALTH_PROGRESSING), "", "and no further");
	web->state = TRACKED_FAILED;
	web->health = HEALTH_FAILED;
	rollout_moved(&r, web);
	is_str(run(HEALTH_PROGRESSING), "", "one that failed holds it too");
	is_str(waits(), "text; wave 4 waits for Deployment.apps ns/web",
	       "and is named");
	web->state = TRACKED_DELETING;
	rollout_moved(&r, web);
	is_str(run(HEALTH_HEALTHY), "a-high", "one that goes does not");
	ok(rollout_done(&r), "done");
	is_str(waits(), "nothing", "nothing waits any more");
	clear();
}

static void test_depends(void)
{
	struct tracked *a = config("a", 0), *b = config("b", 0);
	struct tracked *web = add("apps", "Deployment", "web", 0);

	a->depends = xstrdup("apps/namespaces/ns/Deployment/web , "
			     "/namespaces/ns/ConfigMap/b");
	rollout_begin(&r);
	is_str(run(HEALTH_PROGRESSING), "b web",
	       "one that depends on others waits, they do not");
	is_str(waits(), "text; ConfigMap ns/a waits for "
	       "apps/namespaces/ns/Deployment/web", "it says for which");
	healthy(web);
	is_str(run(HEALTH_PROGRESSING), "", "for all of them");
	healthy(b);
	is_str(run(HEALTH_HEALTHY), "a", "then it goes");
	ok(rollout_done(&r), "done");
	clear();

	a = config("a", 0);
	a->depends = xstrdup("nonsense");
	b = config("b", 0);
	b->depends = xstrdup("/namespaces/ns/ConfigMap/a");
	config("c", 0)->depends = xstrdup(" ,, ");
	rollout_begin(&r);
	is_str(run(HEALTH_HEALTHY), "c", "only nothing is no dependency");
	is_str(a->note->message, "it depends on nonsense, which this channel "
	       "has not", "what is not there is said");
	is_str(b->note->reason, "DependencyFailed", "and what stands on it");
	ok(rollout_done(&r), "they hold up nothing");
	free(a->depends);
	a->depends = xstrdup("/namespaces/ns/ConfigMap/b");
	rollout_begin(&r);
	is_str(run(HEALTH_HEALTHY), "", "two that wait for each other");
	is_str(a->note->message, "by depends-on it waits for itself: ConfigMap "
	       "ns/a > ConfigMap ns/b > ConfigMap ns/a", "are named");
	is_str(b->note->reason, "DependencyCycle", "each of them");
	free(a->depends);
	a->depends = NULL;
	rollout_begin(&r);
	is_str(run(HEALTH_HEALTHY), "a b", "without the circle both go");
	ok(rollout_done(&r), "and it is done");
	clear();
}

#define CRD \
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\"," \
	"\"kind\":\"CustomResourceDefinition\",\"metadata\":{" \
	"\"name\":\"widgets.example.org\"}," \
	"\"spec\":{\"group\":\"example.org\",\"scope\":\"Namespaced\"," \
	"\"names\":{\"kind\":\"Widget\",\"plural\":\"widgets\"}," \
	"\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true}]}}"

static void test_definitions(void)
{
	struct kind *crds = kind("apiextensions.k8s.io",
				 "CustomResourceDefinition");
	struct tracked *crd = inventory_add(&channel.inventory, crds, "",
					    "widgets.example.org");
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n;

	crd->order = wave_order(0, STAGE_CRDS);
	crd->state = TRACKED_QUEUED;
	add("example.org", "Widget", "w", 0);
	add("admissionregistration.k8s.io", "ValidatingWebhookConfiguration",
	    "hook", 0);
	config("c", 0);
	if (json_read(CRD, strlen(CRD), &arena, &n, &err) == 0)
		kinds_learn_crd(&idle.kinds, n, true);
	rollout_begin(&r);
	is_str(run(HEALTH_PROGRESSING), "widgets.example.org c",
	       "a custom resource waits for its definition, webhooks for it");
	is_str(waits(), "text; Widget.example.org ns/w waits for "
	       "CustomResourceDefinition.apiextensions.k8s.io "
	       "widgets.example.org", "it says so");
	healthy(crd);
	is_str(run(HEALTH_HEALTHY), "w hook", "when it is served they go");
	ok(rollout_done(&r), "done");
	clear();
	arena_release(&arena);
}

/* A newer bundle comes while a write of the older one runs. */
static void test_anew(void)
{
	struct tracked *a = config("a", 0), *b;

	rollout_begin(&r);
	ok(rollout_next(&r) == a, "one is written");
	begin_write(a);
	b = config("b", 0);
	rollout_begin(&r);
	ok(!rollout_next(&r), "a newer bundle waits until it was tried");
	end_write(a, TRACKED_APPLIED, HEALTH_PROGRESSING);
	ok(rollout_next(&r) == b, "no longer");
	begin_write(b);
	end_write(b, TRACKED_APPLIED, HEALTH_PROGRESSING);
	ok(!rollout_next(&r) && rollout_done(&r), "nothing is written twice");
	clear();

	a = config("a", 0);
	rollout_begin(&r);
	rollout_next(&r);
	begin_write(a);
	rollout_begin(&r);
	end_write(a, TRACKED_QUEUED, HEALTH_UNKNOWN);
	ok(rollout_next(&r) == a, "changed while it was written: once more");
	begin_write(a);
	end_write(a, TRACKED_WAITING, HEALTH_UNKNOWN);
	ok(!rollout_next(&r) && rollout_done(&r), "what fails is done, too");
	clear();

	/* one that is tried again, or repaired, is no try of the rollout */
	a = config("a", 0);
	begin_write(a);
	b = config("b", 0);
	rollout_begin(&r);
	ok(rollout_next(&r) == b, "a repair that runs holds up nothing else");
	begin_write(b);
	end_write(b, TRACKED_APPLIED, HEALTH_HEALTHY);
	ok(!rollout_next(&r) && !rollout_done(&r), "but its own object");
	is_str(waits(), "text; ConfigMap ns/a waits for an earlier write of it",
	       "as the status says");
	a->busy = false;
	a->state = TRACKED_APPLIED;
	rollout_moved(&r, a);
	ok(!rollout_next(&r) && rollout_done(&r), "when it ends all is done");
	clear();

	config("a", 1);
	b = config("b", 0);
	b->state = TRACKED_APPLIED;
	b->health = HEALTH_PROGRESSING;
	rollout_begin(&r);
	ok(!rollout_next(&r), "what an older bundle brought holds a wave");
	healthy(b);
	is_str(run(HEALTH_HEALTHY), "a", "until it is healthy");
	clear();
}

/* The status is to be told: nobody reads it here. */
static void on_look(void *arg)
{
}

int main(void)
{
	idle_engine_begin();
	channel.engine = &idle;
	channel.private = &private;
	work_init(&private.look, on_look, NULL);
	inventory_init(&channel.inventory, &channel);
	rollout_init(&r, &channel);
	test_groups();
	test_numbers();
	test_depends();
	test_definitions();
	test_anew();
	rollout_release(&r);
	inventory_release(&channel.inventory);
	loop_undefer(idle.loop, &private.look);
	idle_engine_end();
	buf_release(&names);
	return tap_done();
}
