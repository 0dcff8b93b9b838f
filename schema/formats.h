/*
 * Texts that the API server reads as something else: times, quantities,
 * base64. Grammars are those of Go's time.Parse and encoding/base64 and of
 * apimachinery's resource.ParseQuantity.
 */
#ifndef SCHEMA_FORMATS_H
#define SCHEMA_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* resource.Quantity: "500m", "1Gi", "1e3", "-.5"; blanks around it are as
 * good as none. */
bool is_quantity(const char *s);
/* RFC 3339 as metav1.Time; with micro exactly six digits of a second, as
 * metav1.MicroTime. */
bool is_date_time(const char *s, bool micro);
/* "2026-11-23" */
bool is_full_date(const char *s);
/*
 * Base64 as Go's StdEncoding takes it: line breaks anywhere, padding, and
 * whatever bits the last letter has left over. The bytes it stands for, or
 * -1.
 */
int64_t base64_bytes(const char *s, size_t len);

#endif
