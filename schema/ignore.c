/*
 * gitignore patterns. See ignore.h. libgit2 has a matcher, but it always
 * reads the ignore files of whoever runs it, and lets a pattern bring back
 * what is below an ignored directory, which Git does not. So the file is
 * read here as Git reads it (dir.c), and fnmatch(3) matches one path
 * component at a time: no '/' is ever matched by a wildcard, and "**" is the
 * only thing that spans components. Trusts nothing; work is counted: of a
 * small text and a few trees that name each other there may be any amount.
 */
#include "config.h"
#include "schema/ignore.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

#define BOM "\xef\xbb\xbf"
/* of a pattern times those of a name, what is one step */
#define CHARACTERS_A_STEP 64

struct pattern {
	char **parts;		/* between slashes, n of them */
	size_t n;
	bool negative;		/* "!": not ignored */
	bool dir_only;		/* ended in '/' */
	bool anchored;		/* had a '/': matches the path from its dir,
				   else the last component of any path */
};

struct list {
	struct pattern *v;
	size_t n, alloc;
	struct arena arena;
};

struct ignore {
	struct map lists;	/* directory to struct list * */
	size_t bytes;		/* of all texts */
	uint64_t steps;		/* of comparing so far */
};

int ignore_new(struct ignore **ret)
{
	*ret = xcalloc(1, sizeof(**ret));
	return 0;
}

static void list_free(void *arg)
{
	struct list *l = arg;

	free(l->v);
	arena_release(&l->arena);
	free(l);
}

void ignore_free(struct ignore *ig)
{
	if (!ig)
		return;
	map_release(&ig->lists, list_free);
	free(ig);
}

/* Trailing spaces go, unless a backslash keeps them. */
static void trim_spaces(char *line)
{
	char *spaces = NULL;

	for (char *p = line; *p; p++) {
		if (*p == ' ') {
			if (!spaces)
				spaces = p;
			continue;
		}
		spaces = NULL;
		if (*p == '\\' && !*++p)
			return;
	}
	if (spaces)
		*spaces = '\0';
}

/* Cuts at every slash; the text stays in place. */
static void split(struct arena *a, char *text, struct pattern *p)
{
	size_t n = 1;

	for (const char *s = text; *s; s++)
		n += *s == '/';
	p->parts = arena_array(a, n, sizeof(*p->parts));
	for (char *slash; (slash = strchr(text, '/')); text = slash + 1) {
		*slash = '\0';
		p->parts[p->n++] = text;
	}
	p->parts[p->n++] = text;
}

/*
 * False if a bracket is never closed: Git lets such a pattern match nothing,
 * fnmatch would take the '[' as it stands.
 */
static bool brackets_closed(const char *s)
{
	for (; *s; s++) {
		if (*s == '\\') {
			if (!*++s)
				return true;
			continue;
		}
		if (*s != '[')
			continue;
		s += 1 + (s[1] == '!' || s[1] == '^');
		s += *s == ']';
		for (; *s && *s != ']'; s++) {
			const char *end = *s == '[' && s[1] == ':' ?
					  strstr(s + 2, ":]") : NULL;

			if (end)
				s = end + 1;
			else if (*s == '\\' && s[1])
				s++;
		}
		if (!*s)
			return false;
	}
	return true;
}

static void add_line(struct list *l, char *line)
{
	struct pattern p = { 0 };
	size_t len;

	trim_spaces(line);
	if (*line == '!') {
		p.negative = true;
		line++;
	}
	len = strlen(line);
	if (len && line[len - 1] == '/') {
		p.dir_only = true;
		line[--len] = '\0';
	}
	if (!len)
		return;
	p.anchored = strchr(line, '/') != NULL;
	split(&l->arena, line + (line[0] == '/'), &p);
	for (size_t i = 0; i < p.n; i++)
		if (!brackets_closed(p.parts[i]))
			return;
	if (l->n == l->alloc) {
		l->alloc = l->alloc ? l->alloc * 2 : 16;
		l->v = xreallocarray(l->v, l->alloc, sizeof(*l->v));
	}
	l->v[l->n++] = p;
}

int ignore_add(struct ignore *ig, const char *dir, const char *text,
	       size_t len, struct err *err)
{
	struct list *l;

	if (len > LIMIT_IGNORE_BYTES)
		return err_set(err, ERR_INVALID,
			       IGNORE_NAME " is larger than %u bytes",
			       LIMIT_IGNORE_BYTES);
	if (len > LIMIT_IGNORE_ALL_BYTES - ig->bytes)
		return err_set(err, ERR_INVALID, "all " IGNORE_NAME " files "
			       "together are larger than %u bytes",
			       LIMIT_IGNORE_ALL_BYTES);
	ig->bytes += len;
	if (memchr(text, '\0', len))
		return err_set(err, ERR_INVALID,
			       IGNORE_NAME " has NUL bytes: it must be a text "
			       "in UTF-8");
	if (len >= strlen(BOM) && !memcmp(text, BOM, strlen(BOM))) {
		text += strlen(BOM);
		len -= strlen(BOM);
	}
	l = xcalloc(1, sizeof(*l));
	while (len) {
		const char *lf = memchr(text, '\n', len);
		size_t line_len = lf ? (size_t)(lf - text) : len;
		size_t keep = line_len;

		if (keep && text[keep - 1] == '\r')
			keep--;
		if (keep && text[0] != '#')
			add_line(l, arena_strndup(&l->arena, text, keep));
		text += line_len + (lf != NULL);
		len -= line_len + (lf != NULL);
	}
	l = map_put(&ig->lists, dir, l);
	if (l)
		list_free(l);
	return 0;
}

/* fnmatch(3) goes back at each '*', to the last one: both lengths count. */
static bool part_matches(struct ignore *ig, const char *part, const char *name)
{
	ig->steps += 1 + strlen(part) * strlen(name) / CHARACTERS_A_STEP;
	return ig->steps <= LIMIT_IGNORE_STEPS && fnmatch(part, name, 0) == 0;
}

/*
 * "**" stands for any number of components, at the end for at least one.
 * Goes back only to the last "**", as a shell does with '*': what an earlier
 * one could take instead cannot help.
 */
static bool path_matches(struct ignore *ig, const struct pattern *p,
			 char **names, size_t n)
{
	size_t i = 0, at = 0, star = SIZE_MAX, star_at = 0;

	while (at < n) {
		bool stars = i < p->n && !strcmp(p->parts[i], "**");

		if (stars && i + 1 == p->n)
			return true;
		if (stars) {
			star = i++;
			star_at = at;
		} else if (i < p->n && part_matches(ig, p->parts[i],
						     names[at])) {
			i++;
			at++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	return i == p->n;
}

/* What a list says of names[0..n), relative to it: 1 ignored, 0 brought
 * back, -1 nothing. The last pattern that matches decides. */
static int list_decides(struct ignore *ig, const struct list *l, char **names,
			size_t n, bool dir)
{
	for (size_t i = l->n; i-- > 0; ) {
		const struct pattern *p = &l->v[i];

		if (p->dir_only && !dir)
			continue;
		if (p->anchored ? path_matches(ig, p, names, n) :
				  part_matches(ig, p->parts[0], names[n - 1]))
			return !p->negative;
	}
	return -1;
}

/* One entry by itself: the nearest list that says something decides. */
static bool entry_ignored(struct ignore *ig, const char *path,
			  char **names, size_t n, bool dir)
{
	size_t dir_len = 0;
	int verdict = -1;

	/* the directory of the entry, then those above it */
	for (size_t i = 0; i + 1 < n; i++)
		dir_len += strlen(names[i]) + 1;
	for (size_t up = n; up-- > 0 && verdict < 0; ) {
		const struct list *l = map_getn(&ig->lists, path,
						dir_len ? dir_len - 1 : 0);

		if (l)
			verdict = list_decides(ig, l, names + up, n - up, dir);
		if (up)
			dir_len -= strlen(names[up - 1]) + 1;
	}
	return verdict == 1;
}

bool ignore_match(struct ignore *ig, const char *path)
{
	struct arena a = ARENA_INIT;
	struct pattern names = { 0 };
	bool ignored = false;

	if (!ig->lists.count)
		return false;
	split(&a, arena_strdup(&a, path), &names);
	for (size_t n = 1; n <= names.n && !ignored; n++)
		ignored = entry_ignored(ig, path, names.parts, n, n < names.n);
	arena_release(&a);
	return ignored;
}

int ignore_check(const struct ignore *ig, struct err *err)
{
	if (ig->steps <= LIMIT_IGNORE_STEPS)
		return 0;
	return err_set(err, ERR_INVALID, "comparing all paths with the "
		       "patterns of " IGNORE_NAME " takes more than %d steps: "
		       "use fewer patterns", LIMIT_IGNORE_STEPS);
}
