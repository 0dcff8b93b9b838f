/*
 * One setting: find it in its table and take its value. See setting.h.
 * Trusts the admin who wrote it, not their spelling.
 */
#include "config.h"
#include "hooks/setting.h"

#include <stdint.h>
#include <strings.h>

#include "hooks/config-value.h"

static const char *nearest(const struct setting *table, const char *name)
{
	const char *best = table->name;
	size_t least = SIZE_MAX;

	for (; table->name; table++) {
		size_t d = value_distance(table->name, name);

		if (d < least) {
			least = d;
			best = table->name;
		}
	}
	return best;
}

int setting_apply(const struct setting *table, void *target,
		  const char *section, const char *key, const char *value,
		  struct err *err)
{
	const struct setting *s = table;

	while (s->name && strcasecmp(s->name, key))
		s++;
	if (!s->name)
		return err_set(err, ERR_INVALID, "unknown setting '%s.%s'; "
			       "the nearest known one is '%s.%s'", section,
			       key, section, nearest(table, key));
	if (!value)
		return err_set(err, ERR_INVALID, "%s.%s has no value; write "
			       "%s = VALUE", section, s->name, s->name);
	if (s->set(target, value, err) < 0)
		return err_wrap(err, "%s.%s = '%s'", section, s->name, value);
	return 0;
}
