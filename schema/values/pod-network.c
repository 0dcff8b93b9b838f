/*
 * How a pod resolves names.
 */
#include "config.h"

#include <string.h>

#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/pod.h"

/* what the C libraries of containers can take */
#define NAMESERVERS_MAX 3
#define SEARCHES_MAX 32
#define SEARCH_BYTES_MAX 2048
#define NAME_MAX_BYTES 253

static void judge_nameservers(struct judge *j, const struct place *p)
{
	at_texts(j, p, judge_ip);
	if (at_count(p) > NAMESERVERS_MAX)
		at_error(j, p, "value-range", "has %u: %d are the most",
			 at_count(p), NAMESERVERS_MAX);
}

/* One part of a name: an _ may be in it, and begin it. */
static bool is_part(const char *s, size_t n)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	if (n && *s == '_') {
		s++;
		n--;
	}
	if (!n || !strchr(ends, s[0]) || !strchr(ends, s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr(ends, s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	return true;
}

/* A domain, with a dot at the end if you like; or the root. */
static bool is_search(const char *s)
{
	size_t len = strlen(s);

	if (!strcmp(s, "."))
		return true;
	len -= len && s[len - 1] == '.';
	if (len > NAME_MAX_BYTES)
		return false;
	for (;;) {
		const char *dot = memchr(s, '.', len);
		size_t n = dot ? (size_t)(dot - s) : len;

		if (!is_part(s, n))
			return false;
		if (!dot)
			return true;
		s += n + 1;
		len -= n + 1;
	}
}

static void judge_search(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_search, "domain: parts of a-z, 0-9, - and _ with "
		   "dots between");
}

static void judge_searches(struct judge *j, const struct place *p)
{
	size_t total = 0;

	at_texts(j, p, judge_search);
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++)
		if (p->node->items[i]->type == NODE_STR)
			total += p->node->items[i]->n + (i > 0);
	if (at_count(p) > SEARCHES_MAX)
		at_error(j, p, "value-range", "has %u: %d are the most",
			 at_count(p), SEARCHES_MAX);
	else if (total > SEARCH_BYTES_MAX)
		at_error(j, p, "value-range", "has %zu bytes: %d are the most",
			 total, SEARCH_BYTES_MAX);
}

static void judge_option(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_options(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_option);
}

void judge_dns_config(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "nameservers", judge_nameservers, ANY },
		{ "options", judge_options, ANY },
		{ "searches", judge_searches, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_hostnames(struct judge *j, const struct place *p)
{
	at_texts(j, p, judge_dns_subdomain);
}

static void judge_alias(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "hostnames", judge_hostnames, ANY },
		{ "ip", judge_ip, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_host_aliases(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_alias);
}
