/*
 * The inventory: found by identity, whatever was added and removed in
 * between; what somebody holds outlives it.
 */
#include "config.h"

#include "engine/inventory.h"
#include "schema/base/mem.h"
#include "schema/node.h"
#include "t/unit/tap.h"

static char apps[] = "apps", core[] = "", deployment_name[] = "Deployment",
	    namespace_name[] = "Namespace";
static struct kind deployment = { .group = apps, .name = deployment_name };
static struct kind namespace = { .group = core, .name = namespace_name };

static void test_find(void)
{
	struct inventory inv;
	struct tracked *a, *b;
	struct buf text = BUF_INIT(1000);

	inventory_init(&inv, NULL);
	ok(!inventory_find(&inv, &namespace, "", "demo"), "empty: not found");
	a = inventory_add(&inv, &namespace, "", "demo");
	b = inventory_add(&inv, &deployment, "demo", "web");
	ok(inventory_add(&inv, &deployment, "demo", "web") == b,
	   "added twice: the same");
	is_int(inv.count, 2, "two objects");
	is_int(deployment.objects, 1, "a kind counts its objects");
	ok(inventory_find(&inv, &deployment, "demo", "web") == b, "found");
	ok(!inventory_find(&inv, &deployment, "", "web"),
	   "another namespace is another object");
	ok(!inventory_find(&inv, &namespace, "demo", "web"),
	   "another kind is another object");
	/* "a" + "b/c" and "a/b" + "c" must differ, whatever the hash does */
	inventory_add(&inv, &deployment, "a", "b:c");
	ok(!inventory_find(&inv, &deployment, "a:b", "c"),
	   "namespace and name do not run together");
	tracked_describe(b, &text);
	is_str(text.data, "Deployment.apps demo/web", "described");
	inventory_remove(&inv, a);
	ok(!inventory_find(&inv, &namespace, "", "demo"), "removed");
	is_int(namespace.objects, 0, "and no longer counted");
	inventory_release(&inv);
	is_int(deployment.objects, 0, "released");
	buf_release(&text);
}

static void test_many(void)
{
	enum { N = 5000 };
	struct inventory inv;
	size_t found = 0, wrong = 0, listed = 0;

	inventory_init(&inv, NULL);
	for (int i = 0; i < N; i++) {
		char *name = xasprintf("o-%d", i);

		inventory_add(&inv, &deployment, i % 2 ? "x" : "y", name);
		free(name);
	}
	for (int i = 0; i < N; i += 3) {
		char *name = xasprintf("o-%d", i);

		inventory_remove(&inv, inventory_find(&inv, &deployment,
						      i % 2 ? "x" : "y",
						      name));
		free(name);
	}
	for (int i = 0; i < N; i++) {
		char *name = xasprintf("o-%d", i);
		struct tracked *t = inventory_find(&inv, &deployment,
						   i % 2 ? "x" : "y", name);

		if (!t == !!(i % 3))
			wrong++;
		found += t != NULL;
		free(name);
	}
	for (struct tracked *t = inv.first; t; t = t->next)
		listed++;
	is_int(wrong, 0, "exactly those that were removed are not found");
	is_int(found, inv.count, "the count is right");
	is_int(listed, inv.count, "the list has them all");
	inventory_release(&inv);
}

static void test_hold(void)
{
	struct inventory inv;
	struct tracked *t;

	inventory_init(&inv, NULL);
	t = tracked_hold(inventory_add(&inv, &deployment, "demo", "web"));
	inventory_remove(&inv, t);
	ok(tracked_is(t, TRACKED_DEAD), "removed while held: dead");
	is_str(t->name, "web", "but still there");
	tracked_put(t);
	t = tracked_hold(inventory_add(&inv, &deployment, "demo", "web"));
	inventory_release(&inv);
	ok(tracked_is(t, TRACKED_DEAD), "inventory gone: dead");
	is_str(t->namespace, "demo", "and still itself");
	tracked_put(t);
}

static void test_note(void)
{
	struct inventory inv;
	struct tracked *t;
	struct note *note;

	inventory_init(&inv, NULL);
	t = inventory_add(&inv, &deployment, "demo", "web");
	ok(!t->note, "nothing to say at first");
	tracked_note(t, "Denied", "no\n%s", "way");
	is_str(t->note->message, "no\\x0away", "control bytes are escaped");
	tracked_note(t, "Denied", "again: %s", t->note->message);
	is_str(t->note->message, "again: no\\x0away",
	       "a note may be made of the one before");
	note = t->note;
	tracked_note(t, "Denied", "%s", t->note->message);
	ok(t->note == note, "the same note again changes nothing");
	inventory_release(&inv);
}

static void test_clean_text(void)
{
	struct arena a = ARENA_INIT;

	is_str(node_str_clean(&a, "a\xc3\xa9z")->str, "a\xc3\xa9z",
	       "UTF-8 is kept");
	is_str(node_str_clean(&a, "cut\xc3")->str, "cut\xef\xbf\xbd",
	       "half a character becomes U+FFFD");
	is_str(node_str_clean(&a, "\xff\x80x")->str,
	       "\xef\xbf\xbd\xef\xbf\xbdx", "so does each stray byte");
	is_int(node_str_clean(&a, "")->n, 0, "empty stays empty");
	arena_release(&a);
}

int main(void)
{
	test_find();
	test_many();
	test_hold();
	test_note();
	test_clean_text();
	return tap_done();
}
