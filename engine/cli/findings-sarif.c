/*
 * Findings as SARIF 2.1.0 (OASIS), which code scanning of Git hosts and
 * editors read. A result's fingerprint does not contain its line, so that a
 * finding stays the same one when the text above it grows.
 */
#include "config.h"
#include "engine/cli/findings.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/base/map.h"
#include "schema/base/program.h"
#include "schema/explain.h"
#include "schema/json.h"
#include "schema/limits.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/" \
	"schemas/sarif-schema-2.1.0.json"
#define ROOT "SRCROOT"
#define HELP_MAX (64u * 1024)

struct sarif {
	struct arena a;
	struct map rules;	/* name to its number + 1 */
	struct map seen;	/* fingerprints, for those that come again */
};

static struct node *text(struct sarif *s, const char *words)
{
	struct node *n = node_map(&s->a);

	node_set(&s->a, n, "text", node_str_clean(&s->a, words));
	return n;
}

/* ---- the rules that are named ---- */

static struct node *help(struct sarif *s, const struct explanation *e)
{
	struct buf words = BUF_INIT(HELP_MAX);
	struct node *n;

	buf_addf(&words, "%s\n\n%s\n", e->why, e->repair);
	n = text(s, words.data);
	buf_addf(&words, "\nWrong:\n\n```yaml\n%s```\n\nRight:\n\n"
		 "```yaml\n%s```\n", e->bad, e->good);
	node_set(&s->a, n, "markdown", node_str_clean(&s->a, words.data));
	buf_release(&words);
	return n;
}

static struct node *rule(struct sarif *s, const char *name)
{
	const struct explanation *e = explain_find(name);
	struct arena *a = &s->a;
	struct node *n = node_map(a), *level = node_map(a);

	node_set(a, n, "id", node_str(a, name));
	if (!e)
		return n;
	node_set(a, n, "shortDescription", text(s, e->summary));
	node_set(a, n, "fullDescription", text(s, e->why));
	node_set(a, n, "help", help(s, e));
	node_set(a, level, "level",
		 node_str(a, e->severity == SEVERITY_ERROR ? "error" :
							     "warning"));
	node_set(a, n, "defaultConfiguration", level);
	return n;
}

static struct node *driver(struct sarif *s, const struct problems *ps)
{
	struct arena *a = &s->a;
	struct node *tool = node_map(a), *n = node_map(a), *list = node_seq(a);

	for (size_t i = 0; i < ps->n; i++) {
		const char *name = ps->v[i].rule;

		if (map_get(&s->rules, name))
			continue;
		node_append(a, list, rule(s, name));
		map_put(&s->rules, name, (void *)(uintptr_t)list->n);
	}
	node_set(a, n, "name", node_str(a, "windlass"));
	node_set(a, n, "version", node_str(a, PACKAGE_VERSION));
	node_set(a, n, "rules", list);
	node_set(a, tool, "driver", n);
	return tool;
}

/* ---- results ---- */

/* A path as a URI; absolute ones are files of this machine. */
static struct node *uri(struct sarif *s, const char *path)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._~/";
	struct buf b = BUF_INIT(4 * LIMIT_PATH_BYTES);
	struct node *n = node_map(&s->a);

	buf_adds(&b, *path == '/' ? "file://" : "");
	for (const char *c = path; *c; c++) {
		if (strchr(plain, *c))
			buf_addc(&b, *c);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*c);
	}
	node_set(&s->a, n, "uri", node_str(&s->a, b.data));
	if (*path != '/')
		node_set(&s->a, n, "uriBaseId", node_str(&s->a, ROOT));
	buf_release(&b);
	return n;
}

static struct node *location(struct sarif *s, const struct problem *p)
{
	struct arena *a = &s->a;
	struct node *list = node_seq(a), *n = node_map(a);
	struct node *place = node_map(a), *region = node_map(a);

	node_set(a, place, "artifactLocation", uri(s, p->path));
	if (p->mark.line) {
		node_set(a, region, "startLine", node_int(a, p->mark.line));
		node_set(a, region, "startColumn",
			 node_int(a, p->mark.column));
		node_set(a, place, "region", region);
	}
	node_set(a, n, "physicalLocation", place);
	node_append(a, list, n);
	return list;
}

/* By rule, file and message; equal ones are told apart by their order. */
static struct node *fingerprint(struct sarif *s, const struct problem *p)
{
	struct buf words = BUF_INIT(16u * LIMIT_PATH_BYTES);
	struct node *n = node_map(&s->a);
	char hex[SHA256_HEX_SIZE];
	struct sha256 digest;
	uintptr_t before;

	buf_addf(&words, "%s\n%s\n%s\n", p->rule, p->path, p->message);
	before = (uintptr_t)map_get(&s->seen, words.data);
	map_put(&s->seen, words.data, (void *)(before + 1));
	buf_addf(&words, "%ju", (uintmax_t)before);
	sha256_of(words.data, words.len, &digest);
	sha256_hex(&digest, hex);
	node_set(&s->a, n, "windlass/v1", node_str(&s->a, hex));
	buf_release(&words);
	return n;
}

static struct node *result(struct sarif *s, const struct problem *p)
{
	struct arena *a = &s->a;
	struct node *n = node_map(a);
	uintptr_t number = (uintptr_t)map_get(&s->rules, p->rule);

	node_set(a, n, "ruleId", node_str(a, p->rule));
	node_set(a, n, "ruleIndex", node_int(a, (int64_t)number - 1));
	node_set(a, n, "level", node_str(a, findings_severity(p)));
	node_set(a, n, "message", text(s, p->message));
	if (*p->path)
		node_set(a, n, "locations", location(s, p));
	node_set(a, n, "partialFingerprints", fingerprint(s, p));
	return n;
}

/* ---- the run ---- */

/* Says how many more were found than are kept. */
static void add_rest(struct sarif *s, const struct problems *ps,
		     struct node *list)
{
	struct node *t = node_map(&s->a);
	char words[64];

	if (ps->errors + ps->warnings <= ps->n)
		return;
	snprintf(words, sizeof(words), "%zu more findings are not shown",
		 ps->errors + ps->warnings - ps->n);
	node_set(&s->a, t, "level", node_str(&s->a, "warning"));
	node_set(&s->a, t, "message", text(s, words));
	node_append(&s->a, list, t);
}

static struct node *invocation(struct sarif *s, const struct review *r,
			       int status)
{
	struct arena *a = &s->a;
	struct node *list = node_seq(a), *n = node_map(a);
	struct node *troubles = node_seq(a);

	for (size_t i = 0; i < r->troubles.n; i++) {
		struct node *t = node_map(a);

		node_set(a, t, "level", node_str(a, "error"));
		node_set(a, t, "message", text(s, r->troubles.v[i]));
		node_append(a, troubles, t);
	}
	add_rest(s, &r->problems, troubles);
	node_set(a, n, "executionSuccessful",
		 node_bool(a, status != EXIT_TROUBLE));
	node_set(a, n, "exitCode", node_int(a, status));
	node_set(a, n, "toolExecutionNotifications", troubles);
	node_append(a, list, n);
	return list;
}

static struct node *run(struct sarif *s, const struct review *r, int status)
{
	struct arena *a = &s->a;
	struct node *n = node_map(a), *list = node_seq(a);

	node_set(a, n, "tool", driver(s, &r->problems));
	node_set(a, n, "columnKind", node_str(a, "unicodeCodePoints"));
	node_set(a, n, "invocations", invocation(s, r, status));
	for (size_t i = 0; i < r->problems.n; i++)
		node_append(a, list, result(s, &r->problems.v[i]));
	node_set(a, n, "results", list);
	return n;
}

void findings_sarif(const struct review *r, int status, struct buf *out)
{
	struct sarif s = {
		.a = ARENA_INIT, .rules = MAP_INIT, .seen = MAP_INIT,
	};
	struct node *n = node_map(&s.a), *runs = node_seq(&s.a);

	node_append(&s.a, runs, run(&s, r, status));
	node_set(&s.a, n, "$schema", node_str(&s.a, SCHEMA));
	node_set(&s.a, n, "version", node_str(&s.a, "2.1.0"));
	node_set(&s.a, n, "runs", runs);
	json_write_canonical(n, out);
	map_release(&s.rules, NULL);
	map_release(&s.seen, NULL);
	arena_release(&s.a);
}
