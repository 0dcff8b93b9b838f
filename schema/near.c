/*
 * Edit distance. See near.h. Takes any strings; its cost is bounded by
 * NEAR_LENGTH_MAX, and names of very different lengths cost nothing.
 */
#include "config.h"
#include "schema/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the usual table: this one and two above, for swaps. */
size_t near_distance(const char *a, const char *b, size_t most)
{
	size_t rows[3][NEAR_LENGTH_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_LENGTH_MAX || lb > NEAR_LENGTH_MAX ||
	    (la > lb ? la - lb : lb - la) > most)
		return most + 1;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];
		const size_t *second = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = least(above[j - 1] +
				       !same(a[i - 1], b[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], second[j - 2] + 1);
		}
	}
	return least(rows[la % 3][lb], most + 1);
}

size_t near_limit(size_t len)
{
	return len < 4 ? 1 : len < 12 ? 2 : 3;
}
