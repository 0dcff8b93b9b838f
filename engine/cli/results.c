/*
 * Findings as lines for a person or JSON for a script. See results.h. Their
 * texts quote what strangers wrote: errors are scrubbed when they are made,
 * and JSON takes no bytes that are no UTF-8.
 */
#include "config.h"
#include "engine/cli/results.h"

#include <stdarg.h>

#include "schema/json.h"

enum result { RESULT_OK, RESULT_FAIL, RESULT_UNKNOWN, RESULT_SKIPPED };

static void print_text(const struct results *f, const struct subject *what,
		       enum result r, const char *message)
{
	static const char *const words[] = { "ok", "FAIL", "?", "-" };
	static const char *const paints[] = { "\033[32m", "\033[31m",
					      "\033[33m", "" };

	printf("%s%-4s%s  %-16s  %-9s  %s\n", f->color ? paints[r] : "",
	       words[r], f->color && *paints[r] ? "\033[m" : "", what->of,
	       what->check, message);
}

static void print_json(const struct subject *what, enum result r,
		       const char *reason, const char *message)
{
	static const char *const words[] = { "ok", "fail", "unknown",
					     "skipped" };
	struct buf out = BUF_INIT(65536);
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a);

	node_set(&a, n, "of", node_str(&a, what->of));
	node_set(&a, n, "check", node_str(&a, what->check));
	node_set(&a, n, "result", node_str(&a, words[r]));
	node_set(&a, n, "message", node_str_clean(&a, message));
	if (what->bundle)
		node_set(&a, n, "bundle", node_str(&a, what->bundle));
	if (reason)
		node_set(&a, n, "reason", node_str(&a, reason));
	json_write_compact(n, &out);
	puts(out.data);
	buf_release(&out);
	arena_release(&a);
}

static void print(const struct results *f, const struct subject *what,
		  enum result r, const char *reason, const char *message)
{
	if (f->output == OUTPUT_JSON)
		print_json(what, r, reason, message);
	else
		print_text(f, what, r, message);
}

void result_ok(struct results *f, const struct subject *what,
	       const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	f->good++;
	print(f, what, RESULT_OK, NULL, message);
}

void result_refused(struct results *f, const struct subject *what,
		    const struct verdict *v, const struct err *err)
{
	bool fault = err->class == ERR_DENIED || err->class == ERR_INVALID;

	if (fault)
		f->bad++;
	else
		f->unknown++;
	print(f, what, fault ? RESULT_FAIL : RESULT_UNKNOWN,
	      fault ? source_reason_name(v->condition, v->reason) : NULL,
	      err->msg);
}

void result_skipped(struct results *f, const struct subject *what,
		    const char *why)
{
	print(f, what, RESULT_SKIPPED, NULL, why);
}

int results_status(const struct results *f)
{
	return f->bad ? EXIT_REFUSED : f->unknown ? EXIT_TROUBLE : EXIT_OK;
}
