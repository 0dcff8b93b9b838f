/*
 * Paths and queries of the API server. See kube.h. Names come from bundles
 * and may hold what a URL may not (RBAC names have a colon); every byte that
 * is not unreserved in RFC 3986 is encoded, so that no name can leave its
 * place in the path.
 */
#include "config.h"

#include <string.h>

#include "engine/kube.h"

static void add_encoded(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._~", c))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

static void add_part(struct buf *out, const char *before, const char *part)
{
	if (!part || !*part)
		return;
	buf_adds(out, before);
	/* a part of dots alone would be taken for a step in the path */
	if (!strcmp(part, ".") || !strcmp(part, ".."))
		for (; *part; part++)
			buf_adds(out, "%2E");
	else
		add_encoded(out, part);
}

void kube_path(const struct kube_target *t, struct buf *out)
{
	if (t->group && *t->group)
		add_part(out, "/apis/", t->group);
	else
		buf_adds(out, "/api");
	add_part(out, "/", t->version);
	add_part(out, "/namespaces/", t->namespace);
	add_part(out, "/", t->plural);
	add_part(out, "/", t->name);
	add_part(out, "/", t->subresource);
}

void kube_query(struct buf *query, const char *key, const char *value)
{
	if (query->len)
		buf_addc(query, '&');
	buf_adds(query, key);
	buf_addc(query, '=');
	add_encoded(query, value);
}
