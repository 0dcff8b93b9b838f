/*
 * Asking the kept reports. See consensus.h. Trusts no more of the folder than
 * that a file in it came when its time says so: a report must still be signed
 * by a key that the list has today.
 *
 * Silence says nothing. What took a cluster down may have come with the very
 * bundle that it called healthy, and one that called it failed may have mended
 * it long ago and find nobody who hears so.
 */
#include "config.h"
#include "hooks/consensus.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hooks/after.h"
#include "hooks/kept-report.h"
#include "hooks/share.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* <state_dir>/serve.start: its time is when serve was started */
#define START "/serve.start"

struct question {
	const struct host_config *host;
	const struct channel_config *ch;
	const char *bundle;
	enum cluster_phase phase;
	int64_t now, started;
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

/* Was it heard of lately, and since somebody listens? */
static bool is_heard(const struct question *q, const char *cluster)
{
	int64_t heard = kept_report_heard(q->host, q->ch, cluster);

	if (q->now - heard >= q->ch->silent_after) {
		buf_addf(q->why, "%s@%s has not been heard of for ",
			 q->ch->name, cluster);
		after_duration(q->now - heard, q->why);
		return false;
	}
	if (heard < q->started) {
		buf_addf(q->why, "%s@%s has not been heard of since serve was "
			 "started", q->ch->name, cluster);
		return false;
	}
	return true;
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
	else if (is_heard(q, cluster))
		held = kept_report_held(q->host, q->ch, &r);
	cluster_report_release(&r);
	return held;
}

static char *start_path(const struct host_config *host)
{
	return xasprintf("%s" START, host->state_dir);
}

/* 0 where it never was, or by a clock that was ahead; what a pusher wrote who
 * shares the repository says nothing. */
static int64_t started(const struct host_config *host, int64_t now)
{
	char *path = start_path(host);
	struct stat st;
	int64_t when = !share_is_owners(host->git_dir, path) ||
		       stat(path, &st) ? 0 : st.st_mtime;

	free(path);
	return when > now ? 0 : when;
}

int consensus_anew(const struct host_config *host, struct err *err)
{
	char *path = start_path(host);
	/* without it there is no report that could count */
	int rc = fs_exists(AT_FDCWD, host->state_dir) ?
		fs_write(AT_FDCWD, path, "", 0, 0640, err) : 0;

	free(path);
	return rc;
}

int64_t consensus_held(const struct host_config *host,
		       const struct channel_config *ch, const char *bundle,
		       enum cluster_phase phase, struct buf *ret_why)
{
	struct question q = {
		.host = host, .ch = ch, .bundle = bundle, .phase = phase,
		.now = clock_now(), .trust = TRUST_INIT, .why = ret_why,
	};
	struct strvec clusters = STRVEC_INIT;
	struct err err = ERR_INIT;
	int64_t least = INT64_MAX;

	q.started = started(host, q.now);
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
