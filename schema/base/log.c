/*
 * One line an event. See log.h. Values may come from strangers: control
 * bytes and quotes are escaped, so a line is always one line.
 */
#include "config.h"
#include "schema/base/log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"

#define LOG_LINE_MAX 4096

static enum log_level threshold = LOG_INFO;
static const char *role;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_set_role(const char *name)
{
	role = name;
}

static void add_value(struct buf *line, const char *s)
{
	if (*s && !s[strcspn(s, " \"=\\\t\r\n")]) {
		buf_add_scrubbed(line, s, strlen(s));
		return;
	}
	buf_addc(line, '"');
	while (*s) {
		size_t n = strcspn(s, "\"\\");

		/* whole characters, or none would be recognized */
		buf_add_scrubbed(line, s, n);
		for (s += n; *s == '"' || *s == '\\'; s++)
			buf_addf(line, "\\%c", *s);
	}
	buf_addc(line, '"');
}

void log_emit(enum log_level level, const char *event,
	      const struct log_field *f)
{
	struct buf line = BUF_INIT(LOG_LINE_MAX);
	char now[CLOCK_TEXT_SIZE];

	if (level < threshold)
		return;
	clock_format(clock_now(), now);
	buf_addf(&line, "%s %s %s", now, level_names[level], event);
	if (role)
		buf_addf(&line, " role=%s", role);
	for (; f->key; f++) {
		buf_addf(&line, " %s=", f->key);
		if (f->s)
			add_value(&line, f->s);
		else
			buf_addf(&line, "%" PRId64, f->n);
	}
	if (!buf_ok(&line)) {
		/* the rest of an over-long line is not worth a failure */
		line.toobig = false;
		buf_truncate(&line, line.len < LOG_LINE_MAX - 1 ?
			     line.len : LOG_LINE_MAX - 1);
	}
	buf_addc(&line, '\n');
	if (write(STDERR_FILENO, line.data, line.len) < 0) {
		/* nobody is left to tell */
	}
	buf_release(&line);
}
