/*
 * SHA256SUMS files (DESIGN.md 2.3): one in each directory of a bundle,
 * sorted by bytes, "<64 hex>  <name>" for each file but itself and
 * "<64 hex>  <dir>/SHA256SUMS" for each directory, LF after each. The digest
 * of the root file fixes every byte below it.
 */
#ifndef SCHEMA_SUMS_H
#define SCHEMA_SUMS_H

#include <stdbool.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"

#define SUMS_NAME "SHA256SUMS"

struct sums_entry {
	const char *name;	/* the file, or the directory without suffix */
	bool dir;
	struct sha256 digest;	/* of the file, or of the dir's SHA256SUMS */
};

struct sums {
	struct sums_entry *v;	/* sorted by the bytes of their lines' names */
	size_t n, alloc;
	struct arena arena;	/* holds the names */
};

#define SUMS_INIT { 0 }

/*
 * The order of a directory's names, in Git's tree objects and in SHA256SUMS
 * alike: by bytes, a folder's name as if it ended in a slash. As strcmp.
 */
int tree_name_cmp(const char *a, bool a_dir, const char *b, bool b_dir);

/*
 * Strict: exactly the grammar above, names by bundle_name_ok, sorted, each
 * once. -1 with ERR_INVALID naming the line.
 */
int sums_parse(const char *text, size_t len, struct sums *ret,
	       struct err *err);
void sums_write(const struct sums *s, struct buf *out);

/* Sets or replaces, keeping the order. */
void sums_set(struct sums *s, const char *name, bool dir,
	      const struct sha256 *digest);
bool sums_del(struct sums *s, const char *name);
void sums_release(struct sums *s);

/* A name that may stand in a bundle's tree (DESIGN.md 2.3). */
bool bundle_name_ok(const char *name);

#endif
