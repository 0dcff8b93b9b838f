/*
 * health FOLDER TABLE...: what the engine says of the objects in Argo CD's
 * tables of expected health (FOLDER/TABLE/health_test.yaml). A line each:
 * object, expected, ours, our reason; between tabs. What Argo CD calls
 * Degraded is Failed here, and what is Missing is on its way.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/health.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/problem.h"
#include "schema/yaml.h"

static struct arena arena = ARENA_INIT;

/* The first document of a file; NULL if we would not read it. */
static const struct node *load(const char *folder, const char *name)
{
	struct problems problems = PROBLEMS_INIT;
	struct buf text = BUF_INIT(1 << 24);
	struct documents docs = { 0 };
	struct err err = ERR_INIT;
	char *path = xasprintf("%s/%s", folder, name);
	const struct node *first = NULL;

	if (fs_read_follow(path, &text, &err) < 0) {
		fprintf(stderr, "health: %s\n", err.msg);
		exit(1);
	}
	if (!yaml_read(arena_strdup(&arena, path), text.data, text.len,
		       &arena, &docs, &problems) && docs.n)
		first = docs.v[0];
	problems_release(&problems);
	buf_release(&text);
	free(path);
	return first;
}

static const struct node *case_object(const char *folder, const char *table,
				      const struct node *test, char **ret_name)
{
	const char *input = node_path_str(test, "inputPath", NULL);

	if (!input)
		return NULL;
	*ret_name = xasprintf("%s/%s", table, input);
	return load(folder, *ret_name);
}

static void judge(const char *name, const char *expected,
		  const struct node *o, bool declared)
{
	const char *version = node_path_str(o, "apiVersion", NULL);
	const char *kind = node_path_str(o, "kind", NULL);
	const char *slash = version ? strchr(version, '/') : NULL;
	char reason[HEALTH_REASON_MAX] = "", group[256] = "";
	const char *ours = "Unread";

	if (slash)
		snprintf(group, sizeof(group), "%.*s", (int)(slash - version),
			 version);
	if (o)
		ours = health_name(health_judge(group, kind ? kind : "", o,
						declared, reason));
	for (char *c = reason; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	if (!strcmp(expected, "Degraded"))
		expected = "Failed";
	if (!strcmp(expected, "Missing"))
		expected = "Progressing";
	printf("%s\t%s\t%s\t%s\n", name, expected, ours, reason);
}

/* What a kind's definition would tell: here, whether any of the table's
 * objects of the kind has conditions. */
static bool declared(const struct node *const objects[], size_t n,
		     const struct node *o)
{
	const char *kind = node_path_str(o, "kind", NULL);

	for (size_t i = 0; kind && i < n; i++) {
		const struct node *status = node_get(objects[i], "status");
		const char *other = node_path_str(objects[i], "kind", NULL);

		if (other && !strcmp(kind, other) &&
		    (node_get(status, "conditions") ||
		     node_get(status, "observedGeneration")))
			return true;
	}
	return false;
}

static void judge_table(const char *folder, const char *table)
{
	char *path = xasprintf("%s/health_test.yaml", table);
	const struct node *tests = node_get(load(folder, path), "tests");
	size_t n = tests ? tests->n : 0;
	const struct node **objects = xcalloc(n + 1, sizeof(*objects));
	char **names = xcalloc(n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++)
		objects[i] = case_object(folder, table, tests->items[i],
					 &names[i]);
	for (size_t i = 0; i < n; i++) {
		if (names[i])
			judge(names[i], node_path_str(tests->items[i],
				"healthStatus", "status", NULL), objects[i],
			      declared(objects, n, objects[i]));
		free(names[i]);
	}
	free(names);
	free(objects);
	free(path);
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		judge_table(argv[1], argv[i]);
		arena_release(&arena);
	}
	return 0;
}
