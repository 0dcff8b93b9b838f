/*
 * Reading depends-on. See depends.h. An author wrote it: what has neither
 * form names nobody, which the hook refuses and the engine, whose bundles may
 * be older than its hook, takes for an object that is not there.
 */
#include "config.h"
#include "schema/depends.h"

#include <string.h>

#include "schema/base/mem.h"

/* group, "namespaces", namespace, Kind, name */
#define PARTS_MAX 5

static bool parse(struct depends_item *d)
{
	char *part[PARTS_MAX] = { d->room };
	size_t n = 1;

	if (d->len >= sizeof(d->room))
		return false;
	memcpy(d->room, d->text, d->len);
	d->room[d->len] = '\0';
	for (char *at = d->room; *at; at++) {
		if (*at != '/')
			continue;
		if (n == PARTS_MAX)
			return false;
		*at = '\0';
		part[n++] = at + 1;
	}
	if (n != 3 && (n != PARTS_MAX || strcmp(part[1], "namespaces")))
		return false;
	d->id = (struct object_id){
		.group = part[0], .version = "", .kind = part[n - 2],
		.namespace = n == PARTS_MAX ? part[2] : "",
		.name = part[n - 1],
	};
	return *d->id.kind && *d->id.name && (n == 3 || *d->id.namespace);
}

bool depends_next(const char **at, struct depends_item *ret)
{
	static const char blank[] = " \t\r\n";

	*at += strspn(*at, ", \t\r\n");
	if (!**at)
		return false;
	ret->text = *at;
	ret->len = strcspn(*at, ",");
	*at += ret->len;
	while (strchr(blank, ret->text[ret->len - 1]))
		ret->len--;
	ret->good = parse(ret);
	return true;
}
