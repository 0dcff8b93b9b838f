/*
 * The list of what was found, and how it is written. See doctor.h. Messages
 * quote what a cluster, a repository or a bucket said: no control byte of
 * theirs reaches a terminal.
 */
#include "config.h"
#include "schema/doctor.h"

#include <stdarg.h>
#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/json.h"

#define TEXT_BYTES (64u * 1024)
#define MESSAGE_BYTES (4 * TEXT_BYTES)	/* each byte may become \xNN */

void doctor_say(struct doctor *d, enum finding_level level, const char *check,
		const char *channel, const char *fmt, ...)
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct buf message = BUF_INIT(MESSAGE_BYTES);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	buf_add_scrubbed(&message, text.data, text.len);
	d->v = xreallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct finding){
		.level = level, .check = check,
		.channel = xstrdup(channel ? channel : ""),
		.message = buf_detach(&message, NULL),
	};
	d->failed += level == FINDING_FAIL;
	d->warned += level == FINDING_WARN;
	buf_release(&text);
}

void doctor_release(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].channel);
		free(d->v[i].message);
	}
	free(d->v);
	*d = (struct doctor)DOCTOR_INIT;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = { "ok", "warn", "FAIL" };

	return names[level];
}

void doctor_write(const struct doctor *d, struct buf *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];

		buf_addf(out, "%-4s  %s%s%s: %s\n",
			 finding_level_name(f->level), f->channel,
			 *f->channel ? ": " : "", f->check, f->message);
	}
	buf_addf(out, "%zu check%s, %zu failed, %zu warning%s\n", d->n,
		 d->n == 1 ? "" : "s", d->failed, d->warned,
		 d->warned == 1 ? "" : "s");
}

static struct node *finding_node(struct arena *a, const struct finding *f)
{
	struct node *n = node_map(a);

	node_set(a, n, "check", node_str(a, f->check));
	if (*f->channel)
		node_set(a, n, "channel", node_str_clean(a, f->channel));
	node_set(a, n, "result", node_str(a, f->level == FINDING_FAIL ? "fail" :
					     finding_level_name(f->level)));
	node_set(a, n, "message", node_str_clean(a, f->message));
	return n;
}

void doctor_write_json(const struct doctor *d, const char *member,
		       const char *examined, struct buf *out)
{
	struct arena a = ARENA_INIT;
	struct node *root = node_map(&a), *checks = node_seq(&a);

	for (size_t i = 0; i < d->n; i++)
		node_append(&a, checks, finding_node(&a, &d->v[i]));
	node_set(&a, root, "checks", checks);
	node_set(&a, root, "failed", node_int(&a, (int64_t)d->failed));
	node_set(&a, root, "warnings", node_int(&a, (int64_t)d->warned));
	if (examined)
		node_set(&a, root, member, node_str_clean(&a, examined));
	json_write_canonical(root, out);
	arena_release(&a);
}
