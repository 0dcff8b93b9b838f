/*
 * Schedules and time zones, as the API server reads them.
 */
#ifndef SCHEMA_VALUES_CRON_H
#define SCHEMA_VALUES_CRON_H

#include <stddef.h>

/*
 * "*\/5 * * * 1-5", "@daily", "@every 1h30m": as robfig/cron reads them. NULL,
 * or what is wrong, written to buf.
 */
const char *cron_fault(const char *schedule, char *buf, size_t size);

/* A name in the time zone database, or NULL; *ret_near is one that may be
 * meant, or NULL. */
const char *time_zone_find(const char *name, const char **ret_near);

#endif
