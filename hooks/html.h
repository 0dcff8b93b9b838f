/*
 * Texts of strangers in HTML. Whatever they are, what comes out is text and
 * stays within its place: no markup, no line direction, no control character.
 */
#ifndef HOOKS_HTML_H
#define HOOKS_HTML_H

#include <stdint.h>

#include "schema/base/buf.h"

/*
 * Appends a text, for between tags or within a quoted attribute: & < > " '
 * become references, and bytes that are no UTF-8 or not printable (utf8.h)
 * become \xNN. Of more than max bytes the first are told, whole characters,
 * and an ellipsis.
 */
void html_text(struct buf *out, const char *s, size_t len, size_t max);
/* The same of all of a string. */
void html_string(struct buf *out, const char *s);
/* <time datetime="2026-11-23T10:00:00Z">2026-11-23 10:00:00 UTC</time>; with
 * a class, unless that is NULL. Times beyond clock_format's are "unknown". */
void html_time(struct buf *out, const char *class, int64_t t);

#endif
