/*
 * Trust files: what ssh-keygen's grammar allows and ours takes, and the many
 * things that ssh-keygen allows and ours does not.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/trust.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

#define NS "namespaces=\"git\""

/* Keys by seed as text, made once; K(1) is "ssh-ed25519 AAAA...". */
static char *key_text(uint8_t seed, const char *application)
{
	struct buf b = BUF_INIT(512);
	struct softkey k;

	softkey_make(&k, seed, application);
	sshkey_write_text(&k.key, &b);
	return buf_detach(&b, NULL);
}

static char *k1, *k2, *sk1, *sk3;
static struct err last;

/* A text in which $1, $2, $s and $t stand for keys. */
static char *expand(const char *text)
{
	struct buf b = BUF_INIT(2 * LIMIT_TRUST_BYTES);

	for (; *text; text++) {
		if (*text != '$') {
			buf_addc(&b, *text);
			continue;
		}
		text++;
		buf_adds(&b, *text == '1' ? k1 : *text == '2' ? k2 :
			 *text == 's' ? sk1 : sk3);
	}
	return buf_detach(&b, NULL);
}

static int parse(const char *text, const char *ns, struct trust *ret)
{
	char *full = expand(text);
	int rc;

	err_clear(&last);
	rc = trust_parse(full, strlen(full), ns, ret, &last);
	if (rc && last.class != ERR_INVALID)
		printf("# wrong class\n");
	free(full);
	return rc;
}

static void test_good(void)
{
	static const struct {
		const char *text;
		size_t n;
	} good[] = {
		{ "", 0 },
		{ "\n\n", 0 },
		{ "# nobody\n", 0 },
		{ "a " NS " $1\n", 1 },
		{ "a " NS " $1", 1 },
		{ "\t a \t " NS "\t  $1 \t\n \n", 1 },
		{ "a " NS " $1 some comment # J\xc3\xb6rg\n", 1 },
		{ "a " NS " $1\n\n# two\na " NS " $2\n", 2 },
		{ "a " NS " $1\nb " NS " $t\n", 2 },
		{ "A-9._@+x@example.com " NS " $s\n", 1 },
		{ "0 " NS ",valid-after=\"20260101Z\" $1", 1 },
		{ "a valid-before=\"20270101Z\",valid-after=\"20260101Z\","
		  NS " $1", 1 },
		{ "a valid-after=\"19700101000001Z\"," NS ","
		  "valid-before=\"99991231235959Z\" $1", 1 },
		{ "a.lockx " NS " $1\n", 1 },
		{ "a.b.c " NS " $1\n", 1 },
		{ "a123456789012345678901234567890123456789012345678901234567"
		  "890123 " NS " $1\n", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct trust t = TRUST_INIT;

		ok(!parse(good[i].text, TRUST_APPROVERS, &t) &&
		   t.n == good[i].n, "good %zu %s", i, last.msg);
		trust_release(&t);
	}
}

static const struct {
	const char *text, *error;
} bad[] = {
	{ "a $1\n", "line 1: 'ssh-ed25519' is not an option" },
	{ "a\n", "line 1: '' is not an option" },
	{ "a " NS "\n", "line 1: key type '' is not taken" },
	{ "a " NS " ssh-ed25519\n", "line 1: key is not in base64" },
	{ "$1\n", "line 1" },
	{ "a,b " NS " $1\n", "line 1: 'a,b' is not a principal" },
	{ "* " NS " $1\n", "line 1: '*'" },
	{ "a* " NS " $1\n", "line 1: 'a*'" },
	{ "a? " NS " $1\n", "line 1: 'a?'" },
	{ "!a " NS " $1\n", "line 1: '!a'" },
	{ "\"a\" " NS " $1\n", "line 1: '\"a\"'" },
	{ ".a " NS " $1\n", "line 1: '.a'" },
	{ "-a " NS " $1\n", "line 1: '-a'" },
	{ "@a " NS " $1\n", "line 1: '@a'" },
	{ "a. " NS " $1\n", "line 1: 'a.'" },
	{ "a..b " NS " $1\n", "line 1: 'a..b'" },
	{ "a.lock " NS " $1\n", "line 1: 'a.lock'" },
	{ "a/b " NS " $1\n", "line 1: 'a/b'" },
	{ "J\xc3\xb6rg " NS " $1\n", "line 1: 'J\xc3\xb6rg'" },
	/* LIMIT_PRINCIPAL_BYTES and one; the longest is among the good */
	{ "a1234567890123456789012345678901234567890123456789012345678901234 "
	  NS " $1\n", "line 1: 'a123" },
	{ "a cert-authority," NS " $1\n", "line 1: 'cert-authority" },
	{ "a " NS ",cert-authority $1\n", "line 1: 'cert-authority" },
	{ "a namespaces=git $1\n", "line 1: 'namespaces=git'" },
	{ "a NAMESPACES=\"git\" $1\n", "line 1: 'NAMESPACES" },
	{ "a namespaces=\"file\" $1\n", "line 1: namespaces=\"file\" must be" },
	{ "a namespaces=\"git,file\" $1\n", "line 1: namespaces" },
	{ "a namespaces=\"gi*\" $1\n", "line 1: namespaces" },
	{ "a namespaces=\"\" $1\n", "line 1: namespaces" },
	{ "a namespaces=\" git\" $1\n", "line 1: namespaces" },
	{ "a namespaces=\"git $1\n", "line 1: the option namespaces has no" },
	{ "a namespaces=\"git\\\"\" $1\n", "line 1: namespaces" },
	{ "a " NS "," NS " $1\n", "line 1: the option namespaces stands" },
	{ "a " NS ", $1\n", "line 1: '' is not an option" },
	{ "a ," NS " $1\n", "line 1: ',names" },
	{ "a " NS "x $1\n", "line 1: an option is followed by 'x'" },
	{ "a " NS " " NS " $1\n", "line 1: key type" },
	{ "a " NS ",verify-required $1\n", "line 1: 'verify-required'" },
	{ "a valid-after=\"20260101Z\" $1\n", "line 1: the option namespaces" },
	{ "a " NS ",valid-after=\"20260101\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"202601010000\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"20260101z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"20260101UTC\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"20260230Z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"2026010124Z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"202601012400Z\" $1\n",
	  "line 1: valid-after" },
	{ "a " NS ",valid-after=\"2026-01-01Z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"19691231Z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-after=\"19700101Z\" $1\n", "line 1: valid-after" },
	{ "a " NS ",valid-before=\"\" $1\n", "line 1: valid-before" },
	{ "a " NS ",valid-after=\"20260101Z\",valid-before=\"20260101Z\" $1\n",
	  "line 1: valid-before is not after" },
	{ "a " NS " ssh-rsa AAAA\n", "line 1: key type 'ssh-rsa'" },
	{ "a " NS " $1=\n", "line 1: key is not in base64" },
	{ "a " NS " $1\r\n", "line 1: ends in CR" },
	{ "a " NS " $1\nb " NS " $1\n", "line 2: the key of 'b' is" },
	{ "a " NS " $1\na " NS " $1 again\n", "line 2: the key of 'a' is" },
	{ "a " NS " $1\nb " NS " $s\n", "line 2: the key of 'b' is" },
	{ "a " NS " $1\n\n#\nb " NS " $2 x\001\n", "line 4: holds the" },
	{ "a " NS " $1\ngarbage\n", "line 2: '' is not an option" },
	{ "\xef\xbb\xbf" "a " NS " $1\n", "line 1:" },
};

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct trust t = TRUST_INIT;

		if (!ok(parse(bad[i].text, TRUST_APPROVERS, &t) == -1 &&
			!t.n && !strncmp(last.msg, bad[i].error,
					 strlen(bad[i].error)),
			"bad %zu: %s", i, last.msg))
			printf("# want %s\n", bad[i].error);
	}
}

static void test_roles(void)
{
	static const char *const roles[] = {
		TRUST_PUBLISHERS, TRUST_APPROVERS, TRUST_REPORTERS,
	};
	size_t wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		for (size_t j = 0; j < ARRAY_SIZE(roles); j++) {
			char *text = xasprintf("a namespaces=\"%s\" $1\n",
					       roles[i]);
			struct trust t = TRUST_INIT;

			wrong += parse(text, roles[j], &t) != (i == j ? 0 : -1);
			trust_release(&t);
			free(text);
		}
	is_int(wrong, 0, "a file is for one role");
}

static bool find(const struct trust *t, const struct sshkey *k, int64_t now,
		 const char *want)
{
	struct err err = ERR_INIT;
	const struct trust_key *e = trust_find(t, k, now, &err);

	if (e)
		return !strcmp(e->principal, want);
	if (err.class == ERR_DENIED && !strncmp(err.msg, want, strlen(want)))
		return true;
	printf("# %s\n", err.msg);
	return false;
}

static void test_find(void)
{
	struct trust t = TRUST_INIT;
	struct softkey a, b, s;
	int64_t from, to;

	if (clock_parse("2026-01-01T00:00:00Z", &from) ||
	    clock_parse("2026-12-31T12:30:15Z", &to))
		return;
	softkey_make(&a, 1, NULL);
	softkey_make(&b, 2, NULL);
	softkey_make(&s, 3, "ssh:");
	parse("ann " NS ",valid-after=\"20260101Z\","
	      "valid-before=\"20261231123015Z\" $1\n"
	      "bob " NS ",valid-before=\"202612311230Z\" $t\n",
	      TRUST_APPROVERS, &t);
	ok(find(&t, &a.key, from, "ann") && find(&t, &a.key, to, "ann"),
	   "valid from its first to its last second");
	ok(find(&t, &a.key, from - 1, "the key of 'ann' is not valid before "
		"2026-01-01T00:00:00Z"), "not before");
	ok(find(&t, &a.key, to + 1, "the key of 'ann' is not valid after "
		"2026-12-31T12:30:15Z"), "not after");
	ok(find(&t, &a.key, TRUST_ANY_TIME, "ann"), "or at any time");
	ok(find(&t, &s.key, to - 15, "bob") &&
	   find(&t, &s.key, to, "the key of 'bob'"), "an SK key");
	ok(find(&t, &b.key, from, "key SHA256:"), "an unknown key is named");
	s.key.type = SSHKEY_ED25519;
	s.key.application[0] = '\0';
	ok(find(&t, &s.key, from, "key SHA256:"), "the same 32 bytes as "
	   "another type are another key");
	trust_release(&t);
}

static void test_disjoint(void)
{
	struct trust a = TRUST_INIT, b = TRUST_INIT, c = TRUST_INIT;
	struct err err = ERR_INIT;

	parse("p namespaces=\"" TRUST_PUBLISHERS "\" $1\n", TRUST_PUBLISHERS,
	      &a);
	parse("x " NS " $2\ny " NS " $t\n", TRUST_APPROVERS, &b);
	parse("x " NS " $2\ny " NS " $s\n", TRUST_APPROVERS, &c);
	is_int(trust_disjoint(&a, &b, &err), 0, "two lists without a key of "
	       "both");
	ok(trust_disjoint(&a, &c, &err) && err.class == ERR_INVALID &&
	   trust_disjoint(&c, &a, &err), "and with one, as another type");
	is_str(err.msg, "the key of 'y' is also the key of 'p' in another "
	       "list: a key has one role", "both are named");
	trust_release(&a);
	trust_release(&b);
	trust_release(&c);
}

static char *many_keys(unsigned n)
{
	struct buf b = BUF_INIT(LIMIT_TRUST_BYTES);

	for (unsigned i = 0; i < n; i++) {
		struct softkey k;
		uint8_t seed[32] = { (uint8_t)i, (uint8_t)(i >> 8), 9 };

		softkey_make(&k, 0, NULL);
		crypto_sign_seed_keypair(k.key.pk, k.secret, seed);
		buf_addf(&b, "p%u " NS " ", i);
		sshkey_write_text(&k.key, &b);
		buf_addc(&b, '\n');
	}
	return buf_detach(&b, NULL);
}

static void test_limits(void)
{
	char *text = many_keys(LIMIT_TRUST_KEYS + 1), *big;
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;

	ok(trust_parse(text, strlen(text), TRUST_APPROVERS, &t, &err) &&
	   strstr(err.msg, "limit of 256 keys"), "one key too many");
	*strstr(text, "p256 ") = '\0';
	ok(!trust_parse(text, strlen(text), TRUST_APPROVERS, &t, &err) &&
	   t.n == LIMIT_TRUST_KEYS, "as many keys as are allowed");
	trust_release(&t);
	free(text);
	big = xmalloc(LIMIT_TRUST_BYTES + 1);
	memset(big, '\n', LIMIT_TRUST_BYTES + 1);
	ok(trust_parse(big, LIMIT_TRUST_BYTES + 1, TRUST_APPROVERS, &t,
		       &err) && strstr(err.msg, "larger than 65536"),
	   "one byte too many");
	is_int(trust_parse(big, LIMIT_TRUST_BYTES, TRUST_APPROVERS, &t, &err),
	       0, "a text at the limit");
	free(big);
}

/* What one line said, and what it says when it was changed. */
struct line {
	const char *text, *time, *key;	/* where it has its time and its key */
	struct trust_key was;
};

static bool in_time(const struct line *l, size_t i)
{
	size_t at = (size_t)(l->time - l->text);

	return i >= at && i < at + strlen("20270101");
}

/*
 * True if a line that is taken with byte i changed says what only that byte
 * can say: a name by a byte of the name, a time by a digit of the time, a
 * key by a character of that key, and nothing by any other. So no change
 * makes one field out of another, or takes the end of a key's time away.
 */
static bool local(const struct line *l, size_t i, const struct trust *t)
{
	const struct trust_key *k = &t->v[0];
	bool name, time, key;

	if (t->n == 0)		/* '#' made a comment of it */
		return i == 0;
	name = strcmp(k->principal, l->was.principal) != 0;
	time = k->valid_after != l->was.valid_after ||
	       k->valid_before != l->was.valid_before;
	key = !sshkey_equal(&k->key, &l->was.key);
	return t->n == 1 &&
	       (!name || i < strlen(l->was.principal)) &&
	       (!time || in_time(l, i)) &&
	       (!key || i >= (size_t)(l->key - l->text)) &&
	       (name || time || key || strchr(" \t\n", l->text[i]));
}

static void test_every_byte(void)
{
	char *text = expand("ann " NS ",valid-before=\"20270101Z\" $1\n");
	size_t len = strlen(text), strange = 0, accepted = 0;
	struct line l = { .text = text, .time = strstr(text, "2027"),
			  .key = strstr(text, k1) };
	struct trust t = TRUST_INIT;
	char *copy = xstrdup(text);

	if (trust_parse(text, len, TRUST_APPROVERS, &t, &last))
		printf("Bail out! %s\n", last.msg);
	l.was = t.v[0];
	trust_release(&t);
	for (size_t i = 0; i < len; i++) {
		for (int x = 1; x < 256; x++) {
			copy[i] = (char)(text[i] ^ x);
			if (trust_parse(copy, len, TRUST_APPROVERS, &t, &last))
				continue;
			accepted++;
			if (!local(&l, i, &t) && ++strange)
				printf("# byte %zu is now '%c'\n", i, copy[i]);
			trust_release(&t);
		}
		copy[i] = text[i];
	}
	ok(accepted && !strange, "attack-31 %zu changed lines are read, each "
	   "with the one field changed that the byte is of", accepted);
	free(copy);
	free(text);
}

/*
 * A file that was cut off trusts whom its whole lines say, and nobody by half
 * a line: but for the last LF, which may be missing.
 */
static void test_cut(void)
{
	char *text = expand("ann " NS ",valid-before=\"20270101Z\" $1\n"
			    "bob " NS " $t\n");
	size_t len = strlen(text), wrong = 0;
	size_t first = (size_t)(strchr(text, '\n') - text);

	for (size_t n = 0; n <= len; n++) {
		bool whole = !n || n == first || n == first + 1 ||
			     n == len - 1 || n == len;
		struct trust t = TRUST_INIT;
		int rc = trust_parse(text, n, TRUST_APPROVERS, &t, &last);

		wrong += whole != !rc || t.n != (rc || !n ? 0u :
						 n > first + 1 ? 2u : 1u);
		trust_release(&t);
	}
	is_int(wrong, 0, "attack-31 half a line trusts nobody");
	free(text);
}

int main(void)
{
	k1 = key_text(1, NULL);
	k2 = key_text(2, NULL);
	sk1 = key_text(1, "ssh:");
	sk3 = key_text(3, "ssh:");
	test_good();
	test_bad();
	test_roles();
	test_find();
	test_disjoint();
	test_limits();
	test_every_byte();
	test_cut();
	free(k1);
	free(k2);
	free(sk1);
	free(sk3);
	return tap_done();
}
