/*
 * Quantities, times and near names: what Kubernetes takes and what it does
 * not.
 */
#include "config.h"

#include "schema/formats.h"
#include "schema/near.h"
#include "t/unit/tap.h"

static void quantities(void)
{
	static const char *const good[] = {
		"0", "1", "100m", "1Gi", "1.5", ".5", "5.", "-1", "+1", "1e3",
		"1E3", "1e-3", "1E+3", "1E", "12Ei", "1u", "1n", "1k", "1M",
		"00.10Ki", " 1", "1 ", " 1Gi ",
		/* zero, for ParseQuantity */
		"Gi", ".", "-", "+", "-.m", "e3",
	};
	static const char *const bad[] = {
		"", "x", "1x", "1 Gi", " ", "- 1", "1gi", "1K", "1GI", "1.2.3",
		"1e", "1e3m", "1mm", "..", "--1", "1e+", "e", "1KB", "1,5",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(is_quantity(good[i]), "'%s' is a quantity", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!is_quantity(bad[i]), "'%s' is none", bad[i]);
}

static void times(void)
{
	static const char *const good[] = {
		"2026-11-23T10:00:00Z", "2026-11-23T10:00:00+01:00",
		"2026-11-23T10:00:00.5Z", "2024-02-29T00:00:00Z",
		"2000-02-29T23:59:59-23:59", "0000-01-01T00:00:00Z",
	};
	static const char *const bad[] = {
		"", "2026-11-23", "2026-11-23T10:00:00", "2026-11-23 10:00:00Z",
		"2026-13-01T10:00:00Z", "2026-02-29T10:00:00Z",
		"1900-02-29T10:00:00Z", "2026-11-31T10:00:00Z",
		"2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z",
		"2026-11-23T10:00:60Z", "2026-11-23T10:00:00.Z",
		"2026-11-23T10:00:00z", "2026-11-23t10:00:00Z",
		"2026-11-23T10:00:00Zx", "2026-11-23T10:00:00+0100",
		"2026-11-00T10:00:00Z", "26-11-23T10:00:00Z",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(is_date_time(good[i], false), "'%s' is a time", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!is_date_time(bad[i], false), "'%s' is none", bad[i]);
	ok(is_date_time("2026-11-23T10:00:00.123456Z", true) &&
	   !is_date_time("2026-11-23T10:00:00Z", true) &&
	   !is_date_time("2026-11-23T10:00:00.12345Z", true),
	   "a MicroTime has six digits");
}

static void names(void)
{
	char longest[NEAR_LENGTH_MAX + 2];

	is_int(near_distance("image", "image", 3), 0, "the same");
	is_int(near_distance("imagee", "image", 3), 1, "one too many");
	is_int(near_distance("imge", "image", 3), 1, "one missing");
	is_int(near_distance("imaeg", "image", 3), 1, "two swapped");
	is_int(near_distance("Image", "image", 3), 0, "case is no matter");
	is_int(near_distance("abc", "xyz", 3), 3, "all wrong");
	is_int(near_distance("abc", "wxyz", 2), 3, "beyond the most");
	is_int(near_distance("", "ab", 2), 2, "of nothing");
	memset(longest, 'a', sizeof(longest));
	longest[NEAR_LENGTH_MAX] = '\0';
	is_int(near_distance(longest, longest, 1), 0, "the longest");
	longest[NEAR_LENGTH_MAX] = 'a';
	longest[NEAR_LENGTH_MAX + 1] = '\0';
	is_int(near_distance(longest, longest, 1), 2, "longer ones are far");
}

int main(void)
{
	quantities();
	times();
	names();
	return tap_done();
}
