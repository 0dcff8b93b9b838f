/* What engine/fetch.c and engine/poll.c share. */
#ifndef ENGINE_FETCH_PRIVATE_H
#define ENGINE_FETCH_PRIVATE_H

#include "engine/fetch.h"

/* Borrows the strings of s. */
void fetch_peer(const struct source_settings *s, struct http_peer *ret);
/* A status that is not 200 as a sentence. Returns -1. */
int fetch_status_err(const char *url, long status, struct err *err);

#endif
