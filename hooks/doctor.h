/*
 * The parts of `windlass-hook doctor`: a list of findings, the checks of the
 * repository as a whole, and those of one channel. A check never changes
 * anything, and one that fails does not keep the next from being made.
 */
#ifndef HOOKS_DOCTOR_H
#define HOOKS_DOCTOR_H

#include "hooks/host-config.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
	enum finding_level level;
	const char *check;	/* stable name, a static string */
	char *channel;		/* "" for the repository as a whole */
	char *message;		/* what, and for others than ok what to do */
};

struct doctor {
	struct finding *v;
	size_t n, failed, warned;
};

#define DOCTOR_INIT { 0 }

void doctor_say(struct doctor *d, enum finding_level level, const char *check,
		const char *channel, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void doctor_release(struct doctor *d);

void doctor_check_host(struct doctor *d, git_repository *repo,
		       const struct host_config *host);
void doctor_check_channel(struct doctor *d, git_repository *repo,
			  const struct host_config *host,
			  const struct channel_config *ch);
/* Who is told what its clusters report. */
void doctor_check_notify(struct doctor *d, const struct host_config *host,
			 const struct channel_config *ch);
/*
 * By `upload --check` and `images --check`, a program that is linked with what
 * that needs, where there are buckets or policies of images.
 */
void doctor_check_buckets(struct doctor *d, const struct host_config *host);
void doctor_check_images(struct doctor *d, git_repository *repo,
			 const struct host_config *host);
/* What such a program prints: one finding a line, for doctor to read. */
void doctor_put_lines(const struct doctor *d);

#endif
