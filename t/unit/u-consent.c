/*
 * Consents that are kept beside an accepted bundle: whose count, who is
 * missed, and until when they would be enough.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "engine/consent.h"
#include "t/unit/tap.h"

static struct trust list;

static void set_key(struct sshkey *key, uint8_t fill)
{
	*key = (struct sshkey){ .type = SSHKEY_ED25519 };
	memset(key->pk, fill, sizeof(key->pk));
}

static void add(struct consents *cs, const char *name, uint8_t key,
		int64_t until)
{
	struct consent c = { .until = until };
	struct sshkey k;

	set_key(&k, key);
	consent_set_key(&c, &k);
	snprintf(c.principal, sizeof(c.principal), "%s", name);
	consents_add(cs, &c);
}

static void trust(size_t n, const char *name, uint8_t key)
{
	static struct trust_key keys[4];

	keys[n] = (struct trust_key){ .valid_before = 1 };
	snprintf(keys[n].principal, sizeof(keys[n].principal), "%s", name);
	set_key(&keys[n].key, key);
	list = (struct trust){ keys, n + 1 };
}

static bool good(const struct consents *cs, uint64_t required)
{
	struct err err = ERR_INIT;

	return consents_check(cs, &list, required, &err) == 0;
}

int main(void)
{
	struct consents cs = CONSENTS_INIT, back;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;

	trust(0, "alice", 1);
	trust(1, "bob", 2);
	ok(good(&cs, 1), "where nobody is known to have approved, all is well");
	add(&cs, "alice", 1, 100);
	add(&cs, "carol", 3, 200);
	ok(good(&cs, 1), "one too many was taken out");
	ok(!good(&cs, 2), "one of two was");
	ok(consents_check(&cs, &list, 2, &err) < 0 &&
	   strstr(err.msg, "'carol'"), "who is named");
	add(&cs, "bob", 2, 50);
	ok(good(&cs, 2), "another consented since");
	trust(0, "alice", 9);
	trust(1, "bob", 2);
	ok(!good(&cs, 2), "a name with another key is not who consented");
	ok(good(&cs, 0), "none asked for: one is enough");

	ok(consents_until(&cs, 1) == 200, "until the last one ends");
	ok(consents_until(&cs, 2) == 100, "or the one before it");
	ok(consents_until(&cs, 4) == 0, "there never were so many");
	ok(consents_until(&cs, 0) == 0, "none is no time");
	add(&cs, "carol", 4, 300);
	ok(consents_until(&cs, 2) == 100, "two keys of one are one person");
	add(&cs, "alice", 1, 250);
	ok(cs.n == 4 && consents_until(&cs, 2) == 250, "a later end counts");
	add(&cs, "alice", 1, 90);
	ok(consents_until(&cs, 2) == 250, "an earlier one does not");

	consents_read(consents_write(&cs, &a), &back);
	ok(back.n == cs.n && good(&back, 1) && !good(&back, 2) &&
	   consents_until(&back, 2) == 250 &&
	   consents_until(&back, 1) == 300, "read back as they were written");
	consents_release(&back);
	consents_read(NULL, &back);
	ok(back.n == 0, "no list");
	consents_release(&cs);
	arena_release(&a);
	return tap_done();
}
