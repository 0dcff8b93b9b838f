/*
 * Structured log lines on stderr, for the long-running programs: one line an
 * event, `time level event key=value ...`, event names stable, values
 * escaped. Only main files and the parts that have no caller to return an
 * error to (a loop's callbacks) log; libraries return errors.
 */
#ifndef SCHEMA_BASE_LOG_H
#define SCHEMA_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key;	/* NULL ends the list */
	const char *s;		/* the value, or NULL when it is n */
	int64_t n;
};

#define LOG_S(k, v) { .key = (k), .s = (v) ? (v) : "" }
#define LOG_N(k, v) { .key = (k), .n = (int64_t)(v) }

/* Lines below this level are dropped. Default LOG_INFO. */
void log_set_level(enum log_level level);
/* A word put on every line, such as the role of a child process; kept. */
void log_set_role(const char *role);
void log_emit(enum log_level level, const char *event,
	      const struct log_field *fields);

/* log_info("bundle-accepted", LOG_S("channel", c), LOG_N("sequence", n)) */
#define log_debug(event, ...) \
	log_emit(LOG_DEBUG, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define log_info(event, ...) \
	log_emit(LOG_INFO, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define log_warn(event, ...) \
	log_emit(LOG_WARN, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define log_error(event, ...) \
	log_emit(LOG_ERROR, event, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })

#endif
