/*
 * Who asks for a missing namespace: one of many, ever more seldom.
 */
#include "config.h"

#include "engine/namespaces.h"
#include "t/unit/tap.h"

/* How often one of many that wait for it asks in this time, from `now` on. */
static int asked(struct namespaces *n, const char *name, int64_t now,
		 int64_t ms, int64_t *ret_longest)
{
	int64_t end = now + ms, last = now;
	int times = 0;

	*ret_longest = 0;
	while (now < end) {
		int64_t at = namespaces_ask(n, name, now);

		if (at) {
			now = at;
			continue;
		}
		times++;
		if (now - last > *ret_longest)
			*ret_longest = now - last;
		last = now;
	}
	return times;
}

int main(void)
{
	struct namespaces n = NAMESPACES_INIT;
	int64_t now = 1000000, at, longest;
	int times;

	ok(!namespaces_came(&n, "a"), "none is missing");
	is_int(namespaces_ask(&n, "a", now), 0, "the first one asks");
	at = namespaces_ask(&n, "a", now);
	ok(at >= now + NAMESPACE_ASK_MIN_MS * 3 / 4 &&
	   at <= now + NAMESPACE_ASK_MIN_MS * 5 / 4, "another one waits");
	is_int(namespaces_ask(&n, "a", at - 1), at, "and as long as that");
	is_int(namespaces_ask(&n, "b", now), 0, "another one is missing");
	is_int(namespaces_ask(&n, "a", at), 0, "then somebody asks again");

	times = asked(&n, "a", at, 3600000, &longest);
	ok(times >= 50 && times <= 100, "%d times in an hour", times);
	ok(longest <= NAMESPACE_ASK_MAX_MS * 5 / 4, "at least each minute");
	now = at + 3600000;
	times = asked(&n, "a", now, 60000, &longest);
	ok(times <= 2, "and once a minute then");

	namespaces_ask_soon(&n);
	is_int(namespaces_ask(&n, "a", now), 0, "asked soon");
	at = namespaces_ask(&n, "a", now);
	ok(at > now && at <= now + NAMESPACE_ASK_MIN_MS * 5 / 4,
	   "with short pauses again");
	now += 10 * NAMESPACE_ASK_MAX_MS;
	is_int(namespaces_ask(&n, "a", now), 0, "nobody asked for long");
	ok(namespaces_ask(&n, "a", now) <=
	   now + NAMESPACE_ASK_MIN_MS * 5 / 4, "short pauses, too");

	ok(namespaces_came(&n, "a"), "it is there");
	ok(!namespaces_came(&n, "a"), "and is known no more");
	is_int(namespaces_ask(&n, "a", now), 0, "gone again: one asks");
	namespaces_release(&n);
	return tap_done();
}
