/*
 * A hash map from byte-string keys to pointers. Keys are copied, values are
 * the caller's. The hash is keyed SipHash with a random key, so an attacker
 * who chooses the keys cannot make it slow. Iteration is in insertion order
 * as long as nothing was deleted.
 */
#ifndef SCHEMA_BASE_MAP_H
#define SCHEMA_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
	char *key;		/* NUL-terminated copy; NULL: deleted */
	size_t key_len;
	void *value;
	uint64_t hash;
};

struct map {
	struct map_entry *entries;	/* in order of insertion */
	size_t n_entries, alloc;	/* with deleted ones */
	size_t count;			/* without */
	uint32_t *slots;		/* index + 1 into entries; 0: free */
	size_t n_slots;			/* a power of two, or 0 */
};

#define MAP_INIT { 0 }

/* The hash: the same for the same bytes as long as the process lives. */
uint64_t map_hash(const char *key, size_t len);
/* The value under key, or NULL. */
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const char *key, size_t len);
/* Sets it; returns what was there before, or NULL. value is not NULL. */
void *map_put(struct map *m, const char *key, void *value);
void *map_putn(struct map *m, const char *key, size_t len, void *value);
/* Removes it; returns the value, or NULL. */
void *map_del(struct map *m, const char *key);
/* Frees the map; each value goes to free_value unless that is NULL. */
void map_release(struct map *m, void (*free_value)(void *));

/* for (map_each(&m, e)) ... e is a struct map_entry *, deleting is allowed */
struct map_entry *map_next(const struct map *m, struct map_entry *after);
#define map_each(m, e) \
	struct map_entry *e = map_next((m), NULL); e; e = map_next((m), e)

#endif
