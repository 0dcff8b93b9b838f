/*
 * Consents to an accepted bundle. See consent.h. In the status anybody with
 * the right to write it may have written them: what they can do there is to
 * stop the engine from pruning, never to have anything accepted.
 */
#include "config.h"
#include "engine/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

static void key_text(const struct sshkey *key, char ret[CONSENT_KEY_SIZE])
{
	struct buf text = BUF_INIT(CONSENT_KEY_SIZE);

	sshkey_fingerprint(key, &text);
	snprintf(ret, CONSENT_KEY_SIZE, "%s", text.data);
	buf_release(&text);
}

void consent_set_key(struct consent *c, const struct sshkey *key)
{
	key_text(key, c->key);
}

bool consents_add(struct consents *cs, const struct consent *c)
{
	for (size_t i = 0; i < cs->n; i++) {
		struct consent *had = &cs->v[i];

		if (strcmp(had->principal, c->principal) ||
		    strcmp(had->key, c->key))
			continue;
		if (had->until >= c->until)
			return false;
		had->until = c->until;
		return true;
	}
	if (cs->n == LIMIT_APPROVALS)
		return false;
	cs->v = xreallocarray(cs->v, cs->n + 1, sizeof(*cs->v));
	cs->v[cs->n++] = *c;
	return true;
}

struct consents consents_copy(const struct consents *cs)
{
	struct consents copy = { .n = cs->n };

	if (cs->n)
		copy.v = xmemdup(cs->v, cs->n * sizeof(*cs->v));
	return copy;
}

void consents_release(struct consents *cs)
{
	free(cs->v);
	*cs = (struct consents)CONSENTS_INIT;
}

/* Valid or not by now: an end is no distrust. */
static bool is_listed(const struct consent *c, const struct trust *t)
{
	char key[CONSENT_KEY_SIZE];

	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->v[i].principal, c->principal))
			continue;
		key_text(&t->v[i].key, key);
		if (!strcmp(key, c->key))
			return true;
	}
	return false;
}

/* the same person by another key, before this one? */
static bool is_counted(const struct consents *cs, size_t i,
		       const struct trust *t)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(cs->v[k].principal, cs->v[i].principal) &&
		    is_listed(&cs->v[k], t))
			return true;
	return false;
}

int consents_check(const struct consents *cs, const struct trust *approvers,
		   uint64_t required, struct err *err)
{
	const struct consent *gone = NULL;
	uint64_t people = 0;

	for (size_t i = 0; i < cs->n; i++) {
		if (!is_listed(&cs->v[i], approvers))
			gone = &cs->v[i];
		else if (!is_counted(cs, i, approvers))
			people++;
	}
	if (!gone || people >= (required ? required : 1))
		return 0;
	return err_set(err, ERR_DENIED, "'%s', who approved the accepted "
		       "bundle by the key %s, is not in "
		       "spec.approvals.approvers any more", gone->principal,
		       gone->key);
}

/* The end of the last consent of this person, who is named first here. */
static int64_t end_of_person(const struct consents *cs, size_t first)
{
	int64_t end = cs->v[first].until;

	for (size_t i = 0; i < cs->n; i++) {
		if (strcmp(cs->v[i].principal, cs->v[first].principal))
			continue;
		if (i < first)
			return 0;
		if (cs->v[i].until > end)
			end = cs->v[i].until;
	}
	return end;
}

static int latest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x < y) - (x > y);
}

int64_t consents_until(const struct consents *cs, uint64_t required)
{
	int64_t ends[LIMIT_APPROVALS] = { 0 };

	if (!required || required > cs->n)
		return 0;
	for (size_t i = 0; i < cs->n; i++)
		ends[i] = end_of_person(cs, i);
	qsort(ends, cs->n, sizeof(ends[0]), latest_first);
	return ends[required - 1];
}

struct node *consents_write(const struct consents *cs, struct arena *a)
{
	struct node *list;

	if (!cs->n)
		return node_null(a);
	list = node_seq(a);
	for (size_t i = 0; i < cs->n; i++) {
		const struct consent *c = &cs->v[i];
		struct node *n = node_map(a);
		char until[CLOCK_TEXT_SIZE];

		clock_format(c->until, until);
		node_set(a, n, "principal", node_str_clean(a, c->principal));
		node_set(a, n, "key", node_str_clean(a, c->key));
		node_set(a, n, "until", node_str(a, until));
		node_append(a, list, n);
	}
	return list;
}

void consents_read(const struct node *list, struct consents *ret)
{
	*ret = (struct consents)CONSENTS_INIT;
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const struct node *n = list->items[i];
		const char *principal = node_text(node_get(n, "principal"));
		const char *key = node_text(node_get(n, "key"));
		const char *until = node_text(node_get(n, "until"));
		struct consent c = { 0 };

		if (!principal || !key || !until ||
		    strlen(principal) >= sizeof(c.principal) ||
		    strlen(key) >= sizeof(c.key) ||
		    clock_parse(until, &c.until))
			continue;
		snprintf(c.principal, sizeof(c.principal), "%s", principal);
		snprintf(c.key, sizeof(c.key), "%s", key);
		consents_add(ret, &c);
	}
}
