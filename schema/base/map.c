/*
 * Open addressing over an insertion-ordered entry list. See map.h.
 * Trusts nothing about its keys: that is why the hash is keyed.
 */
#include "config.h"
#include "schema/base/map.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

#define TOMBSTONE UINT32_MAX

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

uint64_t map_hash(const char *key, size_t len)
{
	static bool seeded;
	uint64_t h;

	if (!seeded) {
		randombytes_buf(hash_key, sizeof(hash_key));
		seeded = true;
	}
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)key, len,
			 hash_key);
	return h;
}

/* The slot that holds the key, or the free slot where the probe ended. */
static size_t find_slot(const struct map *m, const char *key, size_t len,
			uint64_t hash)
{
	size_t mask = m->n_slots - 1;
	size_t i = hash & mask;

	for (; m->slots[i]; i = (i + 1) & mask) {
		const struct map_entry *e;

		if (m->slots[i] == TOMBSTONE)
			continue;
		e = &m->entries[m->slots[i] - 1];
		if (e->hash == hash && e->key_len == len &&
		    !memcmp(e->key, key, len))
			break;
	}
	return i;
}

static void rebuild(struct map *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].key)
			m->entries[kept++] = m->entries[i];
	m->n_entries = kept;

	size_t want = 16;
	while (want < kept * 4)
		want *= 2;
	free(m->slots);
	m->slots = xcalloc(want, sizeof(*m->slots));
	m->n_slots = want;
	for (size_t i = 0; i < kept; i++) {
		size_t s = m->entries[i].hash & (want - 1);

		while (m->slots[s])
			s = (s + 1) & (want - 1);
		m->slots[s] = (uint32_t)(i + 1);
	}
}

static struct map_entry *lookup(const struct map *m, const char *key,
				size_t len)
{
	size_t s;

	if (!m->count)
		return NULL;
	s = find_slot(m, key, len, map_hash(key, len));
	return m->slots[s] ? &m->entries[m->slots[s] - 1] : NULL;
}

void *map_getn(const struct map *m, const char *key, size_t len)
{
	struct map_entry *e = lookup(m, key, len);

	return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

void *map_putn(struct map *m, const char *key, size_t len, void *value)
{
	uint64_t hash = map_hash(key, len);
	struct map_entry *e;
	size_t s;

	if (!value)
		BUG("map_put of NULL");
	e = lookup(m, key, len);
	if (e) {
		void *old = e->value;

		e->value = value;
		return old;
	}
	if ((m->n_entries + 1) * 2 > m->n_slots)
		rebuild(m);
	if (m->n_entries == m->alloc) {
		m->alloc = m->alloc ? m->alloc * 2 : 8;
		m->entries = xreallocarray(m->entries, m->alloc,
					   sizeof(*m->entries));
	}
	e = &m->entries[m->n_entries++];
	*e = (struct map_entry){ xstrndup(key, len), len, value, hash };
	s = find_slot(m, key, len, hash);
	m->slots[s] = (uint32_t)m->n_entries;
	m->count++;
	return NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
	return map_putn(m, key, strlen(key), value);
}

void *map_del(struct map *m, const char *key)
{
	size_t len = strlen(key), s;
	struct map_entry *e;
	void *value;

	if (!m->count)
		return NULL;
	s = find_slot(m, key, len, map_hash(key, len));
	if (!m->slots[s])
		return NULL;
	e = &m->entries[m->slots[s] - 1];
	value = e->value;
	free(e->key);
	e->key = NULL;
	m->slots[s] = TOMBSTONE;
	m->count--;
	return value;
}

void map_release(struct map *m, void (*free_value)(void *))
{
	for (size_t i = 0; i < m->n_entries; i++) {
		if (!m->entries[i].key)
			continue;
		if (free_value)
			free_value(m->entries[i].value);
		free(m->entries[i].key);
	}
	free(m->entries);
	free(m->slots);
	*m = (struct map)MAP_INIT;
}

struct map_entry *map_next(const struct map *m, struct map_entry *after)
{
	size_t i = after ? (size_t)(after - m->entries) + 1 : 0;

	for (; i < m->n_entries; i++)
		if (m->entries[i].key)
			return &m->entries[i];
	return NULL;
}
