/*
 * Asking the kept reports. See consensus.h. Trusts no more of the folder than
 * that a file in it came when its time says so: a report must still be signed
 * by a key that the list has today.
 */
#include "config.h"
#include "hooks/consensus.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"

struct question {
	const struct host_config *host;
	const struct channel_config *ch;
	const char *bundle;
	enum cluster_phase phase;
	struct trust trust;
	struct buf *why;
};

/* Its last report, to be released, if that counts. */
static int open_report(const struct question *q, const char *cluster,
		       struct cluster_report *ret)
{
	struct buf raw = BUF_INIT(LIMIT_REPORT_BYTES);
	struct cluster_report unverified;
	struct err err = ERR_INIT;
	int rc = kept_report_read(q->host, q->ch, cluster, &raw, &unverified,
				  &err);

	if (rc == 0) {
		cluster_report_release(&unverified);
		rc = cluster_report_open(raw.data, raw.len, &q->trust,
					 clock_now(), ret, &err);
	}
	if (rc > 0)
		buf_addf(q->why, "%s@%s has not reported yet", q->ch->name,
			 cluster);
	else if (rc < 0)
		buf_addf(q->why, "the report of %s@%s does not count: %.200s",
			 q->ch->name, cluster, err.msg);
	buf_release(&raw);
	return rc ? -1 : 0;
}

static int64_t ask(const struct question *q, const char *cluster)
{
	struct cluster_report r;
	int64_t held = -1;

	if (open_report(q, cluster, &r) < 0)
		return -1;
	if (strcmp(r.bundle, q->bundle))
		buf_addf(q->why, "%s@%s is at %" PRIu64 ".%" PRIu64,
			 q->ch->name, cluster, r.epoch, r.sequence);
	else if (r.phase != q->phase)
		buf_addf(q->why, "%s@%s says %s of %" PRIu64 ".%" PRIu64,
			 q->ch->name, cluster, cluster_phase_name(r.phase),
			 r.epoch, r.sequence);
	else
		held = kept_report_held(q->host, q->ch, &r);
	cluster_report_release(&r);
	return held;
}

int64_t consensus_held(const struct host_config *host,
		       const struct channel_config *ch, const char *bundle,
		       enum cluster_phase phase, struct buf *ret_why)
{
	struct question q = {
		.host = host, .ch = ch, .bundle = bundle, .phase = phase,
		.trust = TRUST_INIT, .why = ret_why,
	};
	struct strvec clusters = STRVEC_INIT;
	struct err err = ERR_INIT;
	int64_t least = INT64_MAX;

	if (trust_reporter_names(ch, &clusters, &err) < 0 ||
	    trust_read_reporters(ch, NULL, &q.trust, &err) < 0) {
		buf_addf(ret_why, "%.300s", err.msg);
		least = -1;
	}
	for (size_t i = 0; least >= 0 && i < clusters.n; i++) {
		int64_t held = ask(&q, clusters.v[i]);

		if (held < least)
			least = held;
	}
	trust_release(&q.trust);
	strvec_release(&clusters);
	return least;
}
