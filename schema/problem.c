/*
 * Findings. See problem.h. Takes any bytes in paths and messages (both quote
 * what strangers wrote) and makes them harmless for a terminal.
 */
#include "config.h"
#include "schema/problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"

/* Long enough for a path, a quoted key and what to do. */
#define MESSAGE_MAX 2048
/* So much of a rule tells which one it is. */
#define RULE_SHOWN 60

static char *scrubbed(const char *s)
{
	struct buf b = BUF_INIT(4 * LIMIT_PATH_BYTES);
	size_t len = strlen(s);

	buf_add_scrubbed(&b, s, len < LIMIT_PATH_BYTES ? len : LIMIT_PATH_BYTES);
	return buf_detach(&b, NULL);
}

static void drop(const struct problem *p)
{
	free(p->path);
	free(p->message);
}

/* Is there room for one more? An error takes that of a warning: who is
 * refused must see why. */
static bool make_room(struct problems *ps, enum severity severity)
{
	if (ps->n < LIMIT_PROBLEMS)
		return true;
	if (severity == SEVERITY_WARNING)
		return false;
	while (ps->no_warning < ps->n) {
		struct problem *p = &ps->v[ps->n - 1 - ps->no_warning];
		struct problem *end = &ps->v[ps->n];

		if (p->severity == SEVERITY_ERROR) {
			ps->no_warning++;
			continue;
		}
		drop(p);
		memmove(p, p + 1, (size_t)(end - p - 1) * sizeof(*p));
		ps->n--;
		return true;
	}
	return false;
}

/* Takes over a finding whose strings are malloced; past the limit it goes. */
static void keep(struct problems *ps, const struct problem *p)
{
	if (!make_room(ps, p->severity)) {
		drop(p);
		return;
	}
	if (ps->n == ps->alloc) {
		ps->alloc = ps->alloc ? 2 * ps->alloc : 8;
		ps->v = xreallocarray(ps->v, ps->alloc, sizeof(*ps->v));
	}
	ps->v[ps->n++] = *p;
}

bool problems_full(const struct problems *ps, enum severity severity)
{
	return severity == SEVERITY_ERROR ? ps->errors >= LIMIT_PROBLEMS :
					    ps->n >= LIMIT_PROBLEMS;
}

void problem_add(struct problems *ps, const char *path, struct mark mark,
		 enum severity severity, const char *rule, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	if (severity == SEVERITY_ERROR)
		ps->errors++;
	else
		ps->warnings++;
	if (!make_room(ps, severity))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	keep(ps, &(struct problem){
		.path = xstrdup(path),
		.mark = mark,
		.severity = severity,
		.rule = rule,
		.message = scrubbed(message),
	});
}

void problem_unjudged(struct problems *ps, const char *kind, const char *rule)
{
	ps->unchecked++;
	ps->n_unjudged++;
	if (ps->unjudged.n < LIMIT_UNJUDGED)
		strvec_pushf(&ps->unjudged, "%s: %.*s", kind, RULE_SHOWN,
			     rule);
}

void problems_say_unjudged(struct problems *ps)
{
	struct buf which = BUF_INIT(MESSAGE_MAX);
	size_t more = ps->n_unjudged - ps->unjudged.n;

	if (ps->steps > LIMIT_RULE_STEPS)
		problem_warning(ps, "", (struct mark){ 0 }, "rule-unjudged",
				"the rules of definitions and the references "
				"of all this take more than %d steps: not all "
				"of them are evaluated here, and the API "
				"server may refuse what passes here; it is "
				"less in several pushes", LIMIT_RULE_STEPS);
	ps->steps = 0;
	if (!ps->n_unjudged)
		return;
	for (size_t i = 0; i < ps->unjudged.n; i++)
		buf_addf(&which, "%s%s", i ? "; " : "", ps->unjudged.v[i]);
	if (more)
		buf_addf(&which, "; and %zu more", more);
	problem_warning(ps, "", (struct mark){ 0 }, "rule-unjudged",
			"%zu rule%s of definitions %s not evaluated here: the "
			"API server may refuse what passes here (%s)",
			ps->n_unjudged, plural(ps->n_unjudged),
			ps->n_unjudged == 1 ? "is" : "are", which.data);
	buf_release(&which);
	strvec_release(&ps->unjudged);
	ps->n_unjudged = 0;
}

void problems_move(struct problems *to, struct problems *from)
{
	for (size_t i = 0; i < from->n; i++)
		keep(to, &from->v[i]);
	to->errors += from->errors;
	to->warnings += from->warnings;
	to->unchecked += from->unchecked;
	to->n_unjudged += from->n_unjudged;
	to->steps += from->steps;
	for (size_t i = 0; i < from->unjudged.n; i++)
		if (to->unjudged.n < LIMIT_UNJUDGED)
			strvec_push(&to->unjudged, from->unjudged.v[i]);
	strvec_release(&from->unjudged);
	free(from->v);
	*from = (struct problems)PROBLEMS_INIT;
}

bool problems_compare(struct problems *ps, size_t n)
{
	if (problems_full(ps, SEVERITY_ERROR) ||
	    n > LIMIT_NEAR - ps->compared)
		return false;
	ps->compared += n;
	return true;
}

bool problems_steps(struct problems *ps, uint64_t n)
{
	ps->steps += n;
	return ps->steps <= LIMIT_RULE_STEPS;
}

static int compare(const void *a, const void *b)
{
	const struct problem *p = a, *q = b;
	int order = strcmp(p->path, q->path);

	if (order)
		return order;
	if (p->mark.line != q->mark.line)
		return p->mark.line < q->mark.line ? -1 : 1;
	if (p->mark.column != q->mark.column)
		return p->mark.column < q->mark.column ? -1 : 1;
	if (p->severity != q->severity)
		return p->severity == SEVERITY_ERROR ? -1 : 1;
	order = strcmp(p->rule, q->rule);
	return order ? order : strcmp(p->message, q->message);
}

void problems_sort(struct problems *ps)
{
	if (ps->n)
		qsort(ps->v, ps->n, sizeof(*ps->v), compare);
}

void problem_format(const struct problem *p, struct buf *out)
{
	bool placed = *p->path || p->mark.line;

	if (*p->path) {
		buf_add_scrubbed(out, p->path, strlen(p->path));
		buf_addc(out, ':');
	}
	if (p->mark.line)
		buf_addf(out, "%u:%u:", p->mark.line, p->mark.column);
	buf_addf(out, "%s%s: %s [%s]", placed ? " " : "",
		 p->severity == SEVERITY_ERROR ? "error" : "warning",
		 p->message, p->rule);
}

void problems_release(struct problems *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		free(ps->v[i].path);
		free(ps->v[i].message);
	}
	free(ps->v);
	strvec_release(&ps->unjudged);
	*ps = (struct problems)PROBLEMS_INIT;
}
