/*
 * Reports of clusters: a file as it is posted, and a text as it stands after
 * its signature was found good. What is read must be written back to the same
 * bytes; and any bytes at all, made to fit, must be read again.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/cluster-report.h"
#include "schema/limits.h"
#include "t/fuzz/fuzz.h"

static void check_same(const struct cluster_report *r, const char *text,
		       size_t len)
{
	struct buf b = BUF_INIT(LIMIT_REPORT_BYTES);

	cluster_report_write(r, &b);
	if (b.len != len || memcmp(b.data, text, len))
		abort();
	buf_release(&b);
}

/* An engine may put whatever it was told into these. */
static void check_fit(struct cluster_report *r, const char *data, size_t len)
{
	struct buf b = BUF_INIT(LIMIT_REPORT_BYTES);
	char *any = xstrndup(data, len);
	struct err err = ERR_INIT;
	struct cluster_report again;

	cluster_report_set_reason(r, any, any);
	cluster_report_add_failure(r, any, any, any, any);
	cluster_report_write(r, &b);
	if (cluster_report_parse(b.data, b.len, &again, &err))
		abort();
	check_same(&again, b.data, b.len);
	cluster_report_release(&again);
	buf_release(&b);
	free(any);
}

static void check_text(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct cluster_report r;

	if (!cluster_report_parse(text, len, &r, &err)) {
		check_same(&r, text, len);
		check_fit(&r, text, len);
		cluster_report_release(&r);
	} else if (err.class != ERR_INVALID) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cluster_report r = {
		.channel = "a", .cluster = "b", .counter = 1, .epoch = 1,
		.channel_id = "0123456789abcdef0123456789abcdef",
		.sequence = 1,
		.bundle = "0123456789abcdef0123456789abcdef01234567",
	};
	const char *file = (const char *)data;
	struct err err = ERR_INIT;
	size_t len;

	if (!cluster_report_split(file, size, &len, &err))
		check_text(file, len);
	check_text(file, size);
	check_fit(&r, file, size);
	cluster_report_release(&r);
	return 0;
}
