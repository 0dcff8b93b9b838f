/*
 * The tracked objects of a channel. See inventory.h. One allocation an
 * object: name and namespace are the tail of the struct, and what only some
 * objects need (a note, a repair, an awaited health) hangs
 * off it while it is needed. Names come from verified bundles; the hash is
 * keyed all the same.
 */
#include "config.h"
#include "engine/inventory.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

#define NOTE_MAX 1024
#define BUCKETS_MIN 64

static uint32_t hash_of(const struct kind *kind, const char *namespace,
			const char *name)
{
	static unsigned char key[crypto_shorthash_KEYBYTES];
	static bool seeded;
	unsigned char text[sizeof(kind) + 2 * LIMIT_NAME_BYTES + 2];
	size_t ns_len = strnlen(namespace, LIMIT_NAME_BYTES);
	size_t len = sizeof(kind);
	uint64_t h;

	if (!seeded) {
		randombytes_buf(key, sizeof(key));
		seeded = true;
	}
	memcpy(text, &kind, sizeof(kind));
	memcpy(text + len, namespace, ns_len);
	len += ns_len;
	text[len++] = '/';
	memcpy(text + len, name, strnlen(name, LIMIT_NAME_BYTES));
	len += strnlen(name, LIMIT_NAME_BYTES);
	crypto_shorthash((unsigned char *)&h, text, len, key);
	return (uint32_t)h;
}

void inventory_init(struct inventory *inv, struct channel *c)
{
	*inv = (struct inventory){ .channel = c };
}

static void grow(struct inventory *inv)
{
	size_t n = inv->n_buckets ? inv->n_buckets * 2 : BUCKETS_MIN;
	struct tracked **buckets = xcalloc(n, sizeof(struct tracked *));

	for (struct tracked *t = inv->first; t; t = t->next) {
		struct tracked **at = &buckets[t->hash & (n - 1)];

		t->hash_next = *at;
		*at = t;
	}
	free(inv->buckets);
	inv->buckets = buckets;
	inv->n_buckets = n;
}

struct tracked *inventory_find(const struct inventory *inv,
			       const struct kind *kind, const char *namespace,
			       const char *name)
{
	uint32_t hash = hash_of(kind, namespace, name);
	struct tracked *t;

	if (!inv->n_buckets)
		return NULL;
	for (t = inv->buckets[hash & (inv->n_buckets - 1)]; t;
	     t = t->hash_next)
		if (t->hash == hash && t->kind == kind &&
		    !strcmp(t->name, name) && !strcmp(t->namespace, namespace))
			return t;
	return NULL;
}

struct tracked *inventory_add(struct inventory *inv, struct kind *kind,
			      const char *namespace, const char *name)
{
	struct tracked *t = inventory_find(inv, kind, namespace, name);
	size_t len = strlen(name) + 1, ns_len = strlen(namespace) + 1;
	struct tracked **at;

	if (t)
		return t;
	if (inv->count >= inv->n_buckets)
		grow(inv);
	t = xcalloc(1, sizeof(*t) + len + ns_len);
	memcpy(t->name, name, len);
	memcpy(t->name + len, namespace, ns_len);
	t->kind = kind;
	t->namespace = t->name + len;
	t->hash = hash_of(kind, namespace, name);
	t->refs = 1;
	at = &inv->buckets[t->hash & (inv->n_buckets - 1)];
	t->hash_next = *at;
	*at = t;
	t->prev = inv->last;
	if (inv->last)
		inv->last->next = t;
	else
		inv->first = t;
	inv->last = t;
	inv->count++;
	kind->objects++;
	return t;
}

void inventory_remove(struct inventory *inv, struct tracked *t)
{
	struct tracked **at = &inv->buckets[t->hash & (inv->n_buckets - 1)];

	while (*at != t)
		at = &(*at)->hash_next;
	*at = t->hash_next;
	if (t->prev)
		t->prev->next = t->next;
	else
		inv->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		inv->last = t->prev;
	t->hash_next = t->prev = t->next = NULL;
	inv->count--;
	t->kind->objects--;
	t->flags |= TRACKED_DEAD;
	tracked_put(t);
}

void inventory_release(struct inventory *inv)
{
	while (inv->first)
		inventory_remove(inv, inv->first);
	free(inv->buckets);
	inventory_init(inv, inv->channel);
}

struct tracked *tracked_hold(struct tracked *t)
{
	t->refs++;
	return t;
}

void tracked_put(struct tracked *t)
{
	if (!t || --t->refs)
		return;
	tracked_clear_note(t);
	free(t->depends);
	free(t);
}

struct object_id tracked_id(const struct tracked *t)
{
	return (struct object_id){
		.group = t->kind->group,
		.version = "",
		.kind = t->kind->name,
		.namespace = t->namespace,
		.name = t->name,
	};
}

void tracked_describe(const struct tracked *t, struct buf *out)
{
	struct object_id id = tracked_id(t);

	object_describe(&id, out);
}

void tracked_note(struct tracked *t, const char *reason, const char *fmt, ...)
{
	struct buf text = BUF_INIT(NOTE_MAX * 8);
	char raw[NOTE_MAX];
	va_list ap;

	/* fmt's arguments may be those of the note that goes */
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	buf_add_scrubbed(&text, raw, strlen(raw));
	if (!t->note || strcmp(t->note->reason, reason) ||
	    strcmp(t->note->message, text.data)) {
		struct note *note = xcalloc(1, sizeof(*note));

		note->reason = xstrdup(reason);
		note->message = xstrdup(text.data);
		/* the place in the source is that of the same content */
		if (t->note) {
			note->source = t->note->source;
			t->note->source = NULL;
		}
		tracked_clear_note(t);
		t->note = note;
	}
	buf_release(&text);
}

void tracked_clear_note(struct tracked *t)
{
	if (!t->note)
		return;
	free(t->note->reason);
	free(t->note->message);
	free(t->note->source);
	free(t->note);
	t->note = NULL;
}
